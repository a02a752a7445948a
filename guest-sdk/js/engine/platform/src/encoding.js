// TextEncoder and TextDecoder over the native (the crate `encoding_rs`).

import { engine } from "./engine.js";
import { bytesOf, dictionary, DOMString, expose, need, typedArrayKind, USVString } from "./webidl.js";

const { encode, encodeInto, encodingOf, decodeUtf8, decoder } = engine.encoding;

export class TextEncoder {
  #brand;

  get encoding() {
    this.#brand;
    return "utf-8";
  }
  encode(input = "") {
    this.#brand;
    return encode(USVString(input));
  }
  encodeInto(source, destination) {
    this.#brand;
    need(arguments, 2, "TextEncoder.encodeInto");
    const text = USVString(source);
    if (typedArrayKind(destination) !== "Uint8Array")
      throw new TypeError("TextEncoder.encodeInto: the destination is not a Uint8Array");
    const [read, written] = encodeInto(text, destination);
    return { read, written };
  }
}

export class TextDecoder {
  #encoding;
  #fatal;
  #ignoreBOM;
  /** The native's decoding function, which keeps its state between two pieces of a stream. */
  #decoder;

  constructor(label = "utf-8", options = {}) {
    const name = DOMString(label);
    const { fatal, ignoreBOM } = dictionary(options, "TextDecoder: options");
    this.#encoding = encodingOf(name);
    if (this.#encoding === undefined) throw new RangeError(`TextDecoder: there is no encoding ${JSON.stringify(name)}`);
    this.#fatal = Boolean(fatal);
    this.#ignoreBOM = Boolean(ignoreBOM);
  }
  get encoding() {
    return this.#encoding;
  }
  get fatal() {
    return this.#fatal;
  }
  get ignoreBOM() {
    return this.#ignoreBOM;
  }
  decode(input = new Uint8Array(0), options = {}) {
    this.#encoding;
    const bytes = bytesOf(input, "TextDecoder.decode: the input", { shared: true });
    const stream = Boolean(dictionary(options, "TextDecoder.decode: options").stream);
    return this.#decode(bytes, stream);
  }

  #decode(bytes, stream) {
    if (!stream && this.#decoder === undefined && this.#encoding === "utf-8") {
      return this.#checked(decodeUtf8(bytes, this.#fatal, this.#ignoreBOM));
    }
    this.#decoder ??= decoder(this.#encoding, this.#fatal, this.#ignoreBOM);
    const text = this.#decoder(bytes, stream);
    if (!stream || text === undefined) this.#decoder = undefined;
    return this.#checked(text);
  }
  #checked(text) {
    if (text === undefined) throw new TypeError(`TextDecoder.decode: the input is not valid ${this.#encoding}`);
    return text;
  }
}

/** The text of bytes in UTF-8, as `new TextDecoder().decode` has it. */
export const textOf = (bytes) => decodeUtf8(bytes, false, false);

expose({ TextDecoder, TextEncoder });
