// Errors as people read them: `stack` begins with name and message as in other engines, and its positions are those of
// the source that the author wrote. And the text of what ended a run.
// Nothing here calls what a step may have changed, and whatever a step has put into an error, there is an answer.
(rewrite, explain) => {
  const { apply } = Reflect;
  const { defineProperty, getOwnPropertyDescriptor } = Object;
  const { isError, captureStackTrace } = Error;
  const { stringify } = JSON;
  const { toString } = Error.prototype;
  const { slice, startsWith, toWellFormed } = String.prototype;
  const toText = String;

  const MESSAGE_CHARACTERS = 8192;
  const CAUSES = 8;

  const cut = (text) =>
    apply(toWellFormed, text.length > MESSAGE_CHARACTERS ? apply(slice, text, [0, MESSAGE_CHARACTERS - 1]) + '…' : text, []);

  const headOf = (error) => {
    try {
      return cut(apply(toString, error, []));
    } catch {
      return 'Error';
    }
  };

  const original = getOwnPropertyDescriptor(Error.prototype, 'stack');
  const { get: stack } = getOwnPropertyDescriptor(
    {
      get stack() {
        const calls = apply(original.get, this, []);
        return typeof calls === 'string' ? rewrite(headOf(this), calls) : calls;
      },
    },
    'stack',
  );
  defineProperty(Error.prototype, 'stack', { ...original, get: stack });

  Error.captureStackTrace = {
    captureStackTrace(target, above) {
      captureStackTrace(target, above);
      const calls = getOwnPropertyDescriptor(target, 'stack')?.value;
      if (typeof calls === 'string') defineProperty(target, 'stack', { value: rewrite(headOf(target), calls) });
    },
  }.captureStackTrace;

  const isObject = (value) => (typeof value === 'object' && value !== null) || typeof value === 'function';

  const read = (value, key) => {
    try {
      return isObject(value) ? value[key] : undefined;
    } catch {
      return undefined;
    }
  };

  const text = (value) => (typeof value === 'string' ? cut(value) : '');

  const show = (value) => {
    try {
      if (typeof value === 'string') return cut(value);
      if (isError(value)) return headOf(value);
      return cut((isObject(value) && stringify(value)) || toText(value));
    } catch {
      return 'something that cannot be shown';
    }
  };

  const headline = (value) => (isError(value) || typeof value === 'string' ? show(value) : `the step threw ${show(value)}`);

  const callsBelow = (value, head) => {
    const calls = text(read(value, 'stack'));
    if (calls === '') return '';
    return apply(startsWith, calls, [head]) ? apply(slice, calls, [head.length]) : `\n${calls}`;
  };

  const describe = (value) => {
    const head = headline(value);
    const hint = explain(text(read(value, 'name')), text(read(value, 'message')));
    return head + (hint ? `\n${hint}` : '') + callsBelow(value, head);
  };

  const tell = (thrown) => {
    let told = describe(thrown);
    let cause = thrown;
    for (let depth = 0; depth < CAUSES; depth++) {
      const first = read(read(cause, 'errors'), 0);
      cause = read(cause, 'cause') ?? first;
      if (cause === undefined || cause === null) break;
      told += `\ncaused by: ${describe(cause)}`;
    }
    return cut(told);
  };

  const isOutOfMemory = (value) => {
    if (!isError(value) || read(value, 'name') !== 'InternalError') return false;
    const message = read(value, 'message');
    // The other is what QuickJS says where there was no memory for what it wants to say.
    return message === 'out of memory' || message === 'Invalid error message';
  };

  const describeThrown = (thrown) => ({
    message: tell(thrown),
    retryable: read(thrown, 'retryable') === true,
  });

  return [describeThrown, isOutOfMemory];
};
