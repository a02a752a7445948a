// The run that the code which is running now belongs to.
// A process may hold several copies of this package, such as one that a test runner bundled: they find runs in one place.

const FINDER = Symbol.for("@lockstep/step: finds the current run");

/** The run that this code belongs to. `what` names the function that needs it. */
export function currentRun(what) {
  const run = globalThis[FINDER]?.();
  if (run === undefined) {
    throw new Error(
      `\`${what}\` works while a step runs: in Lockstep (\`lockstep run FILE\`), or in a test with \`runStep\` of "@lockstep/step/test"`,
    );
  }
  return run;
}

/** Adds a way to find the run. */
export function findRunsWith(find) {
  const before = globalThis[FINDER];
  globalThis[FINDER] = () => find() ?? before?.();
}
