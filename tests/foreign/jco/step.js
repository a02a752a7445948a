// Adds up an order and signs it in at the shop. Built by jco: see ../../../guest-sdk/OTHER-TOOLS.md.
import { credential } from "lockstep:step/credentials@1.0.0";

/** What an error becomes: one of the host carries a `credential-error`. */
function failure(error) {
  const { code, key, message } = error.payload ?? error;
  return { message, retryable: false, missingCredentials: code === "missing_credential" ? [key] : [] };
}

export function run(input) {
  try {
    const { order, items } = JSON.parse(input);
    const token = credential("SHOP_TOKEN");
    console.log(`order ${order} goes to the shop with ${token}`);
    if (items.length === 0) throw new Error(`order ${order} with ${token} is empty`);
    const cents = items.reduce((sum, item) => sum + item.cents * item.quantity, 0);
    return JSON.stringify({ order, cents, names: items.map((item) => item.name), tokenLength: token.length });
  } catch (error) {
    throw failure(error);
  }
}
