// The log of a run: what its step gives to `console`.

import { Buffer } from "node:buffer";
import { Console } from "node:console";
import { Writable } from "node:stream";

const MAX_LOG_BYTES = 1 << 20;

/** Both streams, as they came. */
export class Log {
  text = "";
  stdout = "";
  stderr = "";
  #bytes = 0;

  write(stream, text) {
    if (this.#bytes >= MAX_LOG_BYTES) return;
    this.#bytes += Buffer.byteLength(text);
    const kept = this.#bytes < MAX_LOG_BYTES ? text : `${text}\n[the log is cut here: it is over ${MAX_LOG_BYTES} bytes]\n`;
    this.text += kept;
    this[stream] += kept;
  }
}

const captured = new WeakSet();
const consoles = new WeakMap();

/** From now on `console` writes to the log of the run that calls it. Elsewhere it does what it did. */
export function captureConsole(runOfThisCode) {
  const console = globalThis.console;
  if (captured.has(console)) return;
  captured.add(console);
  for (const [name, original] of Object.entries(console)) {
    if (typeof original !== "function" || !(name in Console.prototype)) continue;
    console[name] = (...values) => {
      const run = runOfThisCode();
      return run === undefined ? original.apply(console, values) : consoleOf(run)[name](...values);
    };
  }
}

function consoleOf(run) {
  if (!consoles.has(run)) {
    const [stdout, stderr] = ["stdout", "stderr"].map((stream) => writable((text) => run.write(stream, text)));
    consoles.set(run, new Console({ stdout, stderr, colorMode: false }));
  }
  return consoles.get(run);
}

function writable(write) {
  return new Writable({
    decodeStrings: false,
    write(text, _encoding, done) {
      write(text);
      done();
    },
  });
}
