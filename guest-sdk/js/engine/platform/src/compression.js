// CompressionStream and DecompressionStream over the native (the crate `flate2`).

import { engine } from "./engine.js";
import { TransformStream } from "./streams.js";
import { bytesOf, enumeration, expose, need } from "./webidl.js";

const { compressor, decompressor } = engine.compression;
const formats = ["deflate", "deflate-raw", "gzip"];

function transform(code, what) {
  const nothing = new Uint8Array(0);
  const push = (controller, bytes, last) => {
    const output = code(bytes, last);
    if (output.length > 0) controller.enqueue(output);
  };
  return new TransformStream({
    transform: (chunk, controller) => push(controller, bytesOf(chunk, `${what}: a chunk`), false),
    flush: (controller) => push(controller, nothing, true),
  });
}

export class CompressionStream {
  #transform;

  constructor(format) {
    need(arguments, 1, "CompressionStream");
    this.#transform = transform(
      compressor(enumeration(format, formats, "CompressionStream: the format")),
      "CompressionStream",
    );
  }
  get readable() {
    return this.#transform.readable;
  }
  get writable() {
    return this.#transform.writable;
  }
}

export class DecompressionStream {
  #transform;

  constructor(format) {
    need(arguments, 1, "DecompressionStream");
    this.#transform = transform(
      decompressor(enumeration(format, formats, "DecompressionStream: the format")),
      "DecompressionStream",
    );
  }
  get readable() {
    return this.#transform.readable;
  }
  get writable() {
    return this.#transform.writable;
  }
}

expose({ CompressionStream, DecompressionStream });
