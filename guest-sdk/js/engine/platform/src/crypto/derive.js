// HKDF and PBKDF2.

import { engine } from "../engine.js";
import { notSupported, operationError, syntaxError } from "./errors.js";
import { hashOf } from "./hash.js";
import { bytes, integer } from "./params.js";
import { secretKey } from "./secret.js";
import { allowOnly } from "./usages.js";

const natives = engine.subtle;

function derivation(name, params, derive) {
  return {
    name,
    params: { deriveBits: params, importKey: () => ({}), getKeyLength: () => ({}) },

    importKey(format, data, _, extractable, usages) {
      if (format !== "raw") throw notSupported(`${name}: a key has the format \`raw\` only`);
      allowOnly(usages, ["deriveKey", "deriveBits"], `a key for ${name}`);
      if (extractable) throw syntaxError(`${name}: a key cannot be extractable`);
      return secretKey({ name }, data, usages, false);
    },
    getKeyLength: () => null,
    deriveBits(given, { material }, length) {
      if (length === null || length % 8 !== 0)
        throw operationError(`${name}: the length is a multiple of 8 bits, not ${length}`);
      const output = derive(given, material, length / 8);
      if (output === undefined) throw operationError(`${name}: ${length} bits are more than it can give`);
      return output;
    },
  };
}

export const hkdf = derivation(
  "HKDF",
  (raw) => ({ hash: hashOf(raw), info: bytes(raw, "info"), salt: bytes(raw, "salt") }),
  ({ hash, info, salt }, key, length) => natives.hkdf(hash, key, salt, info, length),
);

export const pbkdf2 = derivation(
  "PBKDF2",
  (raw) => ({ hash: hashOf(raw), iterations: integer(raw, "iterations", 32), salt: bytes(raw, "salt") }),
  ({ hash, iterations, salt }, password, length) => {
    if (iterations === 0) throw operationError("PBKDF2: `iterations` is 0");
    return natives.pbkdf2(hash, password, salt, iterations, length);
  },
);
