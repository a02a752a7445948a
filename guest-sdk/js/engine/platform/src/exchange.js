// Requests that the host has open: who waits for news of them, and what ends them.

import { engine } from "./engine.js";
import { fault } from "./fault.js";

const { awaits, close, end, open, read, send } = engine.network;

/** What the host says where it opens no more; all else below 0 is that it holds as much of bodies as it does. */
const TOO_MANY = -1;
/** What it says where the next piece of a body need not wait. */
const MORE = 1;

/** id -> the exchange, as long as it goes on. */
const exchanges = new Map();
/** How many news are awaited, which keeps the event loop alive. */
let awaited = 0;

/** A request, until its answer has ended, it has failed, or nobody wants it any more. */
export class Exchange {
  /** Sends a request: what the host reads of it, and its body if that is all there. */
  constructor(head, whole, error) {
    const id = open(head, whole);
    if (id < 0) throw fault(error, refused(id));
    // No step ever sees one, so these need not be private fields, which take their time.
    this.id = id;
    /** What it fails with: an error with the stack of the call. */
    this.error = error;
    // Who waits for what.
    this.awaitsHead = undefined;
    this.awaitsPiece = undefined;
    this.awaitsRoom = undefined;
    this.isOver = false;
    /** `{ reason }`, if it has failed. */
    this.failure = undefined;
    this.endings = undefined;
    exchanges.set(id, this);
  }

  /** A promise of what `convert` makes of the answer, which is its head, and its body if that is all there. */
  answer(convert) {
    return this.news("awaitsHead", convert);
  }

  /** A promise of the next piece of the answer's body; of undefined, if there is none. One is asked for at a time. */
  piece() {
    if (!this.isOver) read(this.id);
    return this.news("awaitsPiece");
  }

  /** Sends a piece of the body. What it returns is awaited before the next. */
  send(piece) {
    if (this.isOver || send(this.id, piece) === MORE) return undefined;
    return this.news("awaitsRoom");
  }

  endBody() {
    if (!this.isOver) end(this.id);
  }

  /** Ends it, as nobody wants the rest of the answer. */
  close() {
    if (this.isOver) return;
    close(this.id);
    this.end(undefined);
  }

  /** Ends it, and whoever waits for news gets `reason`. */
  fail(reason) {
    if (this.isOver) return;
    close(this.id);
    this.end({ reason });
  }

  /** Ends it because of what the host has told, or the platform has found. */
  failWith(told, cause) {
    this.fail(fault(this.error, told, cause));
  }

  /** `run` is called when it is over, with `{ reason }` if it failed. */
  whenOver(run) {
    (this.endings ??= []).push(run);
  }

  hear(kind, payload) {
    if (kind === 1) this.settle("awaitsHead", payload);
    else if (kind === 6) {
      const waiting = this.take("awaitsHead");
      this.end(undefined);
      waiting?.resolve(payload);
    } else if (kind === 2) this.settle("awaitsPiece", payload);
    else if (kind === 3) this.end(undefined);
    else if (kind === 4) this.end({ reason: fault(this.error, payload) });
    else if (kind === 5) this.settle("awaitsRoom");
  }

  news(what, convert) {
    if (this.isOver) return this.failure === undefined ? Promise.resolve() : Promise.reject(this.failure.reason);
    return new Promise((resolve, reject) => {
      const settle = convert === undefined ? resolve : converting(convert, resolve, reject);
      this[what] = { resolve: settle, reject };
      awaits(++awaited);
    });
  }

  settle(what, value) {
    this.take(what)?.resolve(value);
  }

  take(what) {
    const waiting = this[what];
    if (waiting === undefined) return undefined;
    this[what] = undefined;
    awaits(--awaited);
    return waiting;
  }

  release(what, failure) {
    const waiting = this.take(what);
    if (failure === undefined) waiting?.resolve();
    else waiting?.reject(failure.reason);
  }

  end(failure) {
    this.isOver = true;
    this.failure = failure;
    exchanges.delete(this.id);
    this.release("awaitsHead", failure);
    this.release("awaitsPiece", failure);
    this.release("awaitsRoom", failure);
    if (this.endings === undefined) return;
    for (const run of this.endings) run(failure);
    this.endings = undefined;
  }
}

/** Resolves with what `convert` makes of a value, at once: a promise of it would be one turn more. */
function converting(convert, resolve, reject) {
  return (value) => {
    try {
      resolve(convert(value));
    } catch (thrown) {
      reject(thrown);
    }
  };
}

function refused(answer) {
  const message =
    answer === TOO_MANY
      ? "1,000 requests are open already, and no more may be: await some of them, and read or cancel the bodies of their answers"
      : "the bodies of requests that wait to be sent have more than 64 MiB together: send them one after the other, or as streams";
  return { code: "egress_denied", host: null, message };
}

/** News from the host. There may be some of a request that is over. */
export function hear(kind, id, payload) {
  exchanges.get(id)?.hear(kind, payload);
}

/** Ends exchanges of whose answers' bodies nobody knows any more. */
const forgotten = new FinalizationRegistry((exchange) => exchange.close());

/** The body of an answer, for whoever reads it. As soon as nobody knows it any more the exchange ends. */
export class Answer {
  #exchange;

  constructor(exchange) {
    this.#exchange = exchange;
    forgotten.register(this, exchange);
  }
  get failure() {
    return this.#exchange.failure;
  }
  piece() {
    return this.#exchange.piece();
  }
  close() {
    this.#exchange.close();
  }
  whenFailed(run) {
    this.#exchange.whenOver((failure) => {
      if (failure !== undefined) run(failure.reason);
    });
  }
}
