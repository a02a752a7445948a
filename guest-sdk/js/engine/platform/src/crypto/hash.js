// The member `hash` of an algorithm.

import { normalize } from "./normalize.js";

/** The name of the hash function that an algorithm names. */
export function hashOf(raw) {
  const { hash } = raw;
  if (hash === undefined) throw new TypeError("the algorithm has no `hash`");
  return normalize("digest", hash).algorithm.name;
}
