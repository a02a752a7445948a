// What waits to be run: tasks that are ready at once (messages) and tasks of a time (timers).
// The engine asks for the next one whenever no microtask is left.

import { reportException } from "./report.js";

/** Tasks of a time that may wait at once: each takes memory until its time comes, and no step has use for more. */
const MAX_TIMED = 100_000;
/** What is behind the queues is cleared away once it is more than this, and more than what waits. */
const MAX_LEFT = 1_000;

const ready = [];
let firstReady = 0;
let tookReady = false;

/** A binary heap by time, then by order of insertion. */
const timed = [];
let order = 0;
/** How many in it were cancelled: they stay until their time comes, or they are too many. */
let cancelled = 0;

/** Queues a task that can run at once. */
export function queueTask(run) {
  ready.push(run);
}

/** Queues a task for a time in microseconds of the run; `cancelTask` takes what it returns out. */
export function queueTaskAt(due, run) {
  if (timed.length - cancelled >= MAX_TIMED)
    throw new RangeError(
      `${MAX_TIMED} timers wait already, and no more may: let some of them end first, or clear them`,
    );
  const task = { due, order: order++, run, waits: true };
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
  if (!task.waits) return;
  task.waits = false;
  cancelled++;
  if (cancelled > MAX_LEFT && 2 * cancelled > timed.length) clearCancelled();
}

function clearCancelled() {
  let kept = 0;
  for (let at = 0; at < timed.length; at++) if (timed[at].waits) timed[kept++] = timed[at];
  timed.length = kept;
  cancelled = 0;
  for (let at = (kept >> 1) - 1; at >= 0; at--) sink(at);
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
    sink(0);
  }
  if (!first.waits) cancelled--;
  first.waits = false;
  return first;
}

function sink(at) {
  for (;;) {
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
  while (timed.length > 0 && !timed[0].waits) takeFirst();
  return timed.length > 0 ? timed[0].due : -1;
}

/** Runs one task that is due. A message and a timer that are both due take turns. */
export function runTask(now) {
  while (timed.length > 0 && !timed[0].waits) takeFirst();
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
  if (firstReady === ready.length || (firstReady > MAX_LEFT && 2 * firstReady > ready.length)) clearRun();
  return run;
}

function clearRun() {
  let kept = 0;
  for (let at = firstReady; at < ready.length; at++) ready[kept++] = ready[at];
  ready.length = kept;
  firstReady = 0;
}

function guarded(run) {
  try {
    run();
  } catch (error) {
    reportException(error);
  }
}
