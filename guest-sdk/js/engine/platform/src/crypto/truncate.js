// A shared secret, cut to the bits that were asked for.

import { operationError } from "./errors.js";

export function truncated(name, secret, length) {
  if (length === null) return secret;
  if (length > secret.length * 8)
    throw operationError(`${name}: ${length} bits are more than the ${secret.length * 8} of the secret`);
  const bytes = secret.slice(0, Math.ceil(length / 8));
  const rest = length % 8;
  if (rest !== 0) bytes[bytes.length - 1] &= 0xff << (8 - rest);
  return bytes;
}
