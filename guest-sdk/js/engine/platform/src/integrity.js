// Whether bytes are those that the option `integrity` of a request names (Subresource Integrity).

import { engine } from "./engine.js";

const { digest } = engine.subtle;

/** From the weakest on. */
const algorithms = ["sha256", "sha384", "sha512"];
const names = { sha256: "SHA-256", sha384: "SHA-384", sha512: "SHA-512" };

/** Only the strongest algorithm that is named counts; text without one that is known asks for nothing. */
export function matches(bytes, integrity) {
  const named = integrity.split(/[\t\n\f\r ]+/).map((it) => /^(sha256|sha384|sha512)-([A-Za-z0-9+/_-]+={0,2})/.exec(it));
  const known = named.filter((it) => it !== null);
  const strongest = algorithms.findLast((algorithm) => known.some((it) => it[1] === algorithm));
  if (strongest === undefined) return true;
  const actual = standard(digest(names[strongest], bytes).toBase64());
  return known.some((it) => it[1] === strongest && standard(it[2]) === actual);
}

/** One spelling of base64: with the usual letters, and without padding. */
const standard = (base64) => base64.replace(/=+$/, "").replaceAll("-", "+").replaceAll("_", "/");
