// The streams of the Streams Standard, from web-streams-polyfill (the reference implementation in one file).

import {
  ByteLengthQueuingStrategy,
  CountQueuingStrategy,
  ReadableByteStreamController,
  ReadableStream,
  ReadableStreamBYOBReader,
  ReadableStreamBYOBRequest,
  ReadableStreamDefaultController,
  ReadableStreamDefaultReader,
  TransformStream,
  TransformStreamDefaultController,
  WritableStream,
  WritableStreamDefaultController,
  WritableStreamDefaultWriter,
} from "web-streams-polyfill";
import { expose } from "./webidl.js";

const streams = {
  ByteLengthQueuingStrategy,
  CountQueuingStrategy,
  ReadableByteStreamController,
  ReadableStream,
  ReadableStreamBYOBReader,
  ReadableStreamBYOBRequest,
  ReadableStreamDefaultController,
  ReadableStreamDefaultReader,
  TransformStream,
  TransformStreamDefaultController,
  WritableStream,
  WritableStreamDefaultController,
  WritableStreamDefaultWriter,
};

// An attribute that the standard has dropped.
delete WritableStreamDefaultController.prototype.abortReason;

// The package has an iterator of its own, beside those of ECMAScript.
const iterator = Object.getPrototypeOf(new ReadableStream().values());
delete iterator[Symbol.asyncIterator];
Object.setPrototypeOf(iterator, Object.getPrototypeOf(Object.getPrototypeOf(async function* () {}).prototype));

expose(streams);

export { ReadableStream, TransformStream, WritableStream };
