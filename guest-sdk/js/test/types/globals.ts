// What is there without an import.

same(credential("TOKEN"));
requireCredentials("A", "B");
// @ts-expect-error a key is a string
globalThis.credential(1);

function same(_text: string): void {}

/** The web platform that a step has, by the types of `lib`. */
async function platform(): Promise<void> {
  const url = new URL("https://example.org/?a=1");
  const pattern = new URLPattern({ pathname: "/:id" });
  same(url.searchParams.get("a") ?? "");
  same(String(pattern.test(url)));
  const bytes = new TextEncoder().encode(atob(btoa("text")));
  const key = await crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const signature: ArrayBuffer = await crypto.subtle.sign("HMAC", key, bytes);
  same(crypto.randomUUID());
  const packed = new Blob([bytes, signature]).stream().pipeThrough(new CompressionStream("gzip"));
  same(await new Response(packed).text());
  const form = new FormData();
  form.set("file", new File(["x"], "x.txt"));
  const request = new Request(url, { method: "POST", body: form, signal: AbortSignal.timeout(10) });
  request.headers.append("x-a", "b");
  const response = await fetch(request, { redirect: "manual", signal: AbortSignal.timeout(10) });
  same(response.headers.get("location") ?? response.url);
  for await (const chunk of response.body ?? []) same(String(chunk.length));
  structuredClone(new Map([[1, performance.now()]]));
  queueMicrotask(() => reportError(new DOMException("x", "AbortError")));
  setTimeout((text: string) => same(text), 1, navigator.userAgent);
  console.table([{ a: 1 }]);
  self.addEventListener("unhandledrejection", (event) => event.preventDefault());
}

// @ts-expect-error Node's, which a step does not have
Buffer.from("x");
// @ts-expect-error a page's, which a step does not have
document.title;

export { platform };
