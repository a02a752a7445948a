// The names of a plain script.

import "@lockstep/step/script";

const _input: { anything: boolean } = input;
const _run: string = ctx.runId;
// @ts-expect-error there is no such thing
ctx.secrets;
