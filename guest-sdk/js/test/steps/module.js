import { credential, defineStep } from "@lockstep/step";

let runs = 0;

export default defineStep(({ name }, ctx) => {
  runs += 1;
  console.log("hello %s", name, credential("TOKEN"));
  console.error("careful");
  return { name, runs, workflow: ctx.workflow };
});
