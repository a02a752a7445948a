// A run: its credentials, its log, what it knows of itself, and which code belongs to it.

import { AsyncLocalStorage } from "node:async_hooks";
import { randomUUID } from "node:crypto";

import { findRunsWith } from "../current-run.js";
import * as sdk from "../index.js";
import { lendFetch } from "./fetch.js";
import { captureConsole, Log } from "./log.js";
import { Masker } from "./masker.js";
import { hideFromRuns } from "./node-globals.js";
import { signFor, verifyFor } from "./signing.js";

const KEY = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
const MAX_VALUE_BYTES = 65_536;

const runs = new AsyncLocalStorage();
/** The run whose step is being loaded: the top level of a module does not inherit the context of its `import()`. */
let loading;

const runOfThisCode = () => runs.getStore() ?? loading;

export class Run {
  log = new Log();
  masker = new Masker();
  /** Names that the step looked for and that are not there in Lockstep. */
  absent = new Set();

  #credentials;
  #used = new Set();
  #abort = new AbortController();
  #settings;
  #ended = false;
  /** What the step signs and verifies with, through `sign` and `verify`. */
  sign = signFor((key) => this.credential(key));
  verify = verifyFor((key) => this.credential(key));

  /** What `fetch` is in this run; undefined: that of Node.js. */
  fetch;
  requests = 0;

  constructor(settings) {
    const { credentials = {}, workflow = "default", step = null, attempt = 1, runId = randomUUID(), deadline } = settings;
    if (settings.fetch !== undefined) this.fetch = this.#counted(settings.fetch);
    this.#credentials = new Map(Object.entries(credentials));
    for (const [key, value] of this.#credentials) checkCredential(key, value);
    this.#settings = { runId, workflow, step, attempt, deadline };
    prepareProcess();
  }

  get id() {
    return this.#settings.runId;
  }

  /** Calls a function as code of this run. */
  within(code) {
    return runs.run(this, code);
  }

  /** Evaluates a module as code of this run. One at a time. */
  async whileLoading(load) {
    await previousLoad;
    const { promise, resolve } = deferred();
    previousLoad = promise;
    loading = this;
    try {
      return await load();
    } finally {
      loading = undefined;
      resolve();
    }
  }

  /** The second argument of the step. Frozen, as in Lockstep. */
  context(input) {
    const { credential, requireCredentials, sign, verify } = sdk;
    const functions = { credential, requireCredentials, sign, verify };
    return Object.freeze({ input, ...this.#settings, signal: this.#abort.signal, ...functions });
  }

  credential(key) {
    checkKey(key);
    const value = this.#credentials.get(key);
    if (value === undefined) throw new sdk.MissingCredentialError(key);
    this.#used.add(key);
    this.masker.register(value);
    return value;
  }

  requireCredentials(...keys) {
    keys.forEach(checkKey);
    const missing = keys.filter((key) => !this.#credentials.has(key));
    if (missing.length > 0) throw new sdk.MissingCredentialError([...new Set(missing)]);
  }

  /** The credentials that it was given, as a receipt lists them. */
  uses() {
    return [...this.#used].map((key) => ({ key, scope: "workspace", version: 1 }));
  }

  #counted(fetch) {
    if (typeof fetch !== "function") throw new TypeError(`the option \`fetch\` is a function, not ${typeof fetch}`);
    const counted = async (...request) => {
      this.requests += 1;
      return fetch(...request);
    };
    return Object.defineProperty(counted, "name", { value: "fetch" });
  }

  abort() {
    this.#abort.abort(new DOMException("the run has to be over", "TimeoutError"));
  }

  /** What is written from now on is written by nobody. */
  end() {
    this.#ended = true;
  }

  write(stream, text) {
    if (!this.#ended) this.log.write(stream, text);
  }
}

let previousLoad = Promise.resolve();

/** Gives this process what a step finds in its global scope. */
function prepareProcess() {
  captureConsole(runOfThisCode);
  if ("credential" in globalThis) return;
  findRunsWith(runOfThisCode);
  hideFromRuns(() => runs.getStore());
  lendFetch(runOfThisCode);
  const { credential, requireCredentials, MissingCredentialError } = sdk;
  for (const [name, value] of Object.entries({ credential, requireCredentials, MissingCredentialError })) {
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
  }
}

function checkKey(key) {
  if (typeof key !== "string") throw new TypeError(`the key of a credential is a string, not ${typeof key}`);
}

function checkCredential(key, value) {
  if (!KEY.test(key)) throw new TypeError(`\`${key}\` is no key of a credential: letters, digits and \`_\`, at most 128`);
  if (typeof value !== "string") throw new TypeError(`the credential \`${key}\` is a string, not ${typeof value}`);
  const bytes = new TextEncoder().encode(value).length;
  if (bytes === 0 || bytes > MAX_VALUE_BYTES) {
    throw new RangeError(`the credential \`${key}\` has ${bytes} bytes; Lockstep takes 1 to ${MAX_VALUE_BYTES}`);
  }
}

function deferred() {
  let resolve;
  const promise = new Promise((done) => (resolve = done));
  return { promise, resolve };
}
