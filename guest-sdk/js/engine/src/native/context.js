// The second argument of a step. It is made once; what a run knows of itself is asked for when a step first reads it.
(credential, requireCredentials, signal, about) => {
  let run;
  const known = () => (run ??= about());
  const ctx = {
    input: undefined,
    get runId() {
      return known().id;
    },
    get workflow() {
      return known().workflow;
    },
    get step() {
      return known().step;
    },
    get attempt() {
      return known().attempt;
    },
    get deadline() {
      return known().deadline_ms;
    },
    get signal() {
      return signal(known().deadline_ms);
    },
    credential,
    requireCredentials,
  };
  return (input) => {
    ctx.input = input;
    return ctx;
  };
};
