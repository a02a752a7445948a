// What keys in pairs have in common (RSA, EC, Ed25519, X25519).

import { dataError, invalidAccess } from "./errors.js";
import { newKey } from "./key.js";
import { allowOnly, only } from "./usages.js";

/** A generated pair. `usable`: what each half can be used for. */
export function keyPair(name, algorithm, halves, usable, extractable, usages) {
  allowOnly(usages, [...usable.public, ...usable.private], `a key for ${name}`);
  return {
    publicKey: newKey({
      type: "public",
      extractable: true,
      algorithm,
      usages: only(usages, usable.public),
      material: halves.public,
    }),
    privateKey: newKey({
      type: "private",
      extractable,
      algorithm: { ...algorithm },
      usages: only(usages, usable.private),
      material: halves.private,
    }),
  };
}

export function imported(name, type, algorithm, material, usable, extractable, usages) {
  allowOnly(usages, usable[type], `a ${type} key for ${name}`);
  return newKey({ type, extractable, algorithm, usages, material });
}

export function need(type, key, format) {
  if (key.type !== type) throw invalidAccess(`a ${key.type} key cannot be exported as \`${format}\``);
}

export const damaged = (name, format) => dataError(`${name}: the key is not a valid \`${format}\``);

export function usedBy(key, type, operation) {
  if (key.type !== type) throw invalidAccess(`${operation} needs a ${type} key`);
}
