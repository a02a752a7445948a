// fetch: requests through the host, which decides what may leave.

import { signalState } from "./abort-state.js";
import { answerBody, wholeBody } from "./body.js";
import { dataOf } from "./data-url.js";
import { engine } from "./engine.js";
import { Answer, Exchange } from "./exchange.js";
import { fault } from "./fault.js";
import { headerList } from "./headers.js";
import { matches } from "./integrity.js";
import { requestOf } from "./request.js";
import { isNullBodyStatus, receivedResponse } from "./response.js";
import { exposeOperations, need } from "./webidl.js";

/** The largest piece of a body that the host takes at once. */
const PIECE_BYTES = 256 * 1024;

const userAgent = `Lockstep/${engine.version}`;

const operations = {
  fetch(input, init = undefined) {
    // Made here for its stack: what fails later has none that tells anything.
    const error = new TypeError();
    try {
      need(arguments, 1, "fetch");
      return start(requestOf(input, init), error);
    } catch (thrown) {
      return Promise.reject(thrown);
    }
  },
};

/** What cannot be sent is thrown at once. */
function start(request, error) {
  const state = request.signal === undefined ? undefined : signalState(request.signal);
  if (state?.aborted) {
    request.body?.stream?.cancel(state.reason).catch(() => {});
    throw state.reason;
  }
  const answered = answer(request, state, error);
  return request.integrity === "" ? answered : checked(answered, request.integrity, error);
}

function answer(request, state, error) {
  const { method, url } = request;
  const scheme = url.slice(0, url.indexOf(":"));
  if (scheme === "http" || scheme === "https") return overNetwork(request, state, error);
  if (scheme === "data") return Promise.resolve(ofData(method, url, error));
  const message = `a URL with \`${scheme}:\` cannot be fetched, only those with \`https:\`, \`http:\` and \`data:\``;
  throw fault(error, { code: "protocol", host: null, message });
}

function overNetwork(request, state, error) {
  const { body } = request;
  const exchange = new Exchange(headOf(request), body === null ? undefined : body.bytes, error);
  if (state !== undefined) endsWith(exchange, state);
  if (body !== null && body.stream !== undefined) pump(body.stream, exchange);
  return exchange.answer((answer) => received(request, exchange, answer));
}

function received(request, exchange, answer) {
  const { whole } = answer;
  answer.url = withoutFragment(answer.url);
  if (request.method === "HEAD" || isNullBodyStatus(answer.status)) {
    exchange.close();
    return receivedResponse(answer, null);
  }
  return receivedResponse(answer, whole === undefined ? answerBody(new Answer(exchange)) : wholeBody(whole));
}

/** The same response, once all of its body is there and is what was asked for. */
async function checked(answered, integrity, error) {
  const response = await answered;
  const bytes = await response.clone().bytes();
  if (matches(bytes, integrity)) return response;
  const message = "the body of the answer is not the one that the option `integrity` names";
  throw fault(error, { code: "body", host: null, message });
}

/** The head of a request as the host reads it: lines, of which none can have a line break in it. */
function headOf({ method, url, headers, redirect, body }) {
  const kind = body === null ? "none" : body.stream === undefined ? "whole" : "stream";
  let head = `${method}\n${url}\n${redirect}\n${kind}`;
  if (headers === undefined) return `${head}\naccept\n*/*\nuser-agent\n${userAgent}`;
  let accepts = false;
  let names = false;
  for (const [name, value] of headerList(headers)) {
    // How long a body is is the host's to say.
    if (name === "content-length") continue;
    if (name === "accept") accepts = true;
    else if (name === "user-agent") names = true;
    head += `\n${name}\n${value}`;
  }
  if (!accepts) head += "\naccept\n*/*";
  return names ? head : `${head}\nuser-agent\n${userAgent}`;
}

function endsWith(exchange, state) {
  const abort = () => exchange.fail(state.reason);
  state.algorithms.add(abort);
  exchange.whenOver(() => state.algorithms.delete(abort));
}

/** Sends a stream as the body of a request, a piece whenever there is room. */
async function pump(stream, exchange) {
  const reader = stream.getReader();
  const cancel = (reason) => reader.cancel(reason).catch(() => {});
  exchange.whenOver((failure) => cancel(failure?.reason));
  try {
    while (!exchange.isOver) {
      const { done, value } = await reader.read();
      if (done) return exchange.endBody();
      if (!(value instanceof Uint8Array)) throw new TypeError("a chunk is not a Uint8Array");
      for (let at = 0; at < value.length; at += PIECE_BYTES)
        await exchange.send(at === 0 && value.length <= PIECE_BYTES ? value : value.subarray(at, at + PIECE_BYTES));
    }
  } catch (cause) {
    const message = "the stream that is the request's body failed, or gave something else than bytes";
    exchange.failWith({ code: "body", host: null, message }, cause);
    cancel(cause);
  }
}

function withoutFragment(url) {
  const at = url.indexOf("#");
  return at === -1 ? url : url.slice(0, at);
}

function ofData(method, url, error) {
  const data = dataOf(withoutFragment(url));
  if (data === null) {
    const message = "a `data:` URL has no comma, or its base64 cannot be read";
    throw fault(error, { code: "protocol", host: null, message });
  }
  const headers = `content-type\n${data.type}`;
  const answer = { status: 200, reason: "OK", url: withoutFragment(url), redirected: false, headers };
  return receivedResponse(answer, method === "HEAD" ? null : wholeBody(data.bytes));
}

exposeOperations(operations);
