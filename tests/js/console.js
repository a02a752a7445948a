// What `console` shows. The log that it gives is beside it: what node gives, but for URLSearchParams and Headers.
export default () => {
  console.log("%s is %d, %i, %f, %j, %O, %c%%", "Ada", "36.5", 36.9, "1.5", { a: 1 }, { b: [1] }, "css");
  console.log("more", 1n, -0, null, undefined, Symbol("s"), [1, , 3], "text");
  console.log({ nested: { deep: { deeper: { deepest: 1 } } }, list: new Array(120).fill(0), text: "it's", f() {}, g: class A {}, [Symbol("k")]: 1 });
  const cycle = { name: "c" }; cycle.self = cycle; console.log(cycle);
  console.log(new Uint8Array([1, 2]), new ArrayBuffer(2), Object.create(null), new (class Foo { x = 1 })());
  console.log(new URL("https://h/p?q"), new Headers({ a: "b" }), new URLSearchParams("a=1&a=2"));
  console.group("group"); console.info("inside\ntwo lines"); console.group(); console.debug("deeper"); console.groupEnd(); console.groupEnd(); console.log("outside");
  console.count(); console.count("x"); console.count(); console.countReset(); console.count();
  console.table([{ a: 1, b: "x" }, { a: 2, c: true }]); console.table([1, 2]); console.table(new Map([["k", { v: 1 }]])); console.table(5); console.table([{ a: 1, b: 2 }], ["b"]);
  console.assert(true, "no"); console.dir({ a: { b: { c: {} } } }, { depth: 0 });
  console.warn("to stderr %o", { a: 1 });
  console.error(new TypeError("no stack of the platform").message);
};
