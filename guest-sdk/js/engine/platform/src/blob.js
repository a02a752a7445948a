// Blob and File: bytes that do not change, with a type and a name.

import { engine } from "./engine.js";
import { TextDecoder, TextEncoder } from "./encoding.js";
import { TextDecoderStream } from "./encoding-streams.js";
import { serializable } from "./structured-clone.js";
import { ReadableStream } from "./streams.js";
import {
  bytesOf,
  dictionary,
  DOMString,
  enumeration,
  expose,
  internal,
  isBufferSource,
  isObject,
  longLongClamped,
  need,
  sequence,
  USVString,
} from "./webidl.js";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A stream of a blob gives chunks of this many bytes. */
const CHUNK_BYTES = 64 * 1024;

let bytesOfBlob;
let make;

export let isBlob;

export class Blob {
  #bytes;
  #type;

  static {
    bytesOfBlob = (blob) => blob.#bytes;
    isBlob = (value) => isObject(value) && #bytes in value;
    make = (bytes, type) => new Blob(internal, { bytes, type });
  }

  constructor(blobParts = [], options = {}) {
    if (blobParts === internal) {
      this.#bytes = options.bytes;
      this.#type = options.type;
      return;
    }
    const parts = sequence(isObject(blobParts) ? blobParts : notParts(), partOf, "Blob: the parts");
    const { endings, type } = dictionary(options, "Blob: options");
    const native =
      endings !== undefined && enumeration(endings, ["native", "transparent"], "Blob: `endings`") === "native";
    this.#type = typeOf(type === undefined ? "" : DOMString(type));
    this.#bytes = join(
      parts.map((part) =>
        typeof part === "string" ? encoder.encode(native ? part.replace(/\r\n?/g, "\n") : part) : part,
      ),
    );
  }
  get size() {
    return this.#bytes.length;
  }
  get type() {
    return this.#type;
  }
  slice(start = 0, end = undefined, contentType = "") {
    const size = this.#bytes.length;
    const from = position(longLongClamped(start), size);
    const to = end === undefined ? size : position(longLongClamped(end), size);
    return make(this.#bytes.subarray(from, Math.max(from, to)), typeOf(DOMString(contentType)));
  }
  stream() {
    const bytes = this.#bytes;
    let at = 0;
    return new ReadableStream({
      type: "bytes",
      pull(controller) {
        if (at >= bytes.length) {
          controller.close();
          controller.byobRequest?.respond(0);
          return;
        }
        controller.enqueue(bytes.slice(at, at + CHUNK_BYTES));
        at += CHUNK_BYTES;
      },
    });
  }
  textStream() {
    return this.stream().pipeThrough(new TextDecoderStream());
  }
  async text() {
    return decoder.decode(this.#bytes);
  }
  async arrayBuffer() {
    return this.#bytes.slice().buffer;
  }
  async bytes() {
    return this.#bytes.slice();
  }
}

const notParts = () => {
  throw new TypeError("Blob: the parts are not an iterable object");
};

/** A string, or the bytes of a part as they are now. */
function partOf(part) {
  if (isBlob(part)) return bytesOfBlob(part);
  if (isBufferSource(part)) return bytesOf(part, "Blob: a part").slice();
  return USVString(part);
}

const typeOf = (type) => (/[^\u0020-\u007E]/.test(type) ? "" : type.toLowerCase());

const position = (at, size) => (at < 0 ? Math.max(size + at, 0) : Math.min(at, size));

export function join(parts) {
  if (parts.length === 1) return parts[0];
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The bytes of a blob. They are not to be changed. */
export const blobBytes = (blob) => bytesOfBlob(blob);

/** A blob over bytes that nobody else changes. Its type is not put in lower case, as that of a body keeps its parameters. */
export const blobOf = (bytes, type) => make(bytes, type);

export class File extends Blob {
  #name;
  #lastModified;

  constructor(fileBits, fileName, options = {}) {
    if (fileBits !== internal) need(arguments, 2, "File");
    super(fileBits, options);
    if (fileBits === internal) {
      this.#name = options.name;
      this.#lastModified = options.lastModified;
      return;
    }
    this.#name = USVString(fileName);
    const { lastModified } = dictionary(options, "File: options");
    if (lastModified !== undefined)
      this.#lastModified = Number(BigInt.asIntN(64, BigInt(Math.trunc(finite(lastModified)))));
  }
  get name() {
    return this.#name;
  }
  // Read from the clock when asked for the first time: the top level of a step that makes a file stays pure.
  get lastModified() {
    this.#name;
    this.#lastModified ??= Math.floor(engine.now() / 1000);
    return this.#lastModified;
  }
}

const finite = (value) => {
  const number = Number(value);
  return Number.isFinite(number) ? number : 0;
};

export function isFile(value) {
  return isBlob(value) && value instanceof File;
}

/** A file over bytes that nobody else changes. */
export const fileOf = (bytes, type, name, lastModified) =>
  new File(internal, "", { bytes, type: typeOf(type), name, lastModified });

expose({ Blob, File });

serializable(isBlob, (blob) =>
  isFile(blob)
    ? fileOf(bytesOfBlob(blob), blob.type, blob.name, blob.lastModified)
    : make(bytesOfBlob(blob), blob.type),
);
