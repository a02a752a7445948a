// The step of {{name}}: what it returns is its output.

import { credential, defineStep } from "@lockstep/step";

export default defineStep((/** @type {{ name: string }} */ { name }, ctx) => {
  const token = credential("GREETER_TOKEN");
  console.log(`run ${ctx.runId} greets ${name} with ${token}`); // the log shows ***
  return { greeting: `Hello ${name}`, signed: token.length > 0 };
});
