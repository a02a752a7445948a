// Runs steps in plain Node.js, for tests.

export { runStep } from "./run-step.js";
