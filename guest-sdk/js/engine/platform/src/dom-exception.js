// DOMException is the engine's own. This is QuotaExceededError, which is an interface of its own since 2025.

import { dictionary, DOMString, double, expose } from "./webidl.js";

export const { DOMException } = globalThis;

export class QuotaExceededError extends DOMException {
  #quota = null;
  #requested = null;

  constructor(message = "", options = {}) {
    super(DOMString(message), "QuotaExceededError");
    const { quota, requested } = dictionary(options, "QuotaExceededError: options");
    if (quota !== undefined) this.#quota = amount(quota, "quota");
    if (requested !== undefined) this.#requested = amount(requested, "requested");
    if (this.#quota !== null && this.#requested !== null && this.#requested < this.#quota) {
      throw new RangeError("QuotaExceededError: `requested` is less than `quota`");
    }
  }

  get quota() {
    return this.#quota;
  }

  get requested() {
    return this.#requested;
  }
}

function amount(value, what) {
  const number = double(value, `QuotaExceededError: \`${what}\``);
  if (number < 0) throw new RangeError(`QuotaExceededError: \`${what}\` is negative`);
  return number;
}

expose({ QuotaExceededError });
