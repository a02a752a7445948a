// `crypto`: random values, and `subtle`.

import { engine } from "../engine.js";
import { DOMException, QuotaExceededError } from "../dom-exception.js";
import {
  bytesOf,
  expose,
  exposeReplaceable,
  internal,
  isObject,
  need,
  onlyInternal,
  typedArrayKind,
} from "../webidl.js";
import { randomBytes } from "./random.js";
import { SubtleCrypto } from "./subtle.js";

/** The most that one call of `getRandomValues` gives. */
const RANDOM_BYTES = 65536;

const integerKinds = [
  "Int8Array",
  "Uint8Array",
  "Uint8ClampedArray",
  "Int16Array",
  "Uint16Array",
  "Int32Array",
  "Uint32Array",
  "BigInt64Array",
  "BigUint64Array",
];

export class Crypto {
  #subtle = new SubtleCrypto(internal);

  constructor(token = undefined) {
    onlyInternal(token);
  }
  get subtle() {
    return this.#subtle;
  }
  getRandomValues(array) {
    this.#subtle;
    need(arguments, 1, "Crypto.getRandomValues");
    if (!isObject(array) || !ArrayBuffer.isView(array))
      throw new TypeError("Crypto.getRandomValues: the argument is not a view on an ArrayBuffer");
    if (!integerKinds.includes(typedArrayKind(array)))
      throw new DOMException("Crypto.getRandomValues: the array is not one of integers", "TypeMismatchError");
    const bytes = bytesOf(array, "Crypto.getRandomValues: the array");
    if (bytes.length > RANDOM_BYTES)
      throw new QuotaExceededError(`Crypto.getRandomValues: ${bytes.length} bytes are more than ${RANDOM_BYTES}`, {
        quota: RANDOM_BYTES,
        requested: bytes.length,
      });
    if (bytes.length > 0) engine.random(bytes);
    return array;
  }
  randomUUID() {
    this.#subtle;
    const bytes = randomBytes(16);
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const hex = bytes.toHex();
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  }
}

const crypto = new Crypto(internal);
expose({ Crypto });
exposeReplaceable("crypto", () => crypto);
