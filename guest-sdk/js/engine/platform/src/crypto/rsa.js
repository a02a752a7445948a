// RSASSA-PKCS1-v1_5, RSA-PSS and RSA-OAEP. The material of a key is PKCS #1 in DER.

import { engine } from "../engine.js";
import { dataError, notSupported, operationError, syntaxError } from "./errors.js";
import { hashOf } from "./hash.js";
import { base64url, checkAlg, checkJwk, jwkBytes } from "./jwk.js";
import { damaged, imported, keyPair, need, usedBy } from "./pair.js";
import { bigInteger, integer, optionalBytes } from "./params.js";
import { allowOnly, only } from "./usages.js";

const { digest, rsaCanGenerate, rsaDecrypt, rsaEncrypt, rsaGenerate, rsaIsPrivate, rsaIsPublic, rsaSign, rsaVerify } =
  engine.subtle;
const { readPkcs8, readRsaPrivate, readRsaPublic, readSpki, writePkcs8, writeRsaPrivate, writeRsaPublic, writeSpki } =
  engine.subtle;

const RSA_ENCRYPTION = "1.2.840.113549.1.1.1";
const nothing = new Uint8Array(0);
const privateParts = ["n", "e", "d", "p", "q", "dp", "dq", "qi"];

const generateParams = (raw) => ({
  hash: hashOf(raw),
  modulusLength: integer(raw, "modulusLength", 32),
  publicExponent: bigInteger(raw, "publicExponent"),
});
const hashParams = (raw) => ({ hash: hashOf(raw) });

function bitsOf(number) {
  let at = 0;
  while (at < number.length && number[at] === 0) at++;
  return at === number.length ? 0 : (number.length - at) * 8 - Math.clz32(number[at]) + 24;
}

function family(name, use, usable, algOf, params, operations) {
  const importers = {
    spki(data) {
      const [algorithm, , key] = readSpki(data) ?? [];
      return ["public", checked(algorithm === RSA_ENCRYPTION ? key : undefined, rsaIsPublic, "spki")];
    },
    pkcs8(data) {
      const [algorithm, , key] = readPkcs8(data) ?? [];
      return ["private", checked(algorithm === RSA_ENCRYPTION ? key : undefined, rsaIsPrivate, "pkcs8")];
    },
    jwk(jwk, { hash }, usages, extractable) {
      const type = jwk.d === undefined ? "public" : "private";
      allowOnly(usages, usable[type], `a ${type} key for ${name}`);
      checkJwk(jwk, { kty: "RSA", use, usages, extractable });
      checkAlg(jwk, algOf(hash));
      if (jwk.oth !== undefined) throw notSupported(`${name}: keys of more than two primes are not supported`);
      if (type === "public")
        return [type, checked(writeRsaPublic(jwkBytes(jwk, "n"), jwkBytes(jwk, "e")), rsaIsPublic, "jwk")];
      if (privateParts.some((it) => jwk[it] === undefined))
        throw dataError(`${name}: a private key needs \`p\`, \`q\`, \`dp\`, \`dq\` and \`qi\``);
      return [type, checked(writeRsaPrivate(privateParts.map((it) => jwkBytes(jwk, it))), rsaIsPrivate, "jwk")];
    },
    raw() {
      throw notSupported(`${name}: a key has no format \`raw\``);
    },
  };

  function checked(material, isValid, format) {
    if (material === undefined || !isValid(material)) throw damaged(name, format);
    return material;
  }

  const publicParts = ({ type, material }) =>
    type === "public" ? readRsaPublic(material) : readRsaPrivate(material).slice(0, 2);

  const algorithmOf = (type, material, hash) => {
    const [n, e] = publicParts({ type, material });
    return { name, modulusLength: bitsOf(n), publicExponent: e, hash: { name: hash } };
  };

  return {
    name,
    params: { generateKey: generateParams, importKey: hashParams, exportKey: () => ({}), ...params },

    generateKey({ hash, modulusLength, publicExponent }, extractable, usages) {
      allowOnly(usages, [...usable.public, ...usable.private], `a key for ${name}`);
      if (!rsaCanGenerate(modulusLength, publicExponent))
        throw operationError(`${name}: a key has 1024 to 4096 bits, and an odd public exponent of 3 or more`);
      // The standard asks this of the key that it has made; making one takes up to seconds.
      if (only(usages, usable.private).length === 0) throw syntaxError("a private key needs a usage");
      const key = rsaGenerate(modulusLength, publicExponent);
      if (key === undefined) throw operationError(`${name}: there is no key with this public exponent`);
      const [n, e] = readRsaPrivate(key);
      const algorithm = { name, modulusLength, publicExponent, hash: { name: hash } };
      return keyPair(name, algorithm, { private: key, public: writeRsaPublic(n, e) }, usable, extractable, usages);
    },
    importKey(format, data, given, extractable, usages) {
      if (format !== "jwk") allowOnly(usages, format === "pkcs8" ? usable.private : usable.public, `a key for ${name}`);
      const [type, material] =
        format === "jwk" ? importers.jwk(data, given, usages, extractable) : importers[format](data);
      return imported(name, type, algorithmOf(type, material, given.hash), material, usable, extractable, usages);
    },
    exportKey(format, key) {
      if (format === "raw") throw notSupported(`${name}: a key has no format \`raw\``);
      if (format === "jwk") return jwkOf(key, algOf(key.about.hash));
      need(format === "pkcs8" ? "private" : "public", key, format);
      return (format === "pkcs8" ? writePkcs8 : writeSpki)(RSA_ENCRYPTION, "null", key.material);
    },
    ...operations,
  };
}

function jwkOf({ type, material, extractable, usages }, alg) {
  const jwk = { alg, ext: extractable, key_ops: [...usages], kty: "RSA" };
  const parts = type === "private" ? readRsaPrivate(material) : readRsaPublic(material);
  parts.forEach((part, i) => {
    jwk[privateParts[i]] = base64url(part);
  });
  return jwk;
}

const signing = { public: ["verify"], private: ["sign"] };

/** `saltOf(params)`: the salt of PSS in bytes, undefined for PKCS #1 v1.5. */
const signatures = (name, saltOf) => ({
  sign(given, key, data) {
    usedBy(key, "private", "sign");
    const { hash } = key.about;
    const signature = rsaSign(key.material, hash, saltOf(given), digest(hash, data));
    if (signature === undefined) throw operationError(`${name}: the key is too short for the hash and salt`);
    return signature;
  },
  verify(given, key, signature, data) {
    usedBy(key, "public", "verify");
    const { hash } = key.about;
    return rsaVerify(key.material, hash, saltOf(given), digest(hash, data), signature);
  },
});

const shaNumber = (hash) => hash.slice(4);

export const pkcs1 = family(
  "RSASSA-PKCS1-v1_5",
  "sig",
  signing,
  (hash) => `RS${shaNumber(hash)}`,
  { sign: () => ({}), verify: () => ({}) },
  signatures("RSASSA-PKCS1-v1_5", () => undefined),
);

const saltParams = (raw) => ({ saltLength: integer(raw, "saltLength", 32) });

export const pss = family(
  "RSA-PSS",
  "sig",
  signing,
  (hash) => `PS${shaNumber(hash)}`,
  { sign: saltParams, verify: saltParams },
  signatures("RSA-PSS", ({ saltLength }) => saltLength),
);

const labelParams = (raw) => ({ label: optionalBytes(raw, "label") });

export const oaep = family(
  "RSA-OAEP",
  "enc",
  { public: ["encrypt", "wrapKey"], private: ["decrypt", "unwrapKey"] },
  (hash) => (hash === "SHA-1" ? "RSA-OAEP" : `RSA-OAEP-${shaNumber(hash)}`),
  { encrypt: labelParams, decrypt: labelParams },
  {
    encrypt({ label = nothing }, key, data) {
      usedBy(key, "public", "encrypt");
      const output = rsaEncrypt(key.material, key.about.hash, label, data);
      if (output === undefined) throw operationError("RSA-OAEP: the data is too long for the key");
      return output;
    },
    decrypt({ label = nothing }, key, data) {
      usedBy(key, "private", "decrypt");
      const output = rsaDecrypt(key.material, key.about.hash, label, data);
      if (output === undefined) throw operationError("RSA-OAEP: the data cannot be decrypted");
      return output;
    },
  },
);
