// Ed25519 and X25519. The material of a key is its 32 bytes.

import { engine } from "../engine.js";
import { dataError, invalidAccess, operationError } from "./errors.js";
import { base64url, checkJwk, jwkBytes } from "./jwk.js";
import { keyState } from "./key.js";
import { damaged, imported, keyPair, need, usedBy } from "./pair.js";
import { key as keyParam } from "./params.js";
import { randomBytes } from "./random.js";
import { truncated } from "./truncate.js";
import { allowOnly } from "./usages.js";

const { ed25519Public, ed25519Sign, ed25519Verify, x25519: agree, x25519Public } = engine.subtle;
const { readPkcs8, readSpki, writePkcs8, writeSpki } = engine.subtle;

const SIZE = 32;
/** The head of an OCTET STRING of 32 bytes, which PKCS #8 has around the key. */
const OCTETS = [0x04, SIZE];

function family(name, oid, use, usable, publicOf, params, operations) {
  const sized = (bytes, format) => {
    if (bytes?.length !== SIZE) throw damaged(name, format);
    return bytes;
  };
  const importers = {
    raw: (data) => ["public", sized(data, "raw")],
    spki(data) {
      const [algorithm, , bytes] = readSpki(data) ?? [];
      if (algorithm !== oid) throw damaged(name, "spki");
      return ["public", sized(bytes, "spki")];
    },
    pkcs8(data) {
      const [algorithm, , inner] = readPkcs8(data) ?? [];
      if (algorithm !== oid || inner[0] !== OCTETS[0] || inner[1] !== OCTETS[1]) throw damaged(name, "pkcs8");
      return ["private", sized(inner.slice(2), "pkcs8")];
    },
    jwk(jwk, usages, extractable) {
      const type = jwk.d === undefined ? "public" : "private";
      allowOnly(usages, usable[type], `a ${type} key for ${name}`);
      checkJwk(jwk, { kty: "OKP", use, usages, extractable });
      if (jwk.crv !== name) throw dataError(`\`crv\` of the key is not "${name}"`);
      if (name === "Ed25519" && jwk.alg !== undefined && jwk.alg !== "Ed25519" && jwk.alg !== "EdDSA")
        throw dataError('`alg` of the key is neither "Ed25519" nor "EdDSA"');
      const x = sized(jwkBytes(jwk, "x"), "jwk");
      if (type === "public") return [type, x];
      const d = sized(jwkBytes(jwk, "d"), "jwk");
      if (publicOf(d).some((byte, i) => byte !== x[i])) throw damaged(name, "jwk");
      return [type, d];
    },
  };
  return {
    name,
    params: { generateKey: () => ({}), importKey: () => ({}), exportKey: () => ({}), ...params },

    generateKey(_, extractable, usages) {
      allowOnly(usages, [...usable.public, ...usable.private], `a key for ${name}`);
      const secret = randomBytes(SIZE);
      return keyPair(name, { name }, { private: secret, public: publicOf(secret) }, usable, extractable, usages);
    },
    importKey(format, data, _, extractable, usages) {
      if (format !== "jwk") allowOnly(usages, format === "pkcs8" ? usable.private : usable.public, `a key for ${name}`);
      const [type, material] = importers[format](data, usages, extractable);
      return imported(name, type, { name }, material, usable, extractable, usages);
    },
    exportKey(format, key) {
      if (format === "pkcs8") {
        need("private", key, format);
        return writePkcs8(oid, undefined, Uint8Array.of(...OCTETS, ...key.material));
      }
      if (format === "jwk") {
        const x = key.type === "public" ? key.material : publicOf(key.material);
        const jwk = { crv: name, ext: key.extractable, key_ops: [...key.usages], kty: "OKP", x: base64url(x) };
        if (name === "Ed25519") jwk.alg = "Ed25519";
        return key.type === "private" ? { ...jwk, d: base64url(key.material) } : jwk;
      }
      need("public", key, format);
      return format === "raw" ? key.material.slice() : writeSpki(oid, undefined, key.material);
    },
    ...operations,
  };
}

const none = () => ({});

export const ed25519 = family(
  "Ed25519",
  "1.3.101.112",
  "sig",
  { public: ["verify"], private: ["sign"] },
  ed25519Public,
  { sign: none, verify: none },
  {
    sign(_, key, data) {
      usedBy(key, "private", "sign");
      return ed25519Sign(key.material, data);
    },
    verify(_, key, signature, data) {
      usedBy(key, "public", "verify");
      return ed25519Verify(key.material, signature, data);
    },
  },
);

export const x25519 = family(
  "X25519",
  "1.3.101.110",
  "enc",
  { public: [], private: ["deriveKey", "deriveBits"] },
  x25519Public,
  { deriveBits: (raw) => ({ public: keyParam(raw, "public") }) },
  {
    deriveBits({ public: other }, key, length) {
      usedBy(key, "private", "X25519");
      const theirs = keyState(other);
      if (theirs.type !== "public") throw invalidAccess("X25519: `public` is not a public key");
      if (theirs.about.name !== "X25519") throw invalidAccess("X25519: the two keys are not of one algorithm");
      const secret = agree(key.material, theirs.material);
      if (secret === undefined) throw operationError("X25519: the other key is of small order");
      return truncated("X25519", secret, length);
    },
  },
);
