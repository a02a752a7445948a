// SubtleCrypto: the checks that come before and after an algorithm does its work.

import { TextDecoder, TextEncoder } from "../encoding.js";
import { copyOf, enforced, enumeration, expose, isBufferSource, need, onlyInternal } from "../webidl.js";
import * as aes from "./aes.js";
import { ed25519, x25519 } from "./curve25519.js";
import { hkdf, pbkdf2 } from "./derive.js";
import { sha1, sha256, sha384, sha512 } from "./digest.js";
import { ecdh, ecdsa } from "./ec.js";
import { dataError, invalidAccess, notSupported, syntaxError } from "./errors.js";
import { hmac } from "./hmac.js";
import { readJwk } from "./jwk.js";
import { isKey, keyState } from "./key.js";
import { named, normalize, normalizeIfSupported, register } from "./normalize.js";
import * as rsa from "./rsa.js";
import { readUsages } from "./usages.js";

register(
  sha1,
  sha256,
  sha384,
  sha512,
  hmac,
  aes.cbc,
  aes.ctr,
  aes.gcm,
  aes.kw,
  hkdf,
  pbkdf2,
  ecdsa,
  ecdh,
  rsa.pkcs1,
  rsa.pss,
  rsa.oaep,
  ed25519,
  x25519,
);

const formats = ["raw", "spki", "pkcs8", "jwk"];
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

const formatOf = (value) => enumeration(value, formats, "the format");
const dataOf = (value) => copyOf(value, "the data");

/** The state of a key that is of the algorithm and may be used so. */
function usable(key, { algorithm }, usage) {
  const state = keyState(key, "the key");
  if (state.about.name !== algorithm.name)
    throw invalidAccess(`the key is for ${state.about.name}, not for ${algorithm.name}`);
  if (!state.usages.includes(usage)) throw invalidAccess(`the key cannot be used for \`${usage}\``);
  return state;
}

/** A new key is of no use to anybody without usages, unless it is public. */
function withUsages(key) {
  const { type, usages } = keyState(key);
  if (type !== "public" && usages.length === 0) throw syntaxError(`a ${type} key needs a usage`);
  return key;
}

function exported(format, key) {
  const state = keyState(key, "the key");
  const algorithm = named(state.about.name);
  if (algorithm.exportKey === undefined) throw notSupported(`a key for ${algorithm.name} cannot be exported`);
  if (!state.extractable) throw invalidAccess("the key cannot be extracted");
  return algorithm.exportKey(format, state);
}

const bufferOf = (bytes) => bytes.buffer;

const optionalLength = (length) =>
  length === null || length === undefined ? null : enforced(length, 32, "the length");

export class SubtleCrypto {
  #brand;

  constructor(token = undefined) {
    onlyInternal(token);
  }

  async encrypt(algorithm, key, data) {
    this.#brand;
    need(arguments, 3, "SubtleCrypto.encrypt");
    keyState(key, "the key");
    const bytes = dataOf(data);
    const chosen = normalize("encrypt", algorithm);
    return bufferOf(chosen.algorithm.encrypt(chosen.params, usable(key, chosen, "encrypt"), bytes));
  }

  async decrypt(algorithm, key, data) {
    this.#brand;
    need(arguments, 3, "SubtleCrypto.decrypt");
    keyState(key, "the key");
    const bytes = dataOf(data);
    const chosen = normalize("decrypt", algorithm);
    return bufferOf(chosen.algorithm.decrypt(chosen.params, usable(key, chosen, "decrypt"), bytes));
  }

  async sign(algorithm, key, data) {
    this.#brand;
    need(arguments, 3, "SubtleCrypto.sign");
    keyState(key, "the key");
    const bytes = dataOf(data);
    const chosen = normalize("sign", algorithm);
    return bufferOf(chosen.algorithm.sign(chosen.params, usable(key, chosen, "sign"), bytes));
  }

  async verify(algorithm, key, signature, data) {
    this.#brand;
    need(arguments, 4, "SubtleCrypto.verify");
    keyState(key, "the key");
    const signed = copyOf(signature, "the signature");
    const bytes = dataOf(data);
    const chosen = normalize("verify", algorithm);
    return chosen.algorithm.verify(chosen.params, usable(key, chosen, "verify"), signed, bytes);
  }

  async digest(algorithm, data) {
    this.#brand;
    need(arguments, 2, "SubtleCrypto.digest");
    const bytes = dataOf(data);
    const chosen = normalize("digest", algorithm);
    return bufferOf(chosen.algorithm.digest(chosen.params, bytes));
  }

  async generateKey(algorithm, extractable, keyUsages) {
    this.#brand;
    need(arguments, 3, "SubtleCrypto.generateKey");
    const usages = readUsages(keyUsages);
    const chosen = normalize("generateKey", algorithm);
    const made = chosen.algorithm.generateKey(chosen.params, Boolean(extractable), usages);
    withUsages(isKey(made) ? made : made.privateKey);
    return made;
  }

  async deriveKey(algorithm, baseKey, derivedKeyType, extractable, keyUsages) {
    this.#brand;
    need(arguments, 5, "SubtleCrypto.deriveKey");
    keyState(baseKey, "the key");
    const usages = readUsages(keyUsages);
    const chosen = normalize("deriveBits", algorithm);
    const target = normalize("importKey", derivedKeyType);
    const sized = normalize("getKeyLength", derivedKeyType);
    const state = usable(baseKey, chosen, "deriveKey");
    const length = sized.algorithm.getKeyLength(sized.params);
    const secret = chosen.algorithm.deriveBits(chosen.params, state, length);
    return withUsages(target.algorithm.importKey("raw", secret, target.params, Boolean(extractable), usages));
  }

  async deriveBits(algorithm, baseKey, length = null) {
    this.#brand;
    need(arguments, 2, "SubtleCrypto.deriveBits");
    keyState(baseKey, "the key");
    const bits = optionalLength(length);
    const chosen = normalize("deriveBits", algorithm);
    return bufferOf(chosen.algorithm.deriveBits(chosen.params, usable(baseKey, chosen, "deriveBits"), bits));
  }

  async importKey(format, keyData, algorithm, extractable, keyUsages) {
    this.#brand;
    need(arguments, 5, "SubtleCrypto.importKey");
    const kind = formatOf(format);
    const buffer = isBufferSource(keyData);
    if (kind === "jwk" ? buffer : !buffer)
      throw new TypeError(
        `a key of the format \`${kind}\` is ${kind === "jwk" ? "an object, not bytes" : "an ArrayBuffer or a view on one"}`,
      );
    const data = buffer ? dataOf(keyData) : readJwk(keyData);
    const usages = readUsages(keyUsages);
    const chosen = normalize("importKey", algorithm);
    return withUsages(chosen.algorithm.importKey(kind, data, chosen.params, Boolean(extractable), usages));
  }

  async exportKey(format, key) {
    this.#brand;
    need(arguments, 2, "SubtleCrypto.exportKey");
    const kind = formatOf(format);
    const data = exported(kind, key);
    return kind === "jwk" ? data : bufferOf(data);
  }

  async wrapKey(format, key, wrappingKey, wrapAlgorithm) {
    this.#brand;
    need(arguments, 4, "SubtleCrypto.wrapKey");
    const kind = formatOf(format);
    keyState(key, "the key");
    keyState(wrappingKey, "the wrapping key");
    const chosen = wrapping("wrapKey", "encrypt", wrapAlgorithm);
    const state = usable(wrappingKey, chosen, "wrapKey");
    const data = exported(kind, key);
    const bytes = kind === "jwk" ? encoder.encode(JSON.stringify(data)) : data;
    return bufferOf(chosen.run(chosen.params, state, bytes));
  }

  async unwrapKey(format, wrappedKey, unwrappingKey, unwrapAlgorithm, unwrappedKeyAlgorithm, extractable, keyUsages) {
    this.#brand;
    need(arguments, 7, "SubtleCrypto.unwrapKey");
    const kind = formatOf(format);
    const wrapped = copyOf(wrappedKey, "the wrapped key");
    keyState(unwrappingKey, "the unwrapping key");
    const usages = readUsages(keyUsages);
    const chosen = wrapping("unwrapKey", "decrypt", unwrapAlgorithm);
    const target = normalize("importKey", unwrappedKeyAlgorithm);
    const state = usable(unwrappingKey, chosen, "unwrapKey");
    const bytes = chosen.run(chosen.params, state, wrapped);
    const data = kind === "jwk" ? jwkOf(bytes) : bytes;
    return withUsages(target.algorithm.importKey(kind, data, target.params, Boolean(extractable), usages));
  }
}

/** An algorithm that wraps keys, or else one that encrypts them. */
function wrapping(operation, fallback, algorithm) {
  const own = normalizeIfSupported(operation, algorithm);
  if (own.algorithm !== undefined) return { ...own, run: own.algorithm[operation] };
  const chosen = normalize(fallback, algorithm);
  return { ...chosen, run: chosen.algorithm[fallback] };
}

function jwkOf(bytes) {
  let value;
  try {
    value = JSON.parse(decoder.decode(bytes));
  } catch {
    throw dataError("the unwrapped key is not JSON");
  }
  if (typeof value !== "object" || value === null) throw dataError("the unwrapped key is not a JSON object");
  return readJwk(value);
}

expose({ SubtleCrypto });
