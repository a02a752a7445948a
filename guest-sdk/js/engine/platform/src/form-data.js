// FormData, and its two encodings: multipart/form-data (RFC 7578, as HTML and Fetch ask for it) and urlencoded.

import { engine } from "./engine.js";
import { TextDecoder, TextEncoder } from "./encoding.js";
import { blobBytes, fileOf, isBlob, isFile, join } from "./blob.js";
import { expose, isObject, need, pairIterable, USVString } from "./webidl.js";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

let entriesOf;

export let isFormData;

export class FormData {
  #entries = [];

  static {
    entriesOf = (form) => form.#entries;
    isFormData = (value) => isObject(value) && #entries in value;
  }

  constructor(form = undefined) {
    if (form !== undefined)
      throw new TypeError("FormData: there are no HTML forms in a step, so the constructor takes no argument");
  }
  append(name, value, filename = undefined) {
    this.#entries;
    need(arguments, 2, "FormData.append");
    this.#entries.push(entry("append", name, value, filename, arguments.length));
  }
  delete(name) {
    this.#entries;
    need(arguments, 1, "FormData.delete");
    const key = USVString(name);
    this.#entries = this.#entries.filter((it) => it[0] !== key);
  }
  get(name) {
    this.#entries;
    need(arguments, 1, "FormData.get");
    const key = USVString(name);
    return this.#entries.find((it) => it[0] === key)?.[1] ?? null;
  }
  getAll(name) {
    this.#entries;
    need(arguments, 1, "FormData.getAll");
    const key = USVString(name);
    return this.#entries.filter((it) => it[0] === key).map((it) => it[1]);
  }
  has(name) {
    this.#entries;
    need(arguments, 1, "FormData.has");
    const key = USVString(name);
    return this.#entries.some((it) => it[0] === key);
  }
  set(name, value, filename = undefined) {
    this.#entries;
    need(arguments, 2, "FormData.set");
    const made = entry("set", name, value, filename, arguments.length);
    const at = this.#entries.findIndex((it) => it[0] === made[0]);
    if (at === -1) {
      this.#entries.push(made);
    } else {
      this.#entries[at] = made;
      this.#entries = this.#entries.filter((it, index) => index <= at || it[0] !== made[0]);
    }
  }
}

function entry(operation, name, value, filename, count) {
  const key = USVString(name);
  if (!isBlob(value)) {
    if (count > 2 && filename !== undefined)
      throw new TypeError(`FormData.${operation}: a file name was given, but the value is not a Blob`);
    return [key, USVString(value)];
  }
  const as = filename === undefined ? undefined : USVString(filename);
  if (isFile(value) && as === undefined) return [key, value];
  return [key, fileOf(blobBytes(value), value.type, as ?? "blob", isFile(value) ? value.lastModified : undefined)];
}

const escape = (text) => text.replace(/\r\n|\r|\n/g, "%0D%0A").replaceAll('"', "%22");

/** The bytes of a form in multipart/form-data, and their boundary, which is random. */
export function encodeMultipart(form) {
  const random = new Uint8Array(12);
  engine.random(random);
  const boundary = `----LockstepFormBoundary${random.toHex()}`;
  const parts = [];
  for (const [name, value] of entriesOf(form)) {
    const head = `--${boundary}\r\nContent-Disposition: form-data; name="${escape(name.replace(/\r\n?|\n/g, "\r\n"))}"`;
    if (typeof value === "string") {
      parts.push(encoder.encode(`${head}\r\n\r\n${value.replace(/\r\n?|\n/g, "\r\n")}\r\n`));
    } else {
      const type = value.type || "application/octet-stream";
      parts.push(
        encoder.encode(`${head}; filename="${escape(value.name)}"\r\nContent-Type: ${type}\r\n\r\n`),
        blobBytes(value),
        encoder.encode("\r\n"),
      );
    }
  }
  parts.push(encoder.encode(`--${boundary}--\r\n`));
  return { bytes: join(parts), boundary };
}

export function formOfQuery(text) {
  const form = new FormData();
  for (const [name, value] of engine.url.parseQuery(text)) form.append(name, value);
  return form;
}

const malformed = (why) => new TypeError(`formData: the body is not valid multipart/form-data: ${why}`);

/** The form that a multipart/form-data body has. */
export function formOfMultipart(bytes, boundary) {
  const form = new FormData();
  const delimiter = latin1(encoder.encode(`--${boundary}`));
  const text = latin1(bytes);
  let at = 0;
  if (text.startsWith("\r\n")) at = 2;
  if (!text.startsWith(delimiter, at)) throw malformed("it does not begin with its boundary");
  at += delimiter.length;
  for (;;) {
    if (text.startsWith("--", at)) return form;
    if (!text.startsWith("\r\n", at)) throw malformed("a boundary does not end its line");
    const headEnd = text.indexOf("\r\n\r\n", at);
    if (headEnd === -1) throw malformed("the headers of a part do not end");
    const end = text.indexOf(`\r\n${delimiter}`, headEnd + 2);
    if (end === -1) throw malformed("a part has no end");
    addPart(form, headersOf(text.slice(at + 2, headEnd)), bytes.slice(Math.min(headEnd + 4, end), end));
    at = end + 2 + delimiter.length;
  }
}

// One character for each byte: positions in the text are positions in the bytes.
const latin1Decoder = new TextDecoder("x-user-defined");
const latin1 = (bytes) => latin1Decoder.decode(bytes);

const utf8 = (text) => decoder.decode(Uint8Array.from(text, (it) => it.charCodeAt(0) & 0xff));

function headersOf(text) {
  const headers = new Map();
  for (const line of text.split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon === -1) throw malformed("a header of a part has no colon");
    headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  return headers;
}

function addPart(form, headers, bytes) {
  const disposition = headers.get("content-disposition") ?? "";
  const name = parameter(disposition, "name");
  if (!/^form-data\s*;/i.test(disposition) || name === undefined)
    throw malformed("a part has no `Content-Disposition: form-data` with a name");
  const filename = parameter(disposition, "filename");
  if (filename === undefined) form.append(name, decoder.decode(bytes));
  else form.append(name, fileOf(bytes, headers.get("content-type") ?? "text/plain", filename));
}

function parameter(disposition, name) {
  const value = new RegExp(`;\\s*${name}="([^"]*)"`, "i").exec(disposition)?.[1];
  return value === undefined
    ? undefined
    : utf8(value.replace(/%0D/gi, "\r").replace(/%0A/gi, "\n").replace(/%22/g, '"'));
}

pairIterable(FormData, "FormData", (form) => entriesOf(form));
expose({ FormData });
