// Blob, File, FormData, Headers, Request, Response, streams and compression.

const all = async (stream) => new Uint8Array(await new Response(stream).arrayBuffer());

test("a Blob is made of parts", async () => {
  const blob = new Blob(["aé", new Uint16Array([0x6362]), new DataView(bytes("64").buffer), new Blob(["e"]), bytes("66").buffer, 5], { type: "Text/X" });
  equal([blob.size, blob.type, await blob.text()], [9, "text/x", "aébcdef5"]);
  equal(await blob.arrayBuffer(), utf8("aébcdef5").buffer);
  equal(await blob.bytes(), utf8("aébcdef5"));
  equal([new Blob().size, new Blob([], { type: "a\u00e9" }).type], [0, ""]);
  same(await new Blob(["a\r\nb\rc\n"], { endings: "native" }).text(), "a\nb\nc\n");
  for (const parts of [null, 5, "text", {}]) throws("TypeError", () => new Blob(parts));
});

test("a Blob is cut by slice, with negative and missing ends", async () => {
  const blob = new Blob(["0123456789"]);
  for (const [args, expected] of [[[], "0123456789"], [[2], "23456789"], [[-3], "789"], [[2, 4], "23"], [[2, -2], "234567"], [[8, 2], ""], [[0, 100], "0123456789"], [[NaN, null], ""]]) same(await blob.slice(...args).text(), expected, JSON.stringify(args));
  same(blob.slice(0, 1, "A/b").type, "a/b");
});

test("a Blob streams bytes", async () => {
  const big = new Uint8Array(200_000).fill(7);
  equal((await all(new Blob([big]).stream())).length, 200_000);
  const reader = new Blob(["abc"]).stream().getReader({ mode: "byob" });
  equal((await reader.read(new Uint8Array(2))).value, utf8("ab"));
  same((await new Blob(["é"]).textStream().getReader().read()).value, "é");
});

test("a File is a Blob with a name", async () => {
  const file = new File(["x"], "a/b", { type: "t/u", lastModified: 7.9 });
  equal([file instanceof Blob, file.name, file.lastModified, file.size, file.type, await file.text()], [true, "a/b", 7, 1, "t/u", "x"]);
  ok(Math.abs(new File([], "").lastModified - Date.now()) < 1000);
  throws("TypeError", () => new File([]));
  same(file.slice(0, 1) instanceof File, false);
});

test("FormData has the operations of a list", () => {
  const form = new FormData();
  form.append("a", 1);
  form.append("b", new Blob(["x"]));
  form.append("a", "2");
  form.append("c", new Blob(["y"]), "name.txt");
  equal([form.get("a"), form.getAll("a"), form.has("z"), form.get("z"), form.get("b").name, form.get("b") instanceof File, form.get("c").name], ["1", ["1", "2"], false, null, "blob", true, "name.txt"]);
  form.set("a", "3");
  equal([...form.keys()], ["a", "b", "c"]);
  form.delete("b");
  equal([...form].length, 2);
  throws("TypeError", () => form.append("a", "text", "name"));
  throws("TypeError", () => new FormData(null));
});

test("multipart bodies go through Response and back", async () => {
  const form = new FormData();
  form.append('a"\n', "line\nbreak é");
  form.append("f", new File([bytes("00ff0d0a2d2d")], "ü\".bin", { type: "x/y" }));
  form.append("g", new File([], "empty"));
  const response = new Response(form);
  ok(/^multipart\/form-data; boundary=/.test(response.headers.get("content-type")));
  const copy = await response.formData();
  equal([...copy.keys()], ['a"\r\n', "f", "g"]);
  same(copy.get('a"\r\n'), "line\r\nbreak é");
  equal([copy.get("f").name, copy.get("f").type, copy.get("g").size, copy.get("g").type], ['ü".bin', "x/y", 0, "application/octet-stream"]);
  equal(await copy.get("f").bytes(), bytes("00ff0d0a2d2d"));
});

test("multipart text of other senders is read", async () => {
  const read = (text, type = 'multipart/form-data; boundary="B"') => new Response(text, { headers: { "content-type": type } }).formData();
  const form = await read('--B\r\ncontent-disposition: form-data; name="x"\r\n\r\n1\r\n--B\r\nContent-Disposition: form-data; name="f"; filename="n"\r\n\r\nbody\r\n--B--\r\n');
  equal([form.get("x"), form.get("f").name, form.get("f").type, await form.get("f").text()], ["1", "n", "text/plain", "body"]);
  equal([...(await read("--B--"))].length, 0);
  for (const text of ["", "--C--", "--B\r\nx", '--B\r\nContent-Disposition: form-data; name="x"\r\n\r\n1', "--B\r\n\r\n1\r\n--B--"]) await rejects("TypeError", read(text), JSON.stringify(text));
  await rejects("TypeError", read("--B--", "multipart/form-data"));
  await rejects("TypeError", read("--B--", "text/plain"));
  const plain = await read("a=1&b=%20+", "application/x-www-form-urlencoded");
  equal([...plain], [["a", "1"], ["b", "  "]]);
});

test("Headers combine, sort and normalize", () => {
  const headers = new Headers([["X-B", " 1 "], ["a", "2"], ["x-b", "3"], ["Set-Cookie", "c=1"], ["set-cookie", "d=2"]]);
  equal([...headers], [["a", "2"], ["set-cookie", "c=1"], ["set-cookie", "d=2"], ["x-b", "1, 3"]]);
  equal([headers.get("X-b"), headers.get("none"), headers.getSetCookie(), headers.get("set-cookie")], ["1, 3", null, ["c=1", "d=2"], "c=1, d=2"]);
  headers.set("X-B", "4");
  headers.delete("A");
  equal([headers.get("x-b"), headers.has("a")], ["4", false]);
  same(new Headers({ a: 1 }).get("a"), "1");
  same(new Headers(headers).get("x-b"), "4");
  for (const [name, value] of [["a b", "1"], ["", "1"], ["a", "\n1\n2"], ["a", "\0"], ["ä", "1"], ["a", "\u0100"]]) throws("TypeError", () => headers.append(name, value), JSON.stringify([name, value]));
  for (const init of [null, 5, [["a"]], [["a", "b", "c"]], ["ab"]]) throws("TypeError", () => new Headers(init), JSON.stringify(init));
  same(new Headers([["a", "\u00ff"]]).get("a"), "\u00ff");
});

test("a Response has its defaults, and checks what it is given", async () => {
  const response = new Response("é", { status: 201, statusText: "Made", headers: { a: "b" } });
  equal([response.status, response.ok, response.statusText, response.type, response.url, response.redirected, response.headers.get("content-type"), response.bodyUsed], [201, true, "Made", "default", "", false, "text/plain;charset=UTF-8", false]);
  same(await response.text(), "é");
  same(response.bodyUsed, true);
  await rejects("TypeError", response.text());
  equal([new Response().body, new Response(null).body, new Response(undefined).body], [null, null, null]);
  for (const status of [199, 600, 101, 0]) throws("RangeError", () => new Response(null, { status }), String(status));
  for (const status of [204, 205, 304]) throws("TypeError", () => new Response("", { status }), String(status));
  throws("TypeError", () => new Response(null, { statusText: "\n" }));
});

test("Response.json, redirect and error", async () => {
  const json = Response.json({ a: [1] }, { status: 202 });
  equal([json.status, json.headers.get("content-type"), await json.json()], [202, "application/json", { a: [1] }]);
  throws("TypeError", () => Response.json(undefined));
  throws("TypeError", () => Response.json(1n));
  const redirect = Response.redirect("https://h/a b", 307);
  equal([redirect.status, redirect.headers.get("location")], [307, "https://h/a%20b"]);
  throws("TypeError", () => redirect.headers.set("a", "b"));
  throws("RangeError", () => Response.redirect("https://h", 200));
  throws("TypeError", () => Response.redirect("not a url"));
  const error = Response.error();
  equal([error.type, error.status, error.ok], ["error", 0, false]);
});

test("bodies of every kind have their type and bytes", async () => {
  const cases = [
    ["text", "text/plain;charset=UTF-8", "text"],
    [new URLSearchParams("a=b c"), "application/x-www-form-urlencoded;charset=UTF-8", "a=b+c"],
    [new Blob(["b"], { type: "x/y" }), "x/y", "b"],
    [new Blob(["b"]), null, "b"],
    [utf8("u"), null, "u"],
    [utf8("u").buffer, null, "u"],
    [5, "text/plain;charset=UTF-8", "5"],
    [new ReadableStream({ start(c) { c.enqueue(utf8("s")); c.close(); } }), null, "s"],
  ];
  for (const [body, type, text] of cases) {
    const response = new Response(body);
    same(response.headers.get("content-type"), type, text);
    same(await response.text(), text);
  }
  const blob = await new Response("x", { headers: { "Content-Type": "Text/Plain; Charset=UTF-8" } }).blob();
  equal([blob.type, blob.size], ["text/plain;charset=UTF-8", 1]);
  await rejects("TypeError", new Response(new ReadableStream({ start(c) { c.enqueue("text"); c.close(); } })).text());
});

test("a body is a stream that can be read once, cloned and locked", async () => {
  const response = new Response("abc");
  const copy = response.clone();
  same(response.body, response.body);
  const reader = response.body.getReader();
  await rejects("TypeError", response.text());
  throws("TypeError", () => response.clone());
  equal((await reader.read()).value, utf8("abc"));
  same(response.bodyUsed, true);
  equal([copy.bodyUsed, await copy.text()], [false, "abc"]);
  const streamed = new Response(new Blob(["one"]).stream());
  const other = streamed.clone();
  equal([await streamed.text(), await other.text()], ["one", "one"]);
  const text = new Response("é").textStream();
  same((await text.getReader().read()).value, "é");
});

test("a Request has its defaults, and normalizes", async () => {
  const request = new Request("HTTPS://h/a b", { method: "post", body: "x", headers: { a: "b" } });
  equal([request.method, request.url, request.headers.get("a"), request.mode, request.credentials, request.cache, request.redirect, request.referrer, request.integrity, request.keepalive, request.duplex, request.destination], ["POST", "https://h/a%20b", "b", "cors", "same-origin", "default", "follow", "about:client", "", false, "half", ""]);
  equal([request.signal.aborted, await request.text()], [false, "x"]);
  same(new Request("https://h", { method: "patch" }).method, "patch");
  const bad = [["/relative"], ["https://u:p@h"], ["https://h", { method: "a b" }], ["https://h", { method: "TRACE" }], ["https://h", { body: "x" }], ["https://h", { method: "HEAD", body: "" }], ["https://h", { mode: "navigate" }], ["https://h", { redirect: "x" }], ["https://h", { signal: 5 }], ["https://h", { method: "POST", body: new ReadableStream() }]];
  bad.forEach((args, i) => throws("TypeError", () => new Request(...args), `case ${i}`));
  same(new Request("https://h", { method: "POST", body: new ReadableStream(), duplex: "half" }).bodyUsed, false);
});

test("a Request made from a Request takes its body, and follows its signal", async () => {
  const controller = new AbortController();
  const first = new Request("https://h", { method: "POST", body: "x", signal: controller.signal });
  const copy = first.clone();
  const second = new Request(first, { headers: { z: "1" } });
  equal([first.bodyUsed, await second.text(), second.method, second.headers.get("z"), await copy.text()], [true, "x", "POST", "1", "x"]);
  throws("TypeError", () => new Request(first));
  controller.abort(3);
  equal([second.signal.aborted, second.signal.reason, copy.signal.reason], [true, 3, 3]);
});

test("streams pipe, tee, and are iterated", async () => {
  const source = () => ReadableStream.from([1, 2, 3]);
  const seen = [];
  for await (const value of source()) seen.push(value);
  equal(seen, [1, 2, 3]);
  const [a, b] = source().tee();
  const doubled = a.pipeThrough(new TransformStream({ transform: (chunk, controller) => controller.enqueue(chunk * 2) }));
  const written = [];
  await doubled.pipeTo(new WritableStream({ write: (chunk) => void written.push(chunk) }));
  equal(written, [2, 4, 6]);
  await b.cancel();
  const controller = new AbortController();
  controller.abort("stop");
  let reason;
  await source().pipeTo(new WritableStream(), { signal: controller.signal }).catch((error) => (reason = error));
  same(reason, "stop");
});

test("queuing strategies measure", () => {
  equal([new CountQueuingStrategy({ highWaterMark: 4 }).size(9), new ByteLengthQueuingStrategy({ highWaterMark: 4 }).size(new Uint8Array(3)), new CountQueuingStrategy({ highWaterMark: "5" }).highWaterMark], [1, 3, 5]);
});

for (const format of ["gzip", "deflate", "deflate-raw"]) {
  test(`${format} compresses and decompresses`, async () => {
    const data = utf8("hello ".repeat(10_000));
    const packed = await all(new Blob([data]).stream().pipeThrough(new CompressionStream(format)));
    ok(packed.length < 1000, "smaller");
    equal(await all(new Blob([packed]).stream().pipeThrough(new DecompressionStream(format))), data);
    const unpack = (bytes) => all(new Blob([bytes]).stream().pipeThrough(new DecompressionStream(format)));
    await rejects("TypeError", unpack(packed.slice(0, -1)), "cut short");
    await rejects("TypeError", unpack(new Uint8Array([...packed, 0])), "data after the end");
    await rejects("TypeError", unpack(new Uint8Array(0)), "nothing");
    await rejects("TypeError", unpack(new Uint8Array(50).fill(255)), "nonsense");
    if (format !== "deflate-raw") await rejects("TypeError", unpack(packed.with(packed.length - 1, packed.at(-1) ^ 1)), "another checksum");
    const empty = await all(new Blob([]).stream().pipeThrough(new CompressionStream(format)));
    equal(await unpack(empty), new Uint8Array(0));
  });
}

test("compression takes bytes of known formats only", async () => {
  throws("TypeError", () => new CompressionStream("br"));
  throws("TypeError", () => new DecompressionStream());
  const stream = new CompressionStream("gzip");
  const writer = stream.writable.getWriter();
  const read = stream.readable.getReader().read();
  await rejects("TypeError", writer.write("text"));
  await rejects("TypeError", read);
});

test("gzip of another program is read", async () => {
  const packed = Uint8Array.fromBase64("H4sIAAAAAAACA8tIzcnJBwCGphA2BQAAAA==");
  same(new TextDecoder().decode(await all(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip")))), "hello");
});

test("what a compressed chunk says is told at once", async () => {
  const packed = await all(new Blob(["told at once"]).stream().pipeThrough(new CompressionStream("gzip")));
  const stream = new DecompressionStream("gzip");
  stream.writable.getWriter().write(packed); // and never closed
  const { value } = await stream.readable.getReader().read();
  same(new TextDecoder().decode(value), "told at once");
});

test("a body that is read stays locked", async () => {
  const response = new Response("x");
  const text = response.text();
  throws("TypeError", () => response.body.getReader());
  same(await text, "x");
  equal([response.body.locked, response.bodyUsed], [true, true]);
});

test("a request made of another takes its body at once", () => {
  const request = new Request("https://a/", { method: "POST", body: "x" });
  request.body;
  new Request(request);
  same(request.bodyUsed, true);
});

test("a cloned response has chunks of its own", async () => {
  const chunk = new Uint16Array([1, 2]);
  const response = new Response(new ReadableStream({ start: (controller) => (controller.enqueue(chunk), controller.close()) }));
  const copy = response.clone();
  const [{ value: first }, { value: second }] = await Promise.all([response, copy].map((it) => it.body.getReader().read()));
  same(first, chunk);
  same(second.constructor, Uint16Array);
  equal(second, first);
  second[0] = 9;
  same(chunk[0], 1);
});

test("a form keeps its byte order marks", async () => {
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const form = await new Response("\uFEFFa=\uFEFFb", { headers }).formData();
  equal([...form], [["\uFEFFa", "\uFEFFb"]]);
});

test("`no-cors` goes with simple methods only", () => {
  same(new Request("https://a/", { mode: "no-cors", method: "HEAD" }).mode, "no-cors");
  throws("TypeError", () => new Request("https://a/", { mode: "no-cors", method: "PUT" }));
});

test("streams are iterated as ECMAScript's own", () => {
  const iterator = Object.getPrototypeOf(new ReadableStream().values());
  same(Object.getPrototypeOf(iterator), Object.getPrototypeOf(Object.getPrototypeOf(async function* () {}).prototype));
  equal(Reflect.ownKeys(iterator), ["next", "return"]);
});

test("the blob of a body keeps the parameters of its type as they are", async () => {
  const of = async (type) => (await new Response("x", { headers: { "content-type": type } }).blob()).type;
  equal([await of("TEXT/Html;Charset=GBK"), await of("a/b;c=\u00e9")], ["text/html;charset=GBK", 'a/b;c="\u00e9"']);
});
