// AES-CBC, AES-CTR, AES-GCM and AES-KW.

import { engine } from "../engine.js";
import { dataError, operationError } from "./errors.js";
import { bytes, integer, optionalBytes, optionalInteger } from "./params.js";
import { randomBytes } from "./random.js";
import { exportSecret, importSecret, secretKey } from "./secret.js";
import { allowOnly } from "./usages.js";

const { aesCbc, aesCtr, aesGcm, aesKw } = engine.subtle;
const lengths = [128, 192, 256];
const tagLengths = [32, 64, 96, 104, 112, 120, 128];
const nothing = new Uint8Array(0);
const lengthParams = (raw) => ({ length: integer(raw, "length", 16) });

function checkedLength(name, length) {
  if (!lengths.includes(length)) throw operationError(`${name}: a key has 128, 192 or 256 bits, not ${length}`);
  return length;
}

/** What the four have in common. `mode`: the end of their `alg` in a JWK. */
function aes(name, mode, usable, params, operations) {
  const algOf = (bytes) => `A${bytes.length * 8}${mode}`;
  return {
    name,
    params: {
      generateKey: lengthParams,
      importKey: () => ({}),
      exportKey: () => ({}),
      getKeyLength: lengthParams,
      ...params,
    },

    generateKey({ length }, extractable, usages) {
      allowOnly(usages, usable, `a key for ${name}`);
      return secretKey({ name, length: checkedLength(name, length) }, randomBytes(length / 8), usages, extractable);
    },
    importKey(format, data, _, extractable, usages) {
      allowOnly(usages, usable, `a key for ${name}`);
      const material = importSecret(format, data, { use: "enc", alg: algOf, usages, extractable });
      if (!lengths.includes(material.length * 8))
        throw dataError(`${name}: a key has 16, 24 or 32 bytes, not ${material.length}`);
      return secretKey({ name, length: material.length * 8 }, material, usages, extractable);
    },
    exportKey: (format, key) => exportSecret(format, key, algOf(key.material)),
    getKeyLength: ({ length }) => checkedLength(name, length),
    ...operations,
  };
}

const cipherUsages = ["encrypt", "decrypt", "wrapKey", "unwrapKey"];
const failed = (name, what) => operationError(`${name}: the data cannot be ${what}`);

function cipher(name, mode, params, apply) {
  const operation =
    (encrypts) =>
    (given, { material }, data) => {
      const output = apply(encrypts, material, given, data);
      if (output === undefined) throw failed(name, encrypts ? "encrypted" : "decrypted");
      return output;
    };
  return aes(
    name,
    mode,
    cipherUsages,
    { encrypt: params, decrypt: params },
    { encrypt: operation(true), decrypt: operation(false) },
  );
}

export const cbc = cipher(
  "AES-CBC",
  "CBC",
  (raw) => ({ iv: bytes(raw, "iv") }),
  (encrypts, key, { iv }, data) => {
    if (iv.length !== 16) throw operationError(`AES-CBC: \`iv\` has 16 bytes, not ${iv.length}`);
    return aesCbc(encrypts, key, iv, data);
  },
);

export const ctr = cipher(
  "AES-CTR",
  "CTR",
  (raw) => ({ counter: bytes(raw, "counter"), length: integer(raw, "length", 8) }),
  (_, key, { counter, length }, data) => {
    if (counter.length !== 16) throw operationError(`AES-CTR: \`counter\` has 16 bytes, not ${counter.length}`);
    if (length < 1 || length > 128) throw operationError(`AES-CTR: \`length\` is 1 to 128 bits, not ${length}`);
    return aesCtr(key, counter, length, data);
  },
);

export const gcm = cipher(
  "AES-GCM",
  "GCM",
  (raw) => ({
    additionalData: optionalBytes(raw, "additionalData"),
    iv: bytes(raw, "iv"),
    tagLength: optionalInteger(raw, "tagLength", 8),
  }),
  (encrypts, key, { additionalData = nothing, iv, tagLength = 128 }, data) => {
    if (!tagLengths.includes(tagLength))
      throw operationError(`AES-GCM: \`tagLength\` is one of ${tagLengths.join(", ")}, not ${tagLength}`);
    if (iv.length === 0) throw operationError("AES-GCM: `iv` is empty");
    return aesGcm(encrypts, key, iv, additionalData, tagLength / 8, data);
  },
);

const wrapping =
  (wraps) =>
  (_, { material }, data) => {
    const output = aesKw(wraps, material, data);
    if (output === undefined)
      throw failed("AES-KW", wraps ? "wrapped: it has to be at least 16 bytes, and a multiple of 8" : "unwrapped");
    return output;
  };

export const kw = aes(
  "AES-KW",
  "KW",
  ["wrapKey", "unwrapKey"],
  { wrapKey: () => ({}), unwrapKey: () => ({}) },
  { wrapKey: wrapping(true), unwrapKey: wrapping(false) },
);
