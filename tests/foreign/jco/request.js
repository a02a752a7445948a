// Tells the shop of an order. Built by jco: see ../../../guest-sdk/OTHER-TOOLS.md.
import { credential } from "lockstep:step/credentials@1.0.0";

export async function run(input) {
  try {
    const { url, order } = JSON.parse(input);
    const response = await fetch(url, {
      method: "POST",
      headers: { authorization: `Bearer ${credential("SHOP_TOKEN")}`, "content-type": "application/json" },
      body: JSON.stringify({ order }),
    });
    return JSON.stringify({ status: response.status, answer: await response.json() });
  } catch (error) {
    const { code, key, message } = error.payload ?? error;
    throw { message, retryable: false, missingCredentials: code === "missing_credential" ? [key] : [] };
  }
}
