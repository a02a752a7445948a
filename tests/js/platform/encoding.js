// TextEncoder, TextDecoder and their streams.

const text = "aé€😀";
const encoded = "61c3a9e282acf09f9880";

test("TextEncoder gives UTF-8, and U+FFFD for half a pair", () => {
  const encoder = new TextEncoder();
  same(encoder.encoding, "utf-8");
  equal(encoder.encode(text), bytes(encoded));
  equal(encoder.encode("\ud800x\udc00"), bytes("efbfbd78efbfbd"));
  same(encoder.encode().length, 0);
  same(encoder.encode(undefined).length, 0);
  equal(encoder.encode("\0"), bytes("00"));
});

test("encodeInto writes whole characters and counts both sides", () => {
  const encoder = new TextEncoder();
  for (const [room, read, written] of [[0, 0, 0], [1, 1, 1], [2, 1, 1], [3, 2, 3], [9, 3, 6], [10, 5, 10], [20, 5, 10]]) {
    const array = new Uint8Array(room);
    equal(encoder.encodeInto(text, array), { read, written }, `room ${room}`);
  }
  const inside = new Uint8Array(6);
  encoder.encodeInto("ab", inside.subarray(2, 4));
  equal(inside, bytes("000061620000"));
  throws("TypeError", () => encoder.encodeInto("", new Int8Array(1)));
  throws("TypeError", () => encoder.encodeInto(""));
});

test("TextDecoder knows labels, and refuses what is none", () => {
  for (const [label, name] of Object.entries({ UTF8: "utf-8", " latin1\n": "windows-1252", ascii: "windows-1252", "shift-jis": "shift_jis", gb2312: "gbk", "utf-16": "utf-16le", "x-cp1251": "windows-1251", "iso-8859-8-i": "iso-8859-8-i", macintosh: "macintosh" })) same(new TextDecoder(label).encoding, name, label);
  for (const label of ["utf-7", "replacement", "", "iso-2022-kr", "utf-32"]) throws("RangeError", () => new TextDecoder(label), label);
  const { encoding, fatal, ignoreBOM } = new TextDecoder();
  equal([encoding, fatal, ignoreBOM], ["utf-8", false, false]);
});

test("TextDecoder decodes legacy encodings", () => {
  const cases = { shift_jis: ["82a082e9", "ある"], "euc-kr": ["b0a1", "가"], gbk: ["c4e3", "你"], gb18030: ["81308130", "\x80"], big5: ["a741", "你"], "euc-jp": ["a4a2", "あ"], "iso-2022-jp": ["1b244224221b2842", "あ"], "koi8-r": ["c1", "а"], "windows-1252": ["80", "€"], "utf-16be": ["00e4d83dde00", "ä😀"], "utf-16le": ["e4003dd800de", "ä😀"], "x-user-defined": ["80", "\uf780"] };
  for (const [label, [data, expected]] of Object.entries(cases)) same(new TextDecoder(label).decode(bytes(data)), expected, label);
});

test("malformed bytes become U+FFFD, or a TypeError", () => {
  const cases = { "c0": "\ufffd", "e282": "\ufffd", "f09f98": "\ufffd", "edA080": "\ufffd\ufffd\ufffd", "61ff62": "a\ufffdb", "e28261": "\ufffda", "f4908080": "\ufffd\ufffd\ufffd\ufffd" };
  for (const [data, expected] of Object.entries(cases)) {
    same(new TextDecoder().decode(bytes(data)), expected, data);
    throws("TypeError", () => new TextDecoder("utf-8", { fatal: true }).decode(bytes(data)), data);
  }
  throws("TypeError", () => new TextDecoder("utf-16le", { fatal: true }).decode(bytes("00")));
});

test("a byte order mark is left out unless it is asked for", () => {
  const data = bytes("efbbbf61");
  equal([new TextDecoder().decode(data), new TextDecoder("utf-8", { ignoreBOM: true }).decode(data), new TextDecoder("utf-16le").decode(bytes("fffe6100"))], ["a", "\ufeffa", "a"]);
  const decoder = new TextDecoder();
  same(decoder.decode(bytes("efbb"), { stream: true }) + decoder.decode(bytes("bf61"), { stream: true }) + decoder.decode(), "a");
  same(decoder.decode(data), "a", "again with the same decoder");
});

test("a decoder streams, whatever the cuts", () => {
  for (let cut = 0; cut <= 10; cut++) {
    const decoder = new TextDecoder();
    const data = bytes(encoded);
    same(decoder.decode(data.subarray(0, cut), { stream: true }) + decoder.decode(data.subarray(cut)), text, `cut at ${cut}`);
  }
  const decoder = new TextDecoder("utf-8", { fatal: true });
  decoder.decode(bytes("e2"), { stream: true });
  throws("TypeError", () => decoder.decode());
  same(decoder.decode(bytes("61")), "a");
});

test("decode takes every kind of buffer", () => {
  const buffer = bytes("61626364").buffer;
  const decoder = new TextDecoder();
  equal([decoder.decode(buffer), decoder.decode(new DataView(buffer, 1, 2)), decoder.decode(new Uint16Array(buffer, 2)), decoder.decode(undefined), decoder.decode()], ["abcd", "bc", "cd", "", ""]);
  throws("TypeError", () => decoder.decode("text"));
  throws("TypeError", () => decoder.decode(null));
});

async function through(transform, chunks) {
  const writer = transform.writable.getWriter();
  const reader = transform.readable.getReader();
  const written = (async () => {
    for (const chunk of chunks) await writer.write(chunk);
    await writer.close();
  })();
  written.catch(() => {});
  const result = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return result;
    result.push(value);
  }
}

test("TextEncoderStream joins pairs over chunks", async () => {
  const chunks = await through(new TextEncoderStream(), ["a\ud83d", "\ude00", "\ud800"]);
  same(hex(await new Blob(chunks).arrayBuffer()), "61f09f9880efbfbd");
});

test("TextDecoderStream decodes over chunks, and errors when fatal", async () => {
  const data = bytes(encoded);
  same((await through(new TextDecoderStream(), [data.slice(0, 2), data.slice(2, 5), data.slice(5)])).join(""), text);
  await rejects("TypeError", through(new TextDecoderStream("utf-8", { fatal: true }), [bytes("ff")]));
  await rejects("TypeError", through(new TextDecoderStream(), ["text"]));
  const { encoding, fatal, ignoreBOM } = new TextDecoderStream("latin1", { fatal: true });
  equal([encoding, fatal, ignoreBOM], ["windows-1252", true, false]);
});
