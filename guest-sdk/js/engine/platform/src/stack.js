// Stacks of errors, without the lines of the platform itself.

/** What the names of the engine's own scripts begin with. */
const OWN = "lockstep:";

export const withoutPlatform = (stack) =>
  stack
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.includes(OWN))
    .join("\n");
