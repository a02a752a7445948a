// Takes credentials out of text: the values themselves and their common spellings.
//
// This is for tests, so that they see what a log will look like. The masker that protects is the one of the Lockstep host:
// it knows many more spellings, and what is cut or nested.

import { Buffer } from "node:buffer";

const TOKEN = "***";
/** Shorter values would mask ordinary text. */
const MIN_BYTES = 4;
/** From here on encoded spellings are masked as well. */
const MIN_ENCODED_BYTES = 8;

export class Masker {
  #values = new Set();
  #spellings = new Set();

  register(value) {
    const trimmed = value.trim();
    if (this.#values.has(trimmed)) return;
    this.#values.add(trimmed);
    for (const spelling of spellingsOf(trimmed)) this.#spellings.add(spelling);
  }

  mask(text) {
    const ranges = [];
    for (const spelling of this.#spellings) {
      for (let at = text.indexOf(spelling); at >= 0; at = text.indexOf(spelling, at + 1)) {
        ranges.push([at, at + spelling.length]);
      }
    }
    return replace(text, ranges);
  }

  /** Masks the strings and keys of a JSON value. */
  maskJson(value) {
    if (typeof value === "string") return this.mask(value);
    if (Array.isArray(value)) return value.map((item) => this.maskJson(item));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [this.mask(key), this.maskJson(item)]));
  }
}

function replace(text, ranges) {
  let masked = "";
  let done = 0;
  for (const [start, end] of union(ranges)) {
    masked += text.slice(done, start) + TOKEN;
    done = end;
  }
  return masked + text.slice(done);
}

/** Ranges that overlap or touch become one. */
function union(ranges) {
  const joined = [];
  for (const [start, end] of ranges.sort(([left], [right]) => left - right)) {
    const last = joined.at(-1);
    if (last !== undefined && start <= last[1]) last[1] = Math.max(last[1], end);
    else joined.push([start, end]);
  }
  return joined;
}

function* spellingsOf(value) {
  const bytes = Buffer.from(value);
  if (bytes.length < MIN_BYTES) return;
  yield value;
  yield JSON.stringify(value).slice(1, -1);
  if (bytes.length < MIN_ENCODED_BYTES) return;
  yield* value.split(/[\r\n]+/).map((line) => line.trim()).filter((line) => line.length >= MIN_ENCODED_BYTES);
  yield encodeURIComponent(value);
  yield encodeURIComponent(value).replaceAll(/%../g, (escape) => escape.toLowerCase());
  yield encodeURIComponent(value).replaceAll("%20", "+");
  yield bytes.toString("hex");
  yield bytes.toString("hex").toUpperCase();
  for (const encoding of ["base64", "base64url"]) {
    yield bytes.toString(encoding);
    yield* [0, 1, 2].map((before) => base64Core(bytes, before, encoding));
  }
}

/** What base64 makes of a value with so many bytes before it, without the characters that it shares with its neighbours. */
function base64Core(bytes, before, encoding) {
  const padded = Buffer.concat([Buffer.alloc(before), bytes, Buffer.alloc(3)]).toString(encoding);
  return padded.slice(Math.ceil((8 * before) / 6), Math.floor((8 * (before + bytes.length)) / 6));
}
