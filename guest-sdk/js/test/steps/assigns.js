// Run by the SDK's tests and by those of Lockstep itself, which are to give the same output.
const NAMES = ["input", "runId", "workflow", "step", "attempt", "deadline", "signal", "credential", "requireCredentials", "sign", "verify", "added"];

const refusal = (change) => {
  try {
    change();
    return "none";
  } catch (error) {
    return error.name;
  }
};

export default (input, ctx) => {
  const before = NAMES.map((name) => ctx[name]);
  const assigned = NAMES.map((name) => refusal(() => (ctx[name] = 1)));
  const deleted = refusal(() => delete ctx.deadline);
  input.n += 1;
  return { assigned, deleted, same: NAMES.every((name, at) => ctx[name] === before[at]), names: Object.keys(ctx), input: ctx.input };
};
