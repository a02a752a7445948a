// `MissingCredentialError`. Its private field tells one from whatever looks like one.
// Nothing here calls what a step may have changed.
(() => {
  const define = Object.defineProperty;
  const listed = (keys) => {
    let list = '';
    for (let i = 0; i < keys.length; i++) list += (i ? ', `' : '`') + keys[i] + '`';
    return keys.length === 1 ? `credential ${list} is` : `credentials ${list} are`;
  };
  const headline = (missing, notSealed) => {
    let text = missing.length ? `${listed(missing)} missing` : '';
    if (notSealed.length) {
      if (text) text += '; ';
      text += `${listed(notSealed)} not sealed, and ${notSealed.length === 1 ? 'its' : 'their'} workspace requires that`;
    }
    return text;
  };
  const without = (keys, others) => {
    const rest = [];
    for (let i = 0; i < keys.length; i++) {
      let isOther = false;
      for (let j = 0; j < others.length; j++) isOther ||= others[j] === keys[i];
      if (!isOther) define(rest, rest.length, { value: keys[i], writable: true, enumerable: true, configurable: true });
    }
    return rest;
  };
  let keysOf;
  class MissingCredentialError extends Error {
    #keys;
    // `notSealed` are those of the keys whose credential is there and must be sealed first.
    constructor(keys, notSealed = []) {
      const all = typeof keys === 'object' ? keys : ['' + keys];
      const missing = without(all, notSealed);
      super(headline(missing, notSealed));
      this.#keys = all;
      this.code = missing.length ? 'missing_credential' : 'sealing_required';
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
