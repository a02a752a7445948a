// Members of the dictionaries that describe algorithms, converted as Web IDL says.

import { copyOf, DOMString, enforced, isObject, typedArrayKind } from "../webidl.js";
import { keyState } from "./key.js";

function required(raw, member) {
  const value = raw[member];
  if (value === undefined) throw new TypeError(`the algorithm has no \`${member}\``);
  return value;
}

export const bytes = (raw, member) => copyOf(required(raw, member), `\`${member}\``);

export const optionalBytes = (raw, member) =>
  raw[member] === undefined ? undefined : copyOf(raw[member], `\`${member}\``);

export const integer = (raw, member, bits) => enforced(required(raw, member), bits, `\`${member}\``);

export const optionalInteger = (raw, member, bits) =>
  raw[member] === undefined ? undefined : enforced(raw[member], bits, `\`${member}\``);

export const string = (raw, member) => DOMString(required(raw, member));

/** A big-endian number: a Uint8Array. */
export function bigInteger(raw, member) {
  const value = required(raw, member);
  if (typedArrayKind(value) !== "Uint8Array") throw new TypeError(`\`${member}\` is not a Uint8Array`);
  return copyOf(value, `\`${member}\``);
}

export function key(raw, member) {
  const value = required(raw, member);
  keyState(value, `\`${member}\``);
  return value;
}

export function algorithmObject(algorithm) {
  if (!isObject(algorithm)) return { name: DOMString(algorithm) };
  const { name } = algorithm;
  if (name === undefined) throw new TypeError("the algorithm has no `name`");
  return algorithm;
}
