// setTimeout, setInterval and what takes them back.

import { engine } from "./engine.js";
import { cancelTask, queueTaskAt } from "./tasks.js";
import { DOMString, exposeOperations, long, need } from "./webidl.js";

/** Timers that start each other more than five deep wait this long at least, as HTML asks for. */
const NESTED_MS = 4;
const NESTING_LIMIT = 5;

/** id -> the task that waits. */
const timers = new Map();
let lastId = 0;
let nesting = 0;

/** Calls `run` once after so many milliseconds. */
export function after(milliseconds, run) {
  return queueTaskAt(engine.monotonic() + milliseconds * 1000, run);
}

function setTimeout(handler, timeout = 0, ...args) {
  need(arguments, 1, "setTimeout");
  return start(handlerOf(handler, args), long(timeout), false);
}

function setInterval(handler, timeout = 0, ...args) {
  need(arguments, 1, "setInterval");
  return start(handlerOf(handler, args), long(timeout), true);
}

function clearTimeout(id = 0) {
  stop(long(id));
}

function clearInterval(id = 0) {
  stop(long(id));
}

function handlerOf(handler, args) {
  if (typeof handler === "function") return () => handler.call(globalThis, ...args);
  const code = DOMString(handler);
  return () => (0, eval)(code);
}

function start(run, timeout, repeat) {
  const id = ++lastId;
  wait(id, run, Math.max(timeout, 0), repeat, nesting);
  return id;
}

function wait(id, run, timeout, repeat, level) {
  const delay = level > NESTING_LIMIT ? Math.max(timeout, NESTED_MS) : timeout;
  const fire = () => {
    nesting = level + 1;
    if (!repeat) timers.delete(id);
    try {
      run();
    } finally {
      nesting = 0;
      if (repeat && timers.has(id)) wait(id, run, timeout, repeat, level + 1);
    }
  };
  timers.set(id, after(delay, fire));
}

function stop(id) {
  const task = timers.get(id);
  if (task === undefined) return;
  cancelTask(task);
  timers.delete(id);
}

exposeOperations({ clearInterval, clearTimeout, setInterval, setTimeout });
