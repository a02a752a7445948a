// performance: the clock of the run. It starts when the run starts, and is read only when it is asked.

import { engine } from "./engine.js";
import { EventTarget } from "./event-target.js";
import { expose, exposeReplaceable, internal, onlyInternal } from "./webidl.js";

let origin;

export class Performance extends EventTarget {
  #brand;

  constructor(token = undefined) {
    onlyInternal(token);
    super();
  }
  now() {
    this.#brand;
    return engine.monotonic() / 1000;
  }
  get timeOrigin() {
    this.#brand;
    origin ??= (engine.now() - engine.monotonic()) / 1000;
    return origin;
  }
  toJSON() {
    this.#brand;
    return { timeOrigin: this.timeOrigin };
  }
}

const performance = new Performance(internal);
expose({ Performance });
exposeReplaceable("performance", () => performance);
