// URL, URLSearchParams, URLPattern.

test("a URL has its parts", () => {
  const url = new URL("HTTP://us%20er:pa:ss@EXAMPLE.com:8080/a/../b c?x=1&y=ä#frag ment");
  equal(
    [url.href, url.origin, url.protocol, url.username, url.password, url.host, url.hostname, url.port, url.pathname, url.search, url.hash],
    ["http://us%20er:pa%3Ass@example.com:8080/b%20c?x=1&y=%C3%A4#frag%20ment", "http://example.com:8080", "http:", "us%20er", "pa%3Ass", "example.com:8080", "example.com", "8080", "/b%20c", "?x=1&y=%C3%A4", "#frag%20ment"],
  );
  same(String(url), url.href);
  same(JSON.stringify({ url }), `{"url":"${url.href}"}`);
});

test("relative URLs are resolved against a base", () => {
  const cases = [
    ["../x?y#z", "https://e.org/a/b/c", "https://e.org/a/x?y#z"],
    ["//other/p", "https://e.org/a", "https://other/p"],
    ["?q", "https://e.org/a?b", "https://e.org/a?q"],
    ["", "https://e.org/a#b", "https://e.org/a"],
    ["x:y", "https://e.org/", "x:y"],
    ["\\a\\b", "https://e.org/", "https://e.org/a/b"],
  ];
  for (const [url, base, expected] of cases) same(new URL(url, base).href, expected, url);
  same(new URL("a", new URL("http://h/b/")).href, "http://h/b/a");
});

test("hosts are normalized", () => {
  const cases = { "http://0x7f.1/": "127.0.0.1", "http://[::0:1]/": "[::1]", "http://bücher.example/": "xn--bcher-kva.example", "http://%41.b/": "a.b", "http://1.2.3/": "1.2.0.3", "http://faß.de": "xn--fa-hia.de" };
  for (const [url, host] of Object.entries(cases)) same(new URL(url).hostname, host, url);
  for (const url of ["http://a b/", "http://[::1", "http://1.2.3.4.5/", "http://256.256.256.256/", "http://a:99999/", "http://", "nothing", "http://a%00b/", "https://xn--a/"]) {
    const error = throws("TypeError", () => new URL(url), url);
    ok(error.message.includes(JSON.stringify(url)), "the error names the URL");
    same(URL.canParse(url), false);
    same(URL.parse(url), null);
  }
});

test("default ports are left out, schemes decide about origins", () => {
  equal([new URL("https://h:443/").port, new URL("https://h:80/").port, new URL("ws://h:80").host], ["", "80", "h"]);
  equal([new URL("data:text/plain,x").origin, new URL("blob:https://a.b/id").origin, new URL("file:///x").origin], ["null", "https://a.b", "null"]);
  equal([new URL("mailto:a@b").pathname, new URL("mailto:a@b").host], ["a@b", ""]);
});

test("setters change one part, or nothing", () => {
  const url = new URL("https://example.com/path");
  url.protocol = "http";
  url.host = "other:81";
  url.pathname = "a b";
  url.search = "q=ü";
  url.hash = "h";
  url.username = "me@";
  url.password = "s:t";
  same(url.href, "http://me%40:s%3At@other:81/a%20b?q=%C3%BC#h");
  url.port = "nonsense";
  url.protocol = "foo";
  url.hostname = "";
  same(url.host, "other:81");
  same(url.protocol, "http:");
  url.port = "";
  url.search = "";
  url.hash = "";
  url.username = url.password = "";
  same(url.href, "http://other/a%20b");
  throws("TypeError", () => (url.href = "nonsense"));
  url.href = "https://new/";
  same(url.host, "new");
  same(Object.is(url.searchParams, url.searchParams), true);
});

test("searchParams and search follow each other", () => {
  const url = new URL("https://h/?a=1&b=2");
  const params = url.searchParams;
  params.append("c", "3 4");
  same(url.search, "?a=1&b=2&c=3+4");
  params.delete("a");
  url.search = "?z=%26";
  equal([...params], [["z", "&"]]);
  url.href = "https://h/?n=1";
  equal([...params], [["n", "1"]]);
  params.delete("n");
  equal([url.href, url.search], ["https://h/", ""]);
});

test("URLSearchParams is made from text, pairs, records and itself", () => {
  for (const init of ["?a=1&b=2", "a=1&b=2", [["a", "1"], ["b", "2"]], { a: "1", b: 2 }, new URLSearchParams("a=1&b=2"), new Map([["a", 1], ["b", 2]])]) same(String(new URLSearchParams(init)), "a=1&b=2");
  throws("TypeError", () => new URLSearchParams([["a"]]));
  throws("TypeError", () => new URLSearchParams([1]));
  same(String(new URLSearchParams(undefined)), "");
  same(String(new URLSearchParams(null)), "null=");
  same(String(new URLSearchParams("a=%zz&+b=%ff&&=c&d")), "a=%25zz&+b=%EF%BF%BD&=c&d=");
  same(String(new URLSearchParams({ "ä\ud800": "~!*()'-._" })), "%C3%A4%EF%BF%BD=%7E%21*%28%29%27-._");
});

test("URLSearchParams has the operations of a list", () => {
  const params = new URLSearchParams("a=1&b=2&a=3&c=");
  equal([params.get("a"), params.get("x"), params.getAll("a"), params.has("b"), params.has("b", "3"), params.size], ["1", null, ["1", "3"], true, false, 4]);
  params.set("a", "9");
  same(String(params), "a=9&b=2&c=");
  params.append("b", "3");
  params.delete("b", "2");
  same(String(params), "a=9&c=&b=3");
  params.sort();
  equal([...params.keys()], ["a", "b", "c"]);
  const seen = [];
  params.forEach((value, key, all) => seen.push(key, value, all === params));
  equal(seen, ["a", "9", true, "b", "3", true, "c", "", true]);
  same(Object.prototype.toString.call(params.entries()), "[object URLSearchParams Iterator]");
  throws("TypeError", () => params.append("a"));
});

test("sort compares UTF-16 units, and is stable", () => {
  const params = new URLSearchParams("\ufb01=1&\u{1f308}=2&a=1&a=0");
  params.sort();
  equal([...params].map((it) => it[0]), ["a", "a", "\u{1f308}", "\ufb01"]);
  equal(params.getAll("a"), ["1", "0"]);
});

test("an iterator sees what is added while it goes", () => {
  const params = new URLSearchParams("a=1&b=2");
  const seen = [];
  for (const [key] of params) {
    seen.push(key);
    if (key === "a") params.append("c", "3");
  }
  equal(seen, ["a", "b", "c"]);
});

test("URLPattern matches and gives groups", () => {
  const pattern = new URLPattern({ pathname: "/books/:id(\\d+)", search: "*" });
  same(pattern.test("https://h/books/12?x"), true);
  same(pattern.test("https://h/books/x"), false);
  const match = pattern.exec({ pathname: "/books/7" });
  equal([match.pathname.groups.id, match.pathname.input], ["7", "/books/7"]);
  same(new URLPattern("https://*.example.com/:path+").exec("https://a.example.com/x/y").pathname.groups.path, "x/y");
  same(new URLPattern("/rel/*", "https://h").pathname, "/rel/*");
  throws("TypeError", () => new URLPattern({ pathname: "/(" }));
});

test("paths are encoded as the standard says today", () => {
  equal(["https://a/x^y?^#^", "sc://a/^", "data:a  #b", "data:a  "].map((it) => new URL(it).href), ["https://a/x%5Ey?^#^", "sc://a/%5E", "data:a %20#b", "data:a"]);
  const url = new URL("data:a ?b");
  url.search = "";
  same(url.href, "data:a%20");
});

test("any number of slashes comes before a host", () => {
  equal(["///b/c", "/\\\t/b/c", " ////b/c"].map((it) => new URL(it, "https://a/").href), new Array(3).fill("https://b/c"));
  same(new URL("/b/c", "https://a/").href, "https://a/b/c");
  same(new URL("//b/c", "https://a/").href, "https://b/c");
});

test("a path is told from a host", () => {
  const set = (href, name, value) => Object.assign(new URL(href), { [name]: value }).href;
  equal(["//p", "/..//p", "p", "p?#"].map((it) => set("sc:/", "pathname", it)), ["sc:/.//p", "sc:/.//p", "sc:/p", "sc:/p%3F%23"]);
  equal([set("sc:/a?b#c", "pathname", " d "), set("sc:/.//p", "hostname", "h"), set("sc:/.//p", "host", ""), set("sc://h/p", "pathname", "")], ["sc:/%20d%20?b#c", "sc://h//p", "sc:////p", "sc://h"]);
});
