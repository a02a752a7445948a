// `fetch` in a run: the one that the test gives, or that of Node.js.

/** `runOfThisCode` tells the run, or undefined for the code of tests. */
export function lendFetch(runOfThisCode) {
  const property = Object.getOwnPropertyDescriptor(globalThis, "fetch");
  if (!property?.configurable) return;
  const original = property.get ?? (() => property.value);
  Object.defineProperty(globalThis, "fetch", {
    configurable: true,
    enumerable: property.enumerable,
    get() {
      return runOfThisCode()?.fetch ?? original.call(globalThis);
    },
    // A fake for all runs.
    set(next) {
      Object.defineProperty(globalThis, "fetch", { configurable: true, enumerable: true, writable: true, value: next });
    },
  });
}
