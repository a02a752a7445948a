// JSON Web Keys: reading the dictionary, its checks that all algorithms share, and base64url.

import { dictionary, DOMString, sequence } from "../webidl.js";
import { dataError } from "./errors.js";

const strings = ["alg", "crv", "d", "dp", "dq", "e", "k", "kty", "n", "p", "q", "qi", "use", "x", "y"];

/** The members of a `JsonWebKey`, converted. */
export function readJwk(value) {
  const raw = dictionary(value, "the key");
  const jwk = {};
  for (const name of [
    "alg",
    "crv",
    "d",
    "dp",
    "dq",
    "e",
    "ext",
    "k",
    "key_ops",
    "kty",
    "n",
    "oth",
    "p",
    "q",
    "qi",
    "use",
    "x",
    "y",
  ]) {
    const member = raw[name];
    if (member === undefined) continue;
    if (strings.includes(name)) jwk[name] = DOMString(member);
    else if (name === "ext") jwk.ext = Boolean(member);
    else jwk[name] = sequence(member, name === "oth" ? (it) => it : DOMString, `\`${name}\` of the key`);
  }
  return jwk;
}

/** Checks what all key types have in common: `kty`, `use`, `key_ops`, `ext`. */
export function checkJwk(jwk, { kty, use, usages, extractable }) {
  if (jwk.kty !== kty) throw dataError(`\`kty\` of the key is not "${kty}"`);
  if (usages.length > 0 && jwk.use !== undefined && jwk.use !== use)
    throw dataError(`\`use\` of the key is not "${use}"`);
  if (jwk.key_ops !== undefined) {
    if (new Set(jwk.key_ops).size !== jwk.key_ops.length) throw dataError("`key_ops` of the key names something twice");
    if (usages.some((it) => !jwk.key_ops.includes(it)))
      throw dataError("`key_ops` of the key does not allow a usage that was asked for");
  }
  if (jwk.ext === false && extractable) throw dataError("`ext` of the key says that it cannot be extracted");
}

export function checkAlg(jwk, expected) {
  if (jwk.alg !== undefined && jwk.alg !== expected) throw dataError(`\`alg\` of the key is not "${expected}"`);
}

/** The bytes of a member in base64url. */
export function jwkBytes(jwk, member) {
  const text = jwk[member];
  if (text === undefined) throw dataError(`the key has no \`${member}\``);
  if (!/^[A-Za-z0-9_-]*$/.test(text)) throw dataError(`\`${member}\` of the key is not base64url`);
  try {
    return Uint8Array.fromBase64(text, { alphabet: "base64url" });
  } catch {
    throw dataError(`\`${member}\` of the key is not base64url`);
  }
}

export const base64url = (bytes) => bytes.toBase64({ alphabet: "base64url", omitPadding: true });
