// The second argument of a step. It is made once; what a run knows of itself is asked for when a step first reads it.
// Nothing of it can be assigned, as its types say: `runStep` of the SDK makes one that cannot either.
(credential, requireCredentials, sign, verify, signal, about) => {
  let input;
  let run;
  const known = () => (run ??= about());
  const ctx = Object.freeze({
    get input() {
      return input;
    },
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
    sign,
    verify,
  });
  return (given) => {
    input = given;
    return ctx;
  };
};
