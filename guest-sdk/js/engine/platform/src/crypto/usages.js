// What a key may be used for.

import { syntaxError } from "./errors.js";
import { enumeration, sequence } from "../webidl.js";

const all = ["encrypt", "decrypt", "sign", "verify", "deriveKey", "deriveBits", "wrapKey", "unwrapKey"];

/** A sequence of usages as it was passed, each once, in the order of the standard. */
export function readUsages(value) {
  const given = sequence(value, (it) => enumeration(it, all, "a usage"), "the usages");
  return all.filter((it) => given.includes(it));
}

/** Throws for a usage that the kind of key does not have. */
export function allowOnly(usages, allowed, what) {
  const other = usages.find((it) => !allowed.includes(it));
  if (other !== undefined) throw syntaxError(`${what} cannot be used for \`${other}\``);
}

export const only = (usages, allowed) => usages.filter((it) => allowed.includes(it));
