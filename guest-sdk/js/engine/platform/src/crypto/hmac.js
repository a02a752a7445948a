// HMAC.

import { engine } from "../engine.js";
import { dataError, operationError } from "./errors.js";
import { hashOf } from "./hash.js";
import { optionalInteger } from "./params.js";
import { randomBytes } from "./random.js";
import { exportSecret, importSecret, secretKey } from "./secret.js";
import { allowOnly } from "./usages.js";

const { hmacSign, hmacVerify } = engine.subtle;
const usable = ["sign", "verify"];
const keyParams = (raw) => ({ hash: hashOf(raw), length: optionalInteger(raw, "length", 32) });
const blockBits = (hash) => (hash === "SHA-384" || hash === "SHA-512" ? 1024 : 512);
const algorithmOf = (hash, length) => ({ name: "HMAC", hash: { name: hash }, length });
const algOf = (hash) => `HS${hash.slice(4)}`;

function lengthOf({ hash, length }) {
  if (length === 0) throw operationError("HMAC: the length of a key cannot be 0");
  return length ?? blockBits(hash);
}

export const hmac = {
  name: "HMAC",
  params: {
    generateKey: keyParams,
    importKey: keyParams,
    getKeyLength: keyParams,
    exportKey: () => ({}),
    sign: () => ({}),
    verify: () => ({}),
  },

  generateKey(params, extractable, usages) {
    allowOnly(usages, usable, "a key for HMAC");
    const length = lengthOf(params);
    return secretKey(algorithmOf(params.hash, length), randomBytes(Math.ceil(length / 8)), usages, extractable);
  },
  importKey(format, data, params, extractable, usages) {
    allowOnly(usages, usable, "a key for HMAC");
    const bytes = importSecret(format, data, { use: "sig", alg: () => algOf(params.hash), usages, extractable });
    let bits = bytes.length * 8;
    if (bits === 0) throw dataError("HMAC: the key is empty");
    if (params.length !== undefined) {
      if (params.length > bits || params.length <= bits - 8)
        throw dataError(`HMAC: a key of ${bytes.length} bytes cannot have a length of ${params.length} bits`);
      bits = params.length;
    }
    return secretKey(algorithmOf(params.hash, bits), bytes, usages, extractable);
  },
  exportKey: (format, key) => exportSecret(format, key, algOf(key.about.hash)),
  getKeyLength: lengthOf,
  sign: (_, { about, material }, data) => hmacSign(about.hash, material, data),
  verify: (_, { about, material }, signature, data) => hmacVerify(about.hash, material, signature, data),
};
