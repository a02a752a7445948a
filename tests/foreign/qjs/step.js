// Adds up an order and signs it in at the shop. Built by componentize-qjs: see ../../../guest-sdk/OTHER-TOOLS.md.
import stdout from "wasi:cli/stdout@0.2.12";
import { credential } from "lockstep:step/credentials@1.0.0";

/** The most that WASI takes in one `blockingWriteAndFlush`. */
const MOST_BYTES = 4096;

/** There is neither `console` nor `TextEncoder`. */
function log(line) {
  const utf8 = Uint8Array.from(unescape(encodeURIComponent(`${line}\n`)), (char) => char.charCodeAt(0));
  const out = stdout.getStdout();
  for (let at = 0; at < utf8.length; at += MOST_BYTES) {
    out.blockingWriteAndFlush(utf8.slice(at, at + MOST_BYTES));
  }
  out[Symbol.dispose]();
}

/** What an error becomes: one of the host carries a `credential-error`. */
function failure(error) {
  const { code, key, message } = error.payload ?? error;
  return { message, retryable: false, missingCredentials: code === "missing_credential" ? [key] : [] };
}

export function run(input) {
  try {
    const { order, items } = JSON.parse(input);
    const token = credential("SHOP_TOKEN");
    log(`order ${order} goes to the shop with ${token}`);
    if (items.length === 0) throw new Error(`order ${order} with ${token} is empty`);
    const cents = items.reduce((sum, item) => sum + item.cents * item.quantity, 0);
    return JSON.stringify({ order, cents, names: items.map((item) => item.name), tokenLength: token.length });
  } catch (error) {
    throw failure(error);
  }
}
