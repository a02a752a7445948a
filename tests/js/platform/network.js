// fetch, over a real server: `HTTP` and `HTTPS` are its origins, and the test of this file tells them.

const echo = async (path, init) => (await fetch(HTTPS + path, init)).json();
const headersOf = (told) => Object.fromEntries(told.headers);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const answer = (query) => `${HTTPS}/answer?${new URLSearchParams(query)}`;

test("a request has a method, headers and defaults that can be replaced", async () => {
  const plain = await echo("/echo?a=b#fragment");
  equal([plain.method, plain.path, plain.query, plain.body], ["GET", "/echo", "a=b", ""]);
  equal([headersOf(plain).accept, headersOf(plain)["user-agent"]], ["*/*", navigator.userAgent]);
  const own = await echo("/echo", { method: "patch", headers: { Accept: "a/b", "User-Agent": "me", "X-Bytes": "\u00e9", "content-length": "7" } });
  equal([own.method, headersOf(own).accept, headersOf(own)["user-agent"], headersOf(own)["x-bytes"]], ["patch", "a/b", "me", "\u00e9"]);
  equal(headersOf(own)["content-length"] ?? "0", "0");
});

test("a body that is all there is sent with its type and length", async () => {
  for (const origin of [HTTP, HTTPS]) {
    const send = async (body) => (await fetch(`${origin}/echo`, { method: "POST", body })).json();
    const text = await send("é");
    equal([text.body, headersOf(text)["content-type"], headersOf(text)["content-length"]], ["é", "text/plain;charset=UTF-8", "2"]);
    const form = await send(new URLSearchParams({ a: "1 2" }));
    equal([form.body, headersOf(form)["content-type"]], ["a=1+2", "application/x-www-form-urlencoded;charset=UTF-8"]);
    equal((await send(bytes("616263"))).body, "abc");
    equal((await send(new Blob(["x"], { type: "a/b" }))).headers.find((it) => it[0] === "content-type")[1], "a/b");
    const data = new FormData();
    data.append("n", "v");
    ok((await send(data)).body.includes('name="n"'));
    equal([(await send("")).body, headersOf(await send(""))["content-length"]], ["", "0"]);
  }
});

test("a Request can be fetched, and its body is then used", async () => {
  const request = new Request(`${HTTPS}/echo`, { method: "PUT", body: "once", headers: { "x-y": "z" } });
  const told = await (await fetch(request)).json();
  equal([told.method, told.body, headersOf(told)["x-y"], request.bodyUsed], ["PUT", "once", "z", true]);
  await rejects("TypeError", fetch(request));
  equal((await echo("/echo", { method: "POST", body: "a" })).body, "a");
  const cloned = new Request(`${HTTPS}/echo`, { method: "POST", body: "twice" });
  equal([(await (await fetch(cloned.clone())).json()).body, (await (await fetch(cloned)).json()).body], ["twice", "twice"]);
});

test("a response tells where it comes from and cannot be changed", async () => {
  const response = await fetch(`${answer([["status", "201"], ["header", "x-a:1"], ["header", "x-a:2"], ["header", "set-cookie:a=b"], ["header", "set-cookie:c=d"], ["body", "text"]])}#part`);
  equal([response.status, response.ok, response.type, response.redirected, response.bodyUsed], [201, true, "basic", false, false]);
  same(response.url, answer([["status", "201"], ["header", "x-a:1"], ["header", "x-a:2"], ["header", "set-cookie:a=b"], ["header", "set-cookie:c=d"], ["body", "text"]]));
  equal([response.headers.get("X-A"), response.headers.getSetCookie()], ["1, 2", ["a=b", "c=d"]]);
  throws("TypeError", () => response.headers.set("x-a", "3"));
  throws("TypeError", () => response.clone().headers.append("x-a", "3"));
  equal([await response.text(), response.bodyUsed], ["text", true]);
  await rejects("TypeError", response.text());
  same((await fetch(`${HTTP}/answer?status=404`)).statusText, "Not Found");
  same((await fetch(answer([["status", "500"]]))).ok, false);
});

test("answers that never have a body have none", async () => {
  for (const [init, status] of [[{ method: "HEAD" }, 200], [{}, 204], [{}, 304], [{}, 205]]) {
    const response = await fetch(answer([["status", String(status)]]), init);
    equal([response.status, response.body, await response.text()], [status, null, ""], `${status}`);
  }
  const empty = await fetch(answer([["status", "200"]]));
  ok(empty.body instanceof ReadableStream);
  same(await empty.text(), "");
});

test("a body is read whole in every form", async () => {
  const get = () => fetch(answer([["body", '{"a":[1,"é"]}'], ["header", "content-type:application/json"]]));
  equal(await (await get()).json(), { a: [1, "é"] });
  equal(await (await get()).arrayBuffer(), utf8('{"a":[1,"é"]}').buffer);
  equal(await (await get()).bytes(), utf8('{"a":[1,"é"]}'));
  const blob = await (await get()).blob();
  equal([blob.type, await blob.text()], ["application/json", '{"a":[1,"é"]}']);
  const form = await fetch(answer([["body", "a=1&b=2"], ["header", "content-type:application/x-www-form-urlencoded"]]));
  equal([...(await form.formData())], [["a", "1"], ["b", "2"]]);
  await rejects("SyntaxError", (await fetch(answer([["body", "{"]]))).json().catch((error) => { throw new DOMException(String(error instanceof SyntaxError), "SyntaxError"); }));
  const large = await (await fetch(`${HTTP}/bytes/1000003`)).bytes();
  equal([large.length, large.every((it, at) => it === at % 251)], [1_000_003, true]);
});

test("compressed answers are decompressed", async () => {
  for (const coding of ["gzip", "br", "deflate"]) {
    const response = await fetch(`${HTTPS}/echo/${coding}`);
    equal([(await response.json()).path], [`/echo/${coding}`]);
  }
});

test("a body is read piece by piece as a stream", async () => {
  const { body } = await fetch(`${HTTP}/bytes/600000`);
  let at = 0;
  for await (const chunk of body) for (const byte of chunk) if (byte !== at++ % 251) fail(`byte ${at}`);
  same(at, 600_000);
  const reader = (await fetch(`${HTTP}/bytes/10`)).body.getReader({ mode: "byob" });
  equal((await reader.read(new Uint8Array(4))).value, bytes("00010203"));
  equal((await reader.read(new Uint8Array(40))).value, bytes("040506070809"));
  same((await reader.read(new Uint8Array(4))).done, true);
});

test("pieces are there before the body has ended", async () => {
  const { body } = await fetch(`${HTTP}/slow/pieces/3/50`);
  const began = performance.now();
  const reader = body.getReader();
  const first = await reader.read();
  ok(performance.now() - began < 120, "the first piece is early");
  equal([first.value.length, first.done], [1024, false]);
  await reader.cancel();
});

test("a response can be cloned before it is read, and each has the whole body", async () => {
  const response = await fetch(`${HTTP}/bytes/300000`);
  const clone = response.clone();
  const [one, two] = await Promise.all([response.bytes(), clone.bytes()]);
  equal([one.length, two.length, clone.url === response.url, clone.type], [300_000, 300_000, true, "basic"]);
  throws("TypeError", () => response.clone());
});

test("a stream is sent as a body, and what comes back streams too", async () => {
  const chunks = ["a", "é", "", "x".repeat(700_000)];
  const body = new ReadableStream({
    async pull(controller) {
      await pause(1);
      if (chunks.length === 0) return controller.close();
      controller.enqueue(utf8(chunks.shift()));
    },
  });
  const response = await fetch(`${HTTP}/mirror`, { method: "POST", body, duplex: "half" });
  const text = await response.text();
  equal([text.length, text.slice(0, 3)], [700_002, "aéx"]);
  await rejects("TypeError", fetch(`${HTTP}/mirror`, { method: "POST", body: new ReadableStream() }));
});

test("an answer is piped into a request", async () => {
  for (const origin of [HTTP, HTTPS]) {
    const source = await fetch(`${origin}/bytes/3000000`);
    const sent = await fetch(`${origin}/count`, { method: "PUT", body: source.body, duplex: "half" });
    equal(await sent.json(), { bytes: 3_000_000 });
  }
});

test("what a stream of a body fails with is the cause of the error", async () => {
  const cause = new RangeError("mine");
  const failing = new ReadableStream({ pull: () => Promise.reject(cause) });
  const error = await rejects("TypeError", fetch(`${HTTP}/count`, { method: "POST", body: failing, duplex: "half" }));
  equal([error.code, error.cause === cause], ["body", true]);
  const text = new ReadableStream({ pull: (controller) => controller.enqueue("text") });
  same((await rejects("TypeError", fetch(`${HTTP}/count`, { method: "POST", body: text, duplex: "half" }))).code, "body");
});

test("a stream is asked for more only when there is room", async () => {
  let pulled = 0;
  const stop = new AbortController();
  const body = new ReadableStream({ pull(controller) { pulled++; controller.enqueue(new Uint8Array(65536)); } }, { highWaterMark: 0 });
  const sent = fetch(`${HTTP}/slow/read/1000000`, { method: "POST", body, duplex: "half", signal: stop.signal });
  await pause(150);
  const soFar = pulled;
  ok(soFar > 0 && soFar < 400, `${soFar} chunks of 64 KiB were pulled`);
  stop.abort();
  await rejects("AbortError", sent);
});

test("redirects are followed, given or refused", async () => {
  const to = (status, place = "/echo", init) => fetch(`${HTTPS}/redirect/${status}?to=${encodeURIComponent(place)}`, init);
  const followed = await to(302, "/echo#x");
  equal([followed.redirected, followed.url, followed.status], [true, `${HTTPS}/echo`, 200]);
  await followed.body.cancel();
  const post = { method: "POST", body: "b", headers: { "content-type": "a/b" } };
  const changed = await (await to(303, "/echo", post)).json();
  equal([changed.method, changed.body, headersOf(changed)["content-type"]], ["GET", "", undefined]);
  const kept = await (await to(307, "/echo", post)).json();
  equal([kept.method, kept.body, headersOf(kept)["content-type"]], ["POST", "b", "a/b"]);
  const manual = await to(308, "/echo", { redirect: "manual" });
  equal([manual.status, manual.headers.get("location"), manual.type, manual.redirected, manual.ok], [308, "/echo", "basic", false, false]);
  same((await rejects("TypeError", to(301, "/echo", { redirect: "error" }))).code, "redirect");
  same((await rejects("TypeError", fetch(`${HTTPS}/loop/0`))).code, "redirect");
  same((await rejects("TypeError", to(302, "https://["))).code, "redirect");
  const stream = { method: "POST", body: new Blob(["s"]).stream(), duplex: "half" };
  same((await rejects("TypeError", to(307, "/echo", stream))).code, "redirect");
});

test("a signal aborts before, while waiting and while the body comes", async () => {
  const reason = new Error("enough");
  same(await fetch(`${HTTP}/echo`, { signal: AbortSignal.abort(reason) }).catch((it) => it), reason);
  let cancelled;
  const body = new ReadableStream({ cancel(why) { cancelled = why; } });
  await fetch(`${HTTP}/echo`, { method: "POST", body, duplex: "half", signal: AbortSignal.abort(reason) }).catch(() => {});
  same(cancelled, reason);

  const waiting = new AbortController();
  const never = fetch(`${HTTP}/slow/never`, { signal: waiting.signal });
  await pause(5);
  waiting.abort();
  await rejects("AbortError", never);
  const began = performance.now();
  await rejects("TimeoutError", fetch(`${HTTP}/slow/never`, { signal: AbortSignal.timeout(20) }));
  ok(performance.now() - began < 500, "it took no longer");

  const late = new AbortController();
  const response = await fetch(`${HTTP}/broken/endless`, { signal: late.signal });
  const reader = response.body.getReader();
  same((await reader.read()).done, false);
  late.abort(reason);
  same(await reader.read().catch((it) => it), reason);

  const whole = new AbortController();
  const reading = (await fetch(`${HTTP}/broken/endless`, { signal: whole.signal })).text();
  await pause(5);
  whole.abort(reason);
  same(await reading.catch((it) => it), reason);

  const unread = new AbortController();
  const left = await fetch(`${HTTP}/broken/endless`, { signal: unread.signal });
  unread.abort(reason);
  same(await left.text().catch((it) => it), reason);

  const over = new AbortController();
  const done = await fetch(`${HTTP}/bytes/10`, { signal: over.signal });
  await done.text();
  over.abort();
  same(await (await fetch(new Request(`${HTTP}/answer?body=x`, { signal: new AbortController().signal }))).text(), "x");
  const request = new Request(`${HTTP}/slow/never`, { signal: AbortSignal.timeout(10) });
  await rejects("TimeoutError", fetch(request));
});

test("a cancelled body ends its request", async () => {
  const response = await fetch(`${HTTP}/broken/endless`);
  await response.body.cancel();
  equal([response.bodyUsed, (await response.body.getReader().read()).done], [true, true]);
});

test("requests run at once", async () => {
  const began = performance.now();
  const texts = await Promise.all(Array.from({ length: 30 }, async () => (await fetch(`${HTTP}/slow/head/100`)).text()));
  same(texts.join(), Array(30).fill("late").join());
  ok(performance.now() - began < 1500, `${performance.now() - began} ms`);
});

test("more answers may wait to be read than requests may be on their way", async () => {
  const responses = await Promise.all(Array.from({ length: 100 }, (_, at) => fetch(`${HTTP}/answer?body=${at}`)));
  const texts = await Promise.all(responses.map((it) => it.text()));
  same(texts.join(), Array.from({ length: 100 }, (_, at) => at).join());
});

test("answers that nobody has any more give their place back", async () => {
  let count = 0;
  for (let at = 0; at < 80; at++) if ((await fetch(`${HTTP}/broken/endless`)).ok) count++;
  same(count, 80);
});

test("timers and requests do not keep each other waiting", async () => {
  let ticks = 0;
  const { port1, port2 } = new MessageChannel();
  let going = true;
  port2.onmessage = () => going && port1.postMessage(0);
  port1.postMessage(0);
  const timer = setInterval(() => ticks++, 1);
  await (await fetch(`${HTTP}/slow/head/30`)).text();
  ok(ticks > 3, `${ticks} ticks`);
  const { body } = await fetch(`${HTTP}/broken/endless`);
  const seen = ticks;
  let pieces = 0;
  for await (const _ of body) if (++pieces === 50) break;
  await pause(5);
  ok(ticks > seen, "the timer ran");
  going = false;
  clearInterval(timer);
  port1.close();
});

test("errors tell what failed and where", async () => {
  const code = async (url, expected) => {
    const error = await rejects("TypeError", async () => (await fetch(url)).text(), url);
    same(error.code, expected, url);
    same(error.constructor, TypeError);
    ok(error.message.startsWith("fetch: "), error.message);
    ok(/network|platform\.js/.test(error.stack), error.stack);
    return error;
  };
  const denied = await code("http://10.255.255.1/", "egress_denied");
  equal([denied.host, Object.keys(denied).join()], ["10.255.255.1", "code,host"]);
  const unknown = await code("http://unknown.invalid/", "dns");
  equal([unknown.host, unknown.retryable], ["unknown.invalid", true]);
  await code(CLOSED, "connect");
  await code(HTTPS.replace("a.test", "untrusted.test"), "tls");
  await code(CUT, "body");
  await code(`${HTTPS}/broken/gzip`, "body");
  await code(NO_HTTP, "protocol");
  for (const url of ["ftp://a.test/", "blob:x", "about:blank", "file:///x"]) await code(url, "protocol");
  await rejects("TypeError", fetch("/relative"));
  await rejects("TypeError", fetch("http://user:password@a.test/"));
  await rejects("TypeError", fetch(HTTP, { body: "x" }));
  await rejects("TypeError", fetch());
});

test("a body is held against the integrity that was asked for", async () => {
  const url = `${HTTP}/answer?body=abc`;
  const right = "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";
  for (const integrity of [right, `sha256-AAAA ${right}`, "md5-x", right.replaceAll("/", "_").replaceAll("+", "-")]) same(await (await fetch(url, { integrity })).text(), "abc", integrity);
  for (const integrity of [right.replace("u", "v"), `${right} sha384-AAAA`]) same((await rejects("TypeError", fetch(url, { integrity }), integrity)).code, "body");
});

test("data: URLs are read", async () => {
  for (const [url, type, text] of [
    ["data:,a%20b%zz", "text/plain;charset=US-ASCII", "a b%zz"],
    ["data:text/html;charset=x,<b>#f", "text/html;charset=x", "<b>"],
    ["data:;base64, YQ = =", "text/plain;charset=US-ASCII", "a"],
    ["data:a/b; BASE64,%59Q==", "a/b", "a"],
    ["data:;charset=utf-8,%C3%A9", "text/plain;charset=utf-8", "é"],
  ]) {
    const response = await fetch(url);
    equal([response.status, response.headers.get("content-type"), await response.text(), response.type], [200, type, text, "basic"], url);
  }
  for (const url of ["data:text/plain", "data:;base64,a"]) await rejects("TypeError", fetch(url), url);
});

test("fetch has the shape of its IDL", () => {
  const property = Object.getOwnPropertyDescriptor(globalThis, "fetch");
  equal([fetch.name, fetch.length, property.writable, property.enumerable, property.configurable], ["fetch", 1, true, true, true]);
  throws("TypeError", () => new fetch(HTTP));
  ok(fetch("data:,").catch(() => {}) instanceof Promise);
});
