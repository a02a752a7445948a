// Why a request failed: a TypeError, as the Fetch Standard wants it, with what a step can act on.

import { isObject } from "./webidl.js";

const { defineProperty } = Object;

/** Faults that another try may not meet. */
const passing = ["dns", "connect", "timeout"];
const denials = ["egress_denied", "credential_host_denied"];

let codeOf;

class Stamp {
  constructor(error) {
    return error;
  }
}

/** A private field on an error, which no step can put there: that it is one of these, and with which code. */
class Fault extends Stamp {
  #code;

  static {
    codeOf = (value) => (isObject(value) && #code in value ? value.#code : undefined);
  }

  constructor(error, code) {
    super(error);
    this.#code = code;
  }
}

/** Makes an error that was made where `fetch` was called tell of what has happened. */
export function fault(error, { code, host, message }, cause) {
  const hidden = (name, value) => defineProperty(error, name, { value, writable: true, configurable: true });
  hidden("message", `fetch: ${message}`);
  if (cause !== undefined) hidden("cause", cause);
  Object.assign(error, { code, host });
  if (passing.includes(code)) error.retryable = true;
  return new Fault(error, code);
}

/** Whether an error says that the host refused a request. */
export const isDenial = (value) => denials.includes(codeOf(value));
