// The web platform of a step, in the order in which its parts need each other.
// What this module exports is what the engine calls.

import "./engine.js";
import "./dom-exception.js";
import "./event.js";
import "./event-target.js";
import "./report.js";
import "./timers.js";
import "./abort.js";
import "./global-scope.js";
import "./performance.js";
import "./url-search-params.js";
import "./url.js";
import "./url-pattern.js";
import "./encoding.js";
import "./streams.js";
import "./encoding-streams.js";
import "./compression.js";
import "./structured-clone.js";
import "./message-channel.js";
import "./blob.js";
import "./form-data.js";
import "./headers.js";
import "./request.js";
import "./response.js";
import "./fetch.js";
import "./crypto/crypto.js";
import "./inspect.js";
import "./console.js";
import "./node-absent.js";

export { nextTask, runTask } from "./tasks.js";
export { hear } from "./exchange.js";
export { isDenial } from "./fault.js";
export { rejectionHandled, unhandledRejection } from "./global-scope.js";
export { explain } from "./node-absent.js";
export { timeoutController } from "./abort.js";
