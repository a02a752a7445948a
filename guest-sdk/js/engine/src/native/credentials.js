// `MissingCredentialError`. Its private field tells one from whatever looks like one.
// Nothing here calls what a step may have changed.
(() => {
  const headline = (keys, isSealingRequired) => {
    let list = '';
    for (let i = 0; i < keys.length; i++) list += (i ? ', `' : '`') + keys[i] + '`';
    if (isSealingRequired) return `credential ${list} is not sealed, and its workspace requires that`;
    return keys.length === 1 ? `credential ${list} is missing` : `credentials ${list} are missing`;
  };
  let keysOf;
  class MissingCredentialError extends Error {
    #keys;
    constructor(keys, isSealingRequired = false) {
      const all = typeof keys === 'object' ? keys : ['' + keys];
      super(headline(all, isSealingRequired));
      this.#keys = all;
      this.code = isSealingRequired ? 'sealing_required' : 'missing_credential';
      this.key = all[0];
      this.keys = all;
    }
    static {
      Object.defineProperty(this.prototype, 'name', {
        value: 'MissingCredentialError',
        writable: true,
        configurable: true,
      });
      keysOf = (value) =>
        typeof value === 'object' && value !== null && #keys in value ? value.#keys : undefined;
    }
  }
  return { MissingCredentialError, keysOf };
})();
