// SHA-1 and SHA-2.

import { engine } from "../engine.js";

const { digest: hash } = engine.subtle;

const algorithm = (name) => ({
  name,
  params: { digest: () => ({}) },
  digest: (_, data) => hash(name, data),
});

export const sha1 = algorithm("SHA-1");
export const sha256 = algorithm("SHA-256");
export const sha384 = algorithm("SHA-384");
export const sha512 = algorithm("SHA-512");
