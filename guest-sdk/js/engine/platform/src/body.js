// Bodies of requests and responses: what they are made from, and how they are read.

import { blobBytes, blobOf, isBlob, join } from "./blob.js";
import { TextDecoder, TextEncoder, textOf } from "./encoding.js";
import { TextDecoderStream } from "./encoding-streams.js";
import { encodeMultipart, formOfMultipart, formOfQuery, isFormData } from "./form-data.js";
import { header } from "./headers.js";
import { extractMime, serializeMime } from "./mime.js";
import { clone } from "./structured-clone.js";
import { ReadableStream, TransformStream } from "./streams.js";
import { URLSearchParams } from "./url-search-params.js";
import { bytesOf, isBufferSource, USVString } from "./webidl.js";

const encoder = new TextEncoder();
/** A byte order mark stays. */
const verbatim = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * A body: bytes or an answer that comes in over the network, as long as nobody asked for its stream, else a stream. `used`
 * says that bytes or answer were read. `source` tells whether it could be sent twice.
 */
class Body {
  constructor(bytes, stream, answer) {
    this.bytes = bytes;
    this.stream = stream;
    this.answer = answer;
    this.source = bytes !== undefined;
    this.used = false;
  }
  get disturbed() {
    return this.used || (this.stream !== undefined && this.stream._disturbed);
  }
  get unusable() {
    return this.disturbed || (this.stream !== undefined && this.stream.locked);
  }
}

/** A body of bytes that nobody else changes. */
export const wholeBody = (bytes) => new Body(bytes);

/** The body of an answer that is still on its way. */
export const answerBody = (answer) => new Body(undefined, undefined, answer);

/** The body that a BodyInit describes, and the `Content-Type` that goes with it (null: none). */
export function extract(init) {
  if (init instanceof ReadableStream) {
    if (init.locked || init._disturbed) throw new TypeError("the body is a stream that is locked or was read from");
    return { body: new Body(undefined, init), type: null };
  }
  if (isBlob(init)) return { body: new Body(blobBytes(init)), type: init.type === "" ? null : init.type };
  if (isBufferSource(init)) return { body: new Body(bytesOf(init, "the body").slice()), type: null };
  if (isFormData(init)) {
    const { bytes, boundary } = encodeMultipart(init);
    return { body: new Body(bytes), type: `multipart/form-data; boundary=${boundary}` };
  }
  if (init instanceof URLSearchParams) {
    return { body: new Body(encoder.encode(init.toString())), type: "application/x-www-form-urlencoded;charset=UTF-8" };
  }
  return { body: new Body(encoder.encode(USVString(init))), type: "text/plain;charset=UTF-8" };
}

/** The stream of a body; from then on the body is that stream. */
function streamOf(body) {
  if (body.stream === undefined) {
    const { bytes, answer, used } = body;
    body.stream = answer === undefined ? streamOfBytes(bytes) : streamOfAnswer(answer);
    if (used) {
      // As if its reader had read it all, which is never released.
      body.stream._disturbed = true;
      body.stream.getReader();
    }
    body.bytes = undefined;
    body.answer = undefined;
  }
  return body.stream;
}

function streamOfBytes(bytes) {
  let pending = bytes;
  return new ReadableStream({
    type: "bytes",
    pull(controller) {
      if (pending.length > 0) controller.enqueue(pending.slice());
      pending = new Uint8Array(0);
      controller.close();
      controller.byobRequest?.respond(0);
    },
  });
}

/** A piece is asked for when somebody reads. */
function streamOfAnswer(answer) {
  return new ReadableStream({
    type: "bytes",
    start(controller) {
      // Held weakly: who has the answer must not keep its reader alive, nor that the answer.
      const reader = new WeakRef(controller);
      answer.whenFailed((reason) => reader.deref()?.error(reason));
    },
    async pull(controller) {
      const piece = await answer.piece();
      if (piece !== undefined) return controller.enqueue(piece);
      controller.close();
      controller.byobRequest?.respond(0);
    },
    cancel() {
      answer.close();
    },
  });
}

/** Two bodies in place of one: `clone` of a request or response. They share no chunk. */
export function cloneBody(body) {
  if (body === null) return null;
  if (body.bytes !== undefined) return new Body(body.bytes);
  const [first, second] = streamOf(body).tee();
  body.stream = first;
  return new Body(undefined, second.pipeThrough(new TransformStream({ transform: copyChunk })));
}

const copyChunk = (chunk, controller) => controller.enqueue(clone(chunk).result);

/** Takes the body away for a new request. */
export function takeBody(body) {
  if (body.stream === undefined) {
    const taken = new Body(body.bytes);
    body.used = true;
    return taken;
  }
  body.used = true;
  return new Body(undefined, body.stream.pipeThrough(new TransformStream()));
}

async function readAll(body) {
  if (body.stream === undefined) {
    body.used = true;
    return readAnswer(body.answer);
  }
  const reader = body.stream.getReader();
  const chunks = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return chunks.length === 0 ? new Uint8Array(0) : join(chunks).slice();
    if (!(value instanceof Uint8Array)) {
      const error = new TypeError("a chunk of the body is not a Uint8Array");
      reader.cancel(error).catch(() => {});
      throw error;
    }
    chunks.push(value);
  }
}

/** All of an answer, without the detour over a stream. */
async function readAnswer(answer) {
  const pieces = [];
  for (;;) {
    const piece = await answer.piece();
    if (piece === undefined) return join(pieces);
    pieces.push(piece);
  }
}

/** Adds the members of the mixin `Body` to an interface. `stateOf(object)` checks the brand and has body and headers. */
export function withBody(constructor, name, stateOf) {
  /** `convert` may keep bytes that it is given, unless it says that it only `reads` them. */
  const consume = (object, operation, convert, reads) => {
    try {
      const state = stateOf(object);
      const { body } = state;
      if (body === null) return Promise.resolve(convert(new Uint8Array(0), state));
      // Nobody has read what broke off before anybody read it.
      if (body.answer?.failure !== undefined && !body.used) throw body.answer.failure.reason;
      if (body.unusable) throw new TypeError(`${name}.${operation}: the body was read already, or is locked`);
      const { bytes } = body;
      if (bytes === undefined) return consumeLater(state, convert);
      body.used = true;
      return Promise.resolve(convert(reads ? bytes : bytes.slice(), state));
    } catch (thrown) {
      return Promise.reject(thrown);
    }
  };
  const consumeLater = async (state, convert) => convert(await readAll(state.body), state);
  const members = {
    get body() {
      const { body } = stateOf(this);
      return body === null ? null : streamOf(body);
    },
    get bodyUsed() {
      const { body } = stateOf(this);
      return body !== null && body.disturbed;
    },
    arrayBuffer() {
      return consume(this, "arrayBuffer", (bytes) => bytes.buffer);
    },
    blob() {
      return consume(this, "blob", blobWith);
    },
    bytes() {
      return consume(this, "bytes", (bytes) => bytes);
    },
    formData() {
      return consume(this, "formData", formOf);
    },
    json() {
      return consume(this, "json", jsonOf, true);
    },
    textStream() {
      const { body } = stateOf(this);
      if (body !== null && body.unusable)
        throw new TypeError(`${name}.textStream: the body was read already, or is locked`);
      const stream = body === null ? new Body(new Uint8Array(0)) : body;
      return streamOf(stream).pipeThrough(new TextDecoderStream());
    },
    text() {
      return consume(this, "text", textOf, true);
    },
  };
  Object.defineProperties(constructor.prototype, Object.getOwnPropertyDescriptors(members));
}

const jsonOf = (bytes) => JSON.parse(textOf(bytes));

/** The type that headers tell, or null. */
const mimeOf = (headers) => extractMime(header(headers, "content-type") ?? "");

function blobWith(bytes, { headers }) {
  const mime = mimeOf(headers);
  return blobOf(bytes, mime === null ? "" : serializeMime(mime));
}

function formOf(bytes, { headers }) {
  const mime = mimeOf(headers);
  if (mime?.essence === "multipart/form-data") {
    const boundary = mime.parameters.get("boundary");
    if (boundary === undefined) throw new TypeError("formData: the `Content-Type` has no boundary");
    return formOfMultipart(bytes, boundary);
  }
  if (mime?.essence === "application/x-www-form-urlencoded") return formOfQuery(verbatim.decode(bytes));
  throw new TypeError(
    `formData: the \`Content-Type\` ${mime === null ? "is missing" : `is \`${mime.essence}\``}, not that of a form`,
  );
}
