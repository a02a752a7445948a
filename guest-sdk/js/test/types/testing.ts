// `runStep` knows the types of the step that it is given.

import { defineStep } from "@lockstep/step";
import { runStep, type Outcome } from "@lockstep/step/test";

const double = defineStep<number, { result: number }>((input) => ({ result: 2 * input }));

const ran = await runStep(double, { input: 2, credentials: { TOKEN: "x" }, timeout: 100 });
const _result: number | undefined = ran.output?.result;
const _kind: "completed" | "step_failed" | "missing_credential" | "invalid_step" | "output_too_large" | "timeout" = ran.kind;
const _message: string | undefined = ran.failure?.message;

// @ts-expect-error the step takes a number
await runStep(double, { input: "2" });
// @ts-expect-error there is no such option
await runStep(double, { secrets: {} });
// @ts-expect-error values are strings
await runStep(double, { credentials: { TOKEN: 1 } });

const _module: Outcome<{ result: number }> = await runStep({ default: double }, { input: 2 });
const _file: Outcome<string> = await runStep<number, string>("src/step.ts", { input: 2 });
