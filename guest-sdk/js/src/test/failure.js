// How a run failed, in the words of Lockstep.

import { ABSENT_GLOBALS } from "../absent.js";
import { MissingCredentialError } from "../missing-credential-error.js";

/** Causes of causes are told so deep. */
const MAX_CAUSES = 8;

/** Where this package is, as stacks name it. */
const HERE = new URL("..", import.meta.url).href;

/** What a step threw. */
export function failureOf(error, run) {
  const kind = error instanceof MissingCredentialError ? "missing_credential" : "step_failed";
  const retryable = kind === "step_failed" && error?.retryable === true;
  return failure(kind, "run", [tell(error), ...hints(run)].join("\n"), retryable);
}

/** What Lockstep refuses before it runs. */
export function invalidStep({ message }) {
  const { kind, fields } = failure("invalid_step", "load", message, false);
  return { kind, fields: { ...fields, started: false } };
}

export function notJson(error) {
  return failure("step_failed", "output", tell(error), false);
}

export function outputTooLarge(bytes, limit) {
  return failure("output_too_large", "output", `the output has ${bytes} bytes, the limit is ${limit}`, false);
}

export function timedOut(timeout) {
  return failure("timeout", "run", `the step ran for longer than ${timeout} ms`, true);
}

function failure(kind, phase, message, retryable) {
  return { kind, fields: { message, phase, started: true, requests_sent: 0, retryable } };
}

/** The text of an error, its stack and its causes. */
function tell(error) {
  const lines = [headline(error), ...frames(error)];
  let cause = error?.cause;
  for (let depth = 0; depth < MAX_CAUSES && cause !== undefined; depth += 1) {
    lines.push(`caused by: ${headline(cause)}`, ...frames(cause));
    cause = cause?.cause;
  }
  return lines.join("\n");
}

function headline(error) {
  try {
    return String(error);
  } catch {
    return `a thrown ${typeof error} that cannot be shown`;
  }
}

/** The frames of the step: not those of this package and of Node.js around it, nor those of the test. */
function frames(error) {
  if (typeof error?.stack !== "string") return [];
  const lines = error.stack.split("\n").filter((line) => /^\s+at /.test(line));
  const first = lines.findIndex((line) => !isAround(line));
  if (first < 0) return [];
  const inner = lines.slice(first);
  const end = inner.findIndex(isAround);
  return inner.slice(0, end < 0 ? inner.length : end).map((line) => line.replace(/\?run=[^:)]*/, ""));
}

function isAround(line) {
  return line.includes("node:") || line.includes(HERE);
}

function hints(run) {
  return [...run.absent].map((name) => `\`${name}\` is not there in a step: ${ABSENT_GLOBALS[name]}`);
}
