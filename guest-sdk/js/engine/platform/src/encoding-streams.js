// TextEncoderStream and TextDecoderStream.

import { TextDecoder, TextEncoder } from "./encoding.js";
import { TransformStream } from "./streams.js";
import { bytesOf, DOMString, expose } from "./webidl.js";

export class TextEncoderStream {
  #transform;

  constructor() {
    const encoder = new TextEncoder();
    let high = ""; // a high surrogate at the end of a chunk waits for its low one
    this.#transform = new TransformStream({
      transform(chunk, controller) {
        let text = high + DOMString(chunk);
        high = "";
        const last = text.charCodeAt(text.length - 1);
        if (last >= 0xd800 && last <= 0xdbff) {
          high = text.slice(-1);
          text = text.slice(0, -1);
        }
        if (text !== "") controller.enqueue(encoder.encode(text));
      },
      flush(controller) {
        if (high !== "") controller.enqueue(encoder.encode(high));
      },
    });
  }
  get encoding() {
    this.#transform;
    return "utf-8";
  }
  get readable() {
    return this.#transform.readable;
  }
  get writable() {
    return this.#transform.writable;
  }
}

export class TextDecoderStream {
  #decoder;
  #transform;

  constructor(label = "utf-8", options = {}) {
    const decoder = new TextDecoder(label, options);
    this.#decoder = decoder;
    this.#transform = new TransformStream({
      transform(chunk, controller) {
        const text = decoder.decode(bytesOf(chunk, "TextDecoderStream: a chunk", { shared: true }), { stream: true });
        if (text !== "") controller.enqueue(text);
      },
      flush(controller) {
        const text = decoder.decode();
        if (text !== "") controller.enqueue(text);
      },
    });
  }
  get encoding() {
    return this.#decoder.encoding;
  }
  get fatal() {
    return this.#decoder.fatal;
  }
  get ignoreBOM() {
    return this.#decoder.ignoreBOM;
  }
  get readable() {
    return this.#transform.readable;
  }
  get writable() {
    return this.#transform.writable;
  }
}

expose({ TextDecoderStream, TextEncoderStream });
