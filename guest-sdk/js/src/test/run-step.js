// One run of a step, from its input to its outcome.

import { failureOf, invalidStep, notJson, outputTooLarge, timedOut } from "./failure.js";
import { findStep, InvalidStep } from "./load-step.js";
import { toJson } from "./json.js";
import { Run } from "./run.js";

const TIMEOUT_MS = 30_000;
const MAX_INPUT_BYTES = 6 << 20;
const MAX_OUTPUT_BYTES = 1 << 20;

const OPTIONS = ["input", "credentials", "fetch", "workflow", "step", "attempt", "runId", "timeout"];

export async function runStep(step, options = {}) {
  const unknown = Object.keys(options).find((name) => !OPTIONS.includes(name));
  if (unknown !== undefined) throw new TypeError(`runStep has no option \`${unknown}\`; there are ${OPTIONS.join(", ")}`);
  const { timeout = TIMEOUT_MS, ...settings } = options;
  const input = inputText(settings.input ?? null);
  const run = new Run({ ...settings, deadline: Date.now() + timeout });
  const load = await findStep(step);
  const started = performance.now();
  const ending = await withTimeout(timeout, run, () => complete(run, load, input));
  return report(run, ending, input, started);
}

/** The output as JSON text, or how the run failed. */
async function complete(run, load, input) {
  let phase = "run";
  try {
    const step = await load(run);
    const parsed = JSON.parse(input);
    const output = await run.within(() => step(parsed, run.context(parsed)));
    phase = "output";
    const text = toJson(output, "output");
    if (byteLength(text) > MAX_OUTPUT_BYTES) return { failure: outputTooLarge(byteLength(text), MAX_OUTPUT_BYTES) };
    return { output: text };
  } catch (error) {
    if (error instanceof InvalidStep) return { failure: invalidStep(error) };
    return { failure: phase === "output" ? notJson(error) : failureOf(error, run) };
  }
}

async function withTimeout(timeout, run, complete) {
  let timer;
  const late = new Promise((resolve) => {
    timer = setTimeout(() => {
      run.abort();
      resolve({ failure: timedOut(timeout) });
    }, timeout);
  });
  try {
    return await Promise.race([complete(), late]);
  } finally {
    clearTimeout(timer);
    run.end();
  }
}

/** What `lockstep run --json` prints, and the log beside it. */
function report(run, { output, failure }, input, started) {
  const mask = (text) => run.masker.mask(text);
  return {
    run: run.id,
    kind: failure?.kind ?? "completed",
    output: output === undefined ? null : run.masker.maskJson(JSON.parse(output)),
    failure: failure === undefined ? null : { ...failure.fields, message: mask(failure.fields.message), requests_sent: run.requests },
    receipt: {
      run_us: Math.round(1000 * (performance.now() - started)),
      input_bytes: byteLength(input),
      log_bytes: byteLength(run.log.text),
      output_bytes: output === undefined ? 0 : byteLength(output),
      credentials: run.uses(),
    },
    log: mask(run.log.text),
    stdout: mask(run.log.stdout),
    stderr: mask(run.log.stderr),
  };
}

function inputText(input) {
  const text = toJson(input, "input");
  const bytes = byteLength(text);
  if (bytes > MAX_INPUT_BYTES) throw new RangeError(`the input has ${bytes} bytes, the limit is ${MAX_INPUT_BYTES}`);
  return text;
}

function byteLength(text) {
  return new TextEncoder().encode(text).length;
}
