/**
 * Test a step in plain Node.js, without Lockstep: with credentials of the test's own, and with its log captured and masked.
 *
 * @module
 */

import type { Step } from "./index.js";

/**
 * Runs a step once, as Lockstep would: from JSON to JSON, with the credentials and nothing else that the test gives it.
 *
 * The outcome has the shape of what `lockstep run --json` prints. A step that fails is an outcome, too; what rejects is a
 * mistake of the test, such as a file that is not there.
 *
 * A file is loaded afresh for each run; TypeScript takes esbuild in the project, or a Node.js that strips types. A
 * function or a module that the test has imported itself keeps its state from one run to the next, as it does not in
 * Lockstep.
 *
 * @param step The path of a step, the step itself, or the module that it is the default export of.
 * @param options What the run is given.
 *
 * @example
 * ```ts
 * import { runStep } from "@lockstep/step/test";
 *
 * const ran = await runStep("src/step.ts", {
 *   input: { channel: "#general" },
 *   credentials: { SLACK_TOKEN: "xoxb-for-tests" },
 * });
 * console.assert(ran.kind === "completed" && !ran.log.includes("xoxb"), ran.failure?.message);
 * ```
 */
export function runStep<In = unknown, Out = unknown>(
  step: string | URL | Step<In, Out> | { default: Step<In, Out> },
  options?: RunOptions<In>,
): Promise<Outcome<Out>>;

/** What a run is given. */
export interface RunOptions<In = unknown> {
  /** The input: JSON. `null` if it is not said. */
  input?: In;
  /** The credentials that the run may have, by their keys. None if they are not said. */
  credentials?: Record<string, string>;
  /**
   * What `fetch` is to the step. That of Node.js if it is not said, whose errors have other codes, and which no policy
   * stops: a test that should not depend on the network gives one of its own.
   *
   * @example
   * ```ts
   * import { runStep } from "@lockstep/step/test";
   *
   * const asked: Request[] = [];
   * const ran = await runStep("src/step.ts", {
   *   fetch: async (input, init) => {
   *     asked.push(new Request(input, init));
   *     return Response.json({ ok: true });
   *   },
   * });
   * ```
   */
  fetch?: typeof globalThis.fetch;
  /** The name of the workflow. `default` if it is not said. */
  workflow?: string;
  /** The name that the step is registered by. `null`, as for a file, if it is not said. */
  step?: string | null;
  /** Which try this is. 1 if it is not said. */
  attempt?: number;
  /** The id of the run. A random one if it is not said. */
  runId?: string;
  /** After how many milliseconds the run ends with the outcome `timeout`. 30,000 if it is not said. */
  timeout?: number;
}

/** How a run ended, as `lockstep run --json` prints it; and its log. All of it is masked. */
export interface Outcome<Out = unknown> {
  /** The id of the run. */
  run: string;
  /** How it ended. */
  kind: "completed" | "step_failed" | "missing_credential" | "invalid_step" | "output_too_large" | "timeout";
  /** What the step returned; `null` if it did not complete. */
  output: Out | null;
  /** How it failed; `null` if it completed. */
  failure: Failure | null;
  /** What it used. Lockstep measures more. */
  receipt: Receipt;
  /** What it wrote, both streams as they came. */
  log: string;
  /** What `console.log`, `info`, `debug` and `table` wrote. */
  stdout: string;
  /** What `console.error`, `warn` and `trace` wrote. */
  stderr: string;
}

/** How a run failed. */
export interface Failure {
  /** The error, its stack and its causes. */
  message: string;
  /** Where it failed. */
  phase: "load" | "run" | "output";
  /** Whether code of the step had started. */
  started: boolean;
  /** How many requests had left; those through the option `fetch` are counted. */
  requests_sent: number;
  /** Whether trying again may help. */
  retryable: boolean;
}

/** What a run used. */
export interface Receipt {
  run_us: number;
  input_bytes: number;
  log_bytes: number;
  output_bytes: number;
  /** The credentials that it was given, in the order of their first use. */
  credentials: { key: string; scope: "workspace"; version: number }[];
}
