// `sign` and `verify` of a run in Node.js, with its own `node:crypto`: the same signatures as in Lockstep, which computes
// them in the host.

import { Buffer } from "node:buffer";
import { createHmac, createPrivateKey, sign as signWith, timingSafeEqual } from "node:crypto";

import { signAws, signAwsUrl } from "./aws.js";

const MAX_DATA_BYTES = 8 << 20;
const MAX_CLAIMS_BYTES = 64 << 10;
const MAX_SIGNATURES = 1000;
const TOLERANCE_S = 300;

const HASHES = { "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512" };
const ENCODINGS = ["hex", "base64", "base64url"];
const KEY_ENCODINGS = { text: "utf8", hex: "hex", base64: "base64" };
/** The algorithms with private keys: what a key of theirs is. */
const KEY_TYPES = { RS256: "rsa", ES256: "ec", EdDSA: "ed25519" };

/** `sign` for a run; `valueOf` gives the value of a credential, or throws. */
export function signFor(valueOf) {
  let signatures = 0;
  return {
    hmac(key, data, { hash = "SHA-256", encoding = "hex", keyEncoding = "text" } = {}) {
      oneOf(encoding, ENCODINGS, "`encoding`");
      return hmacOf(key, valueOf(key), hash, keyEncoding, bytesOf(key, data, "what is signed")).toString(encoding);
    },
    jwt(key, claims, { algorithm = "HS256", header = {}, keyEncoding = "text" } = {}) {
      oneOf(algorithm, ["HS256", ...Object.keys(KEY_TYPES)], "`algorithm`");
      const parts = [headerOf(key, header, algorithm), objectOf(claims, "the claims")];
      for (const part of parts) checkLength(key, Buffer.byteLength(part), MAX_CLAIMS_BYTES);
      const signed = parts.map((part) => Buffer.from(part).toString("base64url")).join(".");
      const value = valueOf(key);
      if (algorithm === "HS256") return `${signed}.${secretOf(key, value, keyEncoding, signed).toString("base64url")}`;
      if (signatures++ === MAX_SIGNATURES) {
        throw failure("too_many", key, `a run signs ${MAX_SIGNATURES} times with private keys at most`);
      }
      return `${signed}.${privately(key, value, algorithm, signed).toString("base64url")}`;
    },
    awsV4(key, request, options) {
      const body = options.unsignedBody === true ? undefined : bytesOf(key, request.body ?? "", "the body of the request");
      return signAws(request, body, accountOf(valueOf, key, options));
    },
    awsV4Url(key, request, options) {
      return signAwsUrl(request, options.expires, accountOf(valueOf, key, options));
    },
    basic(user, key) {
      if (typeof user !== "string") throw new TypeError(`the user is a string, not ${typeof user}`);
      if (/[:\p{Cc}]/u.test(user)) {
        throw failure("invalid_argument", key, "the user of `Basic` has no colon and no control character");
      }
      return `Basic ${Buffer.from(`${user}:${valueOf(key)}`).toString("base64")}`;
    },
  };
}

/** `verify` for a run. */
export function verifyFor(valueOf) {
  const made = (key, body, digits) =>
    isSame(hmacOf(key, valueOf(key), "SHA-256", "text", body), Buffer.from(digits ?? "", "hex"));
  return {
    hmac(key, data, signature, { hash = "SHA-256", keyEncoding = "text" } = {}) {
      if (typeof signature !== "string") throw new TypeError(`the signature is a string, not ${typeof signature}`);
      const code = hmacOf(key, valueOf(key), hash, keyEncoding, bytesOf(key, data, "what is verified"));
      const written = signature.trim().replace(new RegExp(`^${HASHES[hash]}=`), "");
      const encoding = written.length === 2 * code.length ? "hex" : "base64";
      return isSame(code, Buffer.from(written, encoding));
    },
    github(key, body, headers) {
      const [, digits] = /^sha256=([0-9a-f]{64})$/i.exec(headerIn(headers, "x-hub-signature-256")) ?? [];
      return made(key, bytesOf(key, body, "the body"), digits);
    },
    slack(key, body, headers, options) {
      const timestamp = headerIn(headers, "x-slack-request-timestamp");
      const [, digits] = /^v0=([0-9a-f]{64})$/i.exec(headerIn(headers, "x-slack-signature")) ?? [];
      const signed = Buffer.concat([Buffer.from(`v0:${timestamp}:`), bytesOf(key, body, "the body")]);
      return made(key, signed, digits) && isNow(timestamp, options);
    },
    stripe(key, body, headers, options) {
      const parts = headerIn(headers, "stripe-signature").split(",").map((part) => part.trim().split("="));
      const timestamp = parts.find(([name]) => name === "t")?.[1] ?? "";
      const signed = Buffer.concat([Buffer.from(`${timestamp}.`), bytesOf(key, body, "the body")]);
      const codes = parts.filter(([name]) => name === "v1").slice(0, 8);
      return codes.some(([, digits]) => made(key, signed, digits)) && isNow(timestamp, options);
    },
  };
}

function hmacOf(key, value, hash, keyEncoding, data) {
  oneOf(hash, Object.keys(HASHES), "`hash`");
  oneOf(keyEncoding, Object.keys(KEY_ENCODINGS), "`keyEncoding`");
  return createHmac(HASHES[hash], Buffer.from(value, KEY_ENCODINGS[keyEncoding])).update(data).digest();
}

function secretOf(key, value, keyEncoding, signed) {
  if (value.trimStart().startsWith("-----BEGIN ")) {
    throw failure("invalid_key", key, "HS256 takes a shared secret; the value is a PEM key: sign by RS256, ES256 or EdDSA");
  }
  return hmacOf(key, value, "SHA-256", keyEncoding, signed);
}

function privately(key, value, algorithm, signed) {
  const wrong = () => failure("invalid_key", key, `the value is no private key in PEM that ${algorithm} takes`);
  let pair;
  try {
    pair = createPrivateKey(value.includes("\n") ? value : value.replaceAll("\\n", "\n"));
  } catch {
    throw wrong();
  }
  const { namedCurve } = pair.asymmetricKeyDetails ?? {};
  if (pair.asymmetricKeyType !== KEY_TYPES[algorithm]) throw wrong();
  if (algorithm === "ES256" && namedCurve !== "prime256v1") throw wrong();
  return signWith(algorithm === "EdDSA" ? null : "sha256", Buffer.from(signed), { key: pair, dsaEncoding: "ieee-p1363" });
}

function headerOf(key, header, algorithm) {
  objectOf(header, "the members of the header");
  const { alg = algorithm, ...members } = header;
  if (alg !== algorithm || "b64" in members || "crit" in members) {
    throw failure("invalid_argument", key, `the header says another \`alg\` than ${algorithm}, or an extension of RFC 7515`);
  }
  const all = { alg, typ: "JWT", ...members };
  return JSON.stringify(Object.fromEntries(Object.entries(all).sort(([left], [right]) => (left < right ? -1 : 1))));
}

function objectOf(value, what) {
  const text = typeof value === "object" && value !== null ? JSON.stringify(value) : undefined;
  if (text === undefined || text[0] !== "{") throw new TypeError(`${what} are an object`);
  return text;
}

function accountOf(valueOf, key, { accessKeyId, sessionToken, region, service, date = Date.now() }) {
  return {
    accessKeyId,
    secret: valueOf(key),
    token: sessionToken === undefined ? undefined : valueOf(sessionToken),
    region,
    service,
    date: new Date(date),
    fail: (message) => failure("invalid_argument", key, message),
  };
}

function isNow(timestamp, { tolerance = TOLERANCE_S } = {}) {
  return /^-?\d+$/.test(timestamp) && Math.abs(Math.floor(Date.now() / 1000) - Number(timestamp)) <= tolerance;
}

function isSame(code, other) {
  return code.length === other.length && timingSafeEqual(code, other);
}

function headerIn(headers, name) {
  const pairs = headers?.[Symbol.iterator] === undefined ? Object.entries(headers ?? {}) : [...headers];
  return `${pairs.find(([one]) => one.toLowerCase() === name)?.[1] ?? ""}`;
}

function bytesOf(key, data, what) {
  const bytes =
    typeof data === "string" ? Buffer.from(data)
    : ArrayBuffer.isView(data) ? Buffer.from(data.buffer, data.byteOffset, data.byteLength)
    : data instanceof ArrayBuffer ? Buffer.from(data)
    : undefined;
  if (bytes === undefined) throw new TypeError(`${what} is a string, an ArrayBuffer or a view of one, not ${typeof data}`);
  checkLength(key, bytes.length, MAX_DATA_BYTES);
  return bytes;
}

function checkLength(key, bytes, limit) {
  if (bytes > limit) throw failure("too_large", key, `what is handed in has ${bytes} bytes, over the limit of ${limit} bytes`);
}

function oneOf(value, words, what) {
  if (!words.includes(value)) throw new TypeError(`${what} is one of ${words.map((word) => `\`${word}\``).join(", ")}`);
}

/** The error that Lockstep makes, with the code and the key that are in it there. */
function failure(code, key, why) {
  const error = new Error(`cannot sign with credential \`${key}\`: ${why}`);
  Object.defineProperty(error, "name", { value: "SigningError", writable: true, configurable: true });
  return Object.assign(error, { code, key });
}
