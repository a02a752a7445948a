// Response: what `fetch` gives. A step can make and read one.

import { cloneBody, extract, withBody } from "./body.js";
import { cloneHeaders, fill, guard, header, Headers, receivedHeaders } from "./headers.js";
import { URL } from "./url.js";
import { ByteString, dictionary, expose, internal, need, unsignedShort, USVString } from "./webidl.js";

const nullBodyStatus = [101, 103, 204, 205, 304];
const redirectStatus = [301, 302, 303, 307, 308];
const reasonPhrase = /^[\t \u0021-\u007E\u0080-\u00FF]*$/;

let stateOf;

export class Response {
  #state;

  static {
    stateOf = (response) => response.#state;
  }

  constructor(body = null, init = {}) {
    if (body === internal) {
      this.#state = init;
      return;
    }
    const options = optionsOf(init);
    this.#state = make(body === undefined || body === null ? null : extract(body), options);
  }

  static error() {
    return new Response(internal, { ...empty(), type: "error", status: 0, headers: guard(new Headers(), "immutable") });
  }
  static json(data, init = {}) {
    need(arguments, 1, "Response.json");
    const text = JSON.stringify(data);
    if (text === undefined) throw new TypeError("Response.json: the value has no JSON");
    const { body } = extract(text);
    return new Response(internal, make({ body, type: "application/json" }, optionsOf(init)));
  }
  static redirect(url, status = 302) {
    need(arguments, 1, "Response.redirect");
    const text = USVString(url);
    const parsed = URL.parse(text);
    if (parsed === null) throw new TypeError(`Response.redirect: ${JSON.stringify(text)} is not an absolute URL`);
    const code = unsignedShort(status);
    if (!redirectStatus.includes(code))
      throw new RangeError(`Response.redirect: ${code} is not the status of a redirect`);
    const headers = guard(new Headers([["location", parsed.href]]), "immutable");
    return new Response(internal, { ...empty(), status: code, headers });
  }

  get type() {
    return this.#state.type;
  }
  get url() {
    return this.#state.url;
  }
  get redirected() {
    return this.#state.redirected;
  }
  get status() {
    return this.#state.status;
  }
  get ok() {
    return this.#state.status >= 200 && this.#state.status <= 299;
  }
  get statusText() {
    return this.#state.statusText;
  }
  get headers() {
    return this.#state.headers;
  }
  clone() {
    const state = this.#state;
    if (state.body !== null && state.body.unusable)
      throw new TypeError("Response.clone: the body was read already, or is locked");
    return new Response(internal, {
      ...state,
      headers: cloneHeaders(state.headers),
      body: cloneBody(state.body),
    });
  }
}

const empty = () => ({ type: "default", url: "", redirected: false, status: 200, statusText: "", body: null });

function optionsOf(init) {
  const { headers, status, statusText } = dictionary(init, "Response: options");
  return {
    headers,
    status: status === undefined ? 200 : unsignedShort(status),
    statusText: statusText === undefined ? "" : ByteString(statusText, "Response: `statusText`"),
  };
}

/** Whether an answer with this status never has a body. */
export const isNullBodyStatus = (status) => nullBodyStatus.includes(status);

/** What a response is that came from outside. Its headers are lines until somebody asks for them. */
class Received {
  // Declared, so that nothing a step puts on `Object.prototype` is in their way.
  type = "basic";
  url;
  redirected;
  status;
  statusText;
  lines;
  read;
  body;

  constructor(status, statusText, url, redirected, lines, body) {
    this.url = url;
    this.redirected = redirected;
    this.status = status;
    this.statusText = statusText;
    this.lines = lines;
    this.body = body;
  }
  get headers() {
    return (this.read ??= receivedHeaders(this.lines));
  }
}

/** The response that an answer from outside is. `headers` are lines: a name in lower case, its value, and so on. */
export const receivedResponse = ({ status, reason, url, redirected, headers }, body) =>
  new Response(internal, new Received(status, reason, url, redirected, headers, body));

function make(extracted, { headers: given, status, statusText }) {
  if (status < 200 || status > 599) throw new RangeError(`Response: the status ${status} is not between 200 and 599`);
  if (!reasonPhrase.test(statusText))
    throw new TypeError("Response: `statusText` has a character that is not allowed there");
  const headers = new Headers();
  if (given !== undefined) fill(headers, given);
  if (extracted !== null) {
    if (nullBodyStatus.includes(status))
      throw new TypeError(`Response: a response with the status ${status} cannot have a body`);
    if (extracted.type !== null && header(headers, "content-type") === null)
      headers.append("Content-Type", extracted.type);
  }
  return { ...empty(), status, statusText, headers, body: extracted === null ? null : extracted.body };
}

withBody(Response, "Response", (response) => stateOf(response));
expose({ Response });
