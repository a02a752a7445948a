// The second argument of a step. It is made once; `start` puts in what a run knows.
(credential, requireCredentials, signal) => {
  const ctx = {
    input: undefined,
    runId: '',
    workflow: '',
    step: null,
    attempt: 1,
    deadline: 0,
    get signal() {
      return signal(ctx.deadline);
    },
    credential,
    requireCredentials,
  };
  return ({ input, run }) => {
    ctx.input = input;
    ctx.runId = run.id;
    ctx.workflow = run.workflow;
    ctx.step = run.step;
    ctx.attempt = run.attempt;
    ctx.deadline = run.deadline_ms;
    return ctx;
  };
};
