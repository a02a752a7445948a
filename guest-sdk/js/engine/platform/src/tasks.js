// What waits to be run: tasks that are ready at once (messages) and tasks of a time (timers).
// The engine asks for the next one whenever no microtask is left.

import { reportException } from "./report.js";

const ready = [];
let firstReady = 0;
let tookReady = false;

/** A binary heap by time, then by order of insertion. */
const timed = [];
let order = 0;

/** Queues a task that can run at once. */
export function queueTask(run) {
  ready.push(run);
}

/** Queues a task for a time in microseconds of the run; `cancel` on what it returns takes it out. */
export function queueTaskAt(due, run) {
  const task = { due, order: order++, run };
  timed.push(task);
  let at = timed.length - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!before(timed[at], timed[parent])) break;
    swap(at, parent);
    at = parent;
  }
  return task;
}

export function cancelTask(task) {
  task.run = undefined;
}

const before = (a, b) => a.due < b.due || (a.due === b.due && a.order < b.order);

function swap(a, b) {
  [timed[a], timed[b]] = [timed[b], timed[a]];
}

function takeFirst() {
  const first = timed[0];
  const last = timed.pop();
  if (timed.length > 0) {
    timed[0] = last;
    sink();
  }
  return first;
}

function sink() {
  for (let at = 0; ;) {
    let least = at;
    for (const child of [2 * at + 1, 2 * at + 2]) {
      if (child < timed.length && before(timed[child], timed[least])) least = child;
    }
    if (least === at) return;
    swap(at, least);
    at = least;
  }
}

/** -1: nothing waits; else when the earliest task is due, 0 for at once. */
export function nextTask() {
  if (firstReady < ready.length) return 0;
  while (timed.length > 0 && timed[0].run === undefined) takeFirst();
  return timed.length > 0 ? timed[0].due : -1;
}

/** Runs one task that is due. A message and a timer that are both due take turns. */
export function runTask(now) {
  while (timed.length > 0 && timed[0].run === undefined) takeFirst();
  const timer = timed.length > 0 && timed[0].due <= now;
  if (firstReady < ready.length && !(timer && tookReady)) {
    tookReady = true;
    return guarded(takeReady());
  }
  tookReady = false;
  if (timer) guarded(takeFirst().run);
}

function takeReady() {
  const run = ready[firstReady];
  ready[firstReady++] = undefined;
  if (firstReady === ready.length) {
    ready.length = 0;
    firstReady = 0;
  }
  return run;
}

function guarded(run) {
  try {
    run();
  } catch (error) {
    reportException(error);
  }
}
