// Randomness: always the host's.

import { engine } from "../engine.js";

export function randomBytes(length) {
  const bytes = new Uint8Array(length);
  engine.random(bytes);
  return bytes;
}
