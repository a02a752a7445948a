// ECDSA and ECDH on P-256, P-384 and P-521.
// The material of a private key is its scalar, that of a public key its point, uncompressed.

import { engine } from "../engine.js";
import { dataError, invalidAccess, notSupported, operationError } from "./errors.js";
import { hashOf } from "./hash.js";
import { base64url, checkAlg, checkJwk, jwkBytes } from "./jwk.js";
import { keyState } from "./key.js";
import { damaged, imported, keyPair, need, usedBy } from "./pair.js";
import { key as keyParam, string } from "./params.js";
import { truncated } from "./truncate.js";
import { allowOnly } from "./usages.js";

const { digest, ecdh: agree, ecdsaSign, ecdsaVerify, ecGenerate, ecPoint, ecPublic } = engine.subtle;
const { readEcPrivate, readPkcs8, readSpki, writeEcPrivate, writePkcs8, writeSpki } = engine.subtle;

const EC_PUBLIC_KEY = "1.2.840.10045.2.1";
const curves = {
  "P-256": { oid: "1.2.840.10045.3.1.7", size: 32, alg: "ES256" },
  "P-384": { oid: "1.3.132.0.34", size: 48, alg: "ES384" },
  "P-521": { oid: "1.3.132.0.35", size: 66, alg: "ES512" },
};

function curveParams(raw) {
  return { namedCurve: string(raw, "namedCurve") };
}

function curveOf(name, { namedCurve }) {
  if (!Object.hasOwn(curves, namedCurve))
    throw notSupported(`${name}: there is no curve ${JSON.stringify(namedCurve)}`);
  return curves[namedCurve];
}

function family(name, use, usable, params, operations) {
  const importers = {
    raw(data, curve, { namedCurve }) {
      return ["public", pointOf(namedCurve, data, "raw")];
    },
    spki(data, curve, { namedCurve }) {
      const [algorithm, parameters, point] = readSpki(data) ?? [];
      if (algorithm !== EC_PUBLIC_KEY || parameters !== curve.oid) throw damaged(name, "spki");
      return ["public", pointOf(namedCurve, point, "spki")];
    },
    pkcs8(data, curve, { namedCurve }) {
      const [algorithm, parameters, inner] = readPkcs8(data) ?? [];
      if (algorithm !== EC_PUBLIC_KEY || parameters !== curve.oid) throw damaged(name, "pkcs8");
      const [scalar, point, innerCurve] = readEcPrivate(inner) ?? [];
      if (scalar === undefined || (innerCurve !== undefined && innerCurve !== curve.oid)) throw damaged(name, "pkcs8");
      return ["private", scalarOf(namedCurve, scalar, point, "pkcs8")];
    },
    jwk(jwk, curve, { namedCurve }, usages, extractable) {
      const type = jwk.d === undefined ? "public" : "private";
      allowOnly(usages, usable[type], `a ${type} key for ${name}`);
      checkJwk(jwk, { kty: "EC", use, usages, extractable });
      if (jwk.crv !== namedCurve) throw dataError(`\`crv\` of the key is not "${namedCurve}"`);
      if (name === "ECDSA") checkAlg(jwk, curve.alg);
      const part = (member) => {
        const bytes = jwkBytes(jwk, member);
        if (bytes.length !== curve.size) throw dataError(`\`${member}\` of the key does not have ${curve.size} bytes`);
        return bytes;
      };
      const point = new Uint8Array(1 + 2 * curve.size);
      point[0] = 4;
      point.set(part("x"), 1);
      point.set(part("y"), 1 + curve.size);
      const checked = pointOf(namedCurve, point, "jwk");
      return type === "public" ? [type, checked] : [type, scalarOf(namedCurve, part("d"), checked, "jwk")];
    },
  };

  function pointOf(namedCurve, bytes, format) {
    const point = ecPoint(namedCurve, bytes);
    if (point === undefined) throw damaged(name, format);
    return point;
  }

  /** A scalar that belongs to the curve, and to the point where there is one. */
  function scalarOf(namedCurve, scalar, point, format) {
    const own = scalar.length === curves[namedCurve].size ? ecPublic(namedCurve, scalar) : undefined;
    if (own === undefined) throw damaged(name, format);
    if (point !== undefined && pointOf(namedCurve, point, format).some((byte, i) => byte !== own[i]))
      throw damaged(name, format);
    return scalar;
  }

  const pointBy = ({ type, material, about }) => (type === "public" ? material : ecPublic(about.namedCurve, material));

  return {
    name,
    params: { generateKey: curveParams, importKey: curveParams, exportKey: () => ({}), ...params },

    generateKey(given, extractable, usages) {
      allowOnly(usages, [...usable.public, ...usable.private], `a key for ${name}`);
      curveOf(name, given);
      const scalar = ecGenerate(given.namedCurve);
      const halves = { private: scalar, public: ecPublic(given.namedCurve, scalar) };
      return keyPair(name, { name, namedCurve: given.namedCurve }, halves, usable, extractable, usages);
    },
    importKey(format, data, given, extractable, usages) {
      const curve = curveOf(name, given);
      if (format !== "jwk") allowOnly(usages, format === "pkcs8" ? usable.private : usable.public, `a key for ${name}`);
      const [type, material] = importers[format](data, curve, given, usages, extractable);
      return imported(name, type, { name, namedCurve: given.namedCurve }, material, usable, extractable, usages);
    },
    exportKey(format, key) {
      const { namedCurve } = key.about;
      const { oid, size } = curves[namedCurve];
      if (format === "pkcs8") {
        need("private", key, format);
        return writePkcs8(EC_PUBLIC_KEY, oid, writeEcPrivate(key.material, pointBy(key)));
      }
      if (format === "jwk") {
        const point = pointBy(key);
        const jwk = {
          crv: namedCurve,
          ext: key.extractable,
          key_ops: [...key.usages],
          kty: "EC",
          x: base64url(point.slice(1, 1 + size)),
          y: base64url(point.slice(1 + size)),
        };
        return key.type === "private" ? { ...jwk, d: base64url(key.material) } : jwk;
      }
      need("public", key, format);
      return format === "raw" ? key.material.slice() : writeSpki(EC_PUBLIC_KEY, oid, key.material);
    },
    ...operations,
  };
}

const hashParams = (raw) => ({ hash: hashOf(raw) });

export const ecdsa = family(
  "ECDSA",
  "sig",
  { public: ["verify"], private: ["sign"] },
  { sign: hashParams, verify: hashParams },
  {
    sign({ hash }, key, data) {
      usedBy(key, "private", "sign");
      const signature = ecdsaSign(key.about.namedCurve, key.material, digest(hash, data));
      if (signature === undefined) throw operationError("ECDSA: the data cannot be signed");
      return signature;
    },
    verify({ hash }, key, signature, data) {
      usedBy(key, "public", "verify");
      return ecdsaVerify(key.about.namedCurve, key.material, digest(hash, data), signature);
    },
  },
);

export const ecdh = family(
  "ECDH",
  "enc",
  { public: [], private: ["deriveKey", "deriveBits"] },
  { deriveBits: (raw) => ({ public: keyParam(raw, "public") }) },
  {
    deriveBits({ public: other }, key, length) {
      usedBy(key, "private", "ECDH");
      const theirs = keyState(other);
      if (theirs.type !== "public") throw invalidAccess("ECDH: `public` is not a public key");
      if (theirs.about.name !== "ECDH" || theirs.about.namedCurve !== key.about.namedCurve)
        throw invalidAccess("ECDH: the two keys are not of one curve");
      const secret = agree(key.about.namedCurve, key.material, theirs.material);
      if (secret === undefined) throw operationError("ECDH: the keys do not give a secret");
      return truncated("ECDH", secret, length);
    },
  },
);
