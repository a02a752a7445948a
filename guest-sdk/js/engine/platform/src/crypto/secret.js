// What keys of bytes have in common (HMAC, AES): the formats `raw` and `jwk`.

import { notSupported } from "./errors.js";
import { base64url, checkAlg, checkJwk, jwkBytes } from "./jwk.js";
import { newKey } from "./key.js";

/** The bytes of a key that is imported. `use`: what `use` of a JWK has to be; `alg(bytes)`: what `alg` has to be. */
export function importSecret(format, data, { use, alg, usages, extractable }) {
  if (format === "raw") return data;
  if (format !== "jwk") throw notSupported(`a secret key has no format \`${format}\``);
  checkJwk(data, { kty: "oct", use, usages, extractable });
  const bytes = jwkBytes(data, "k");
  if (data.alg !== undefined) checkAlg(data, alg(bytes));
  return bytes;
}

export function exportSecret(format, { material, usages, extractable }, alg) {
  if (format === "raw") return material.slice();
  if (format !== "jwk") throw notSupported(`a secret key has no format \`${format}\``);
  return { alg, ext: extractable, k: base64url(material), key_ops: [...usages], kty: "oct" };
}

export function secretKey(algorithm, material, usages, extractable) {
  return newKey({ type: "secret", extractable, algorithm, usages, material });
}
