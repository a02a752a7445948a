// The error for credentials that a run cannot have; one class in a process, so that `instanceof` holds across copies of
// this package.

const CLASS = Symbol.for("@lockstep/step: MissingCredentialError");

function headline(keys) {
  const list = keys.map((key) => `\`${key}\``).join(", ");
  return keys.length === 1 ? `credential ${list} is missing` : `credentials ${list} are missing`;
}

export const MissingCredentialError = (globalThis[CLASS] ??= class MissingCredentialError extends Error {
  constructor(keys) {
    const all = typeof keys === "object" ? [...keys] : [`${keys}`];
    super(headline(all));
    this.code = "missing_credential";
    this.key = all[0];
    this.keys = all;
  }

  get name() {
    return "MissingCredentialError";
  }
});
