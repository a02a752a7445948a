// CryptoKey. What it is made of stays behind a private field.

import { serializable } from "../structured-clone.js";
import { expose, internal, isObject, onlyInternal } from "../webidl.js";

let stateOf;

export let isKey;

export class CryptoKey {
  #state;

  static {
    stateOf = (key) => key.#state;
    isKey = (value) => isObject(value) && #state in value;
  }

  constructor(token = undefined, state = undefined) {
    onlyInternal(token);
    this.#state = state;
  }
  get type() {
    return this.#state.type;
  }
  get extractable() {
    return this.#state.extractable;
  }
  get algorithm() {
    return this.#state.algorithm;
  }
  get usages() {
    return (this.#state.shownUsages ??= [...this.#state.usages]);
  }
}

/**
 * A key: `type`, `extractable`, `algorithm`, `usages`, and `material`, the bytes that the algorithm works with.
 * `about` is what the key's algorithm is to the platform: steps may write to the `algorithm` that they see.
 */
export function newKey({ type, extractable, algorithm, usages, material }) {
  const about = { ...algorithm, hash: algorithm.hash?.name };
  return new CryptoKey(internal, { type, extractable, algorithm, about, usages, material });
}

/** What a step sees as the `algorithm` of a key. */
function shown({ hash, publicExponent, ...about }) {
  if (publicExponent !== undefined) about.publicExponent = publicExponent.slice();
  if (hash !== undefined) about.hash = { name: hash };
  return about;
}

/** The state of a key; throws for what is no CryptoKey. */
export function keyState(key, what) {
  if (!isKey(key)) throw new TypeError(`${what} is not a CryptoKey`);
  return stateOf(key);
}

expose({ CryptoKey });

serializable(isKey, (key) => {
  const { type, extractable, about, usages, material } = stateOf(key);
  return newKey({ type, extractable, algorithm: shown(about), usages, material });
});
