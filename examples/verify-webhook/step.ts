// Whether a webhook is what it says it is: its signature is HMAC-SHA-256 over the time and the body.

import { credential, defineStep } from "@lockstep/step";

interface Delivery {
  /** When it came, in seconds since 1970. */
  received: number;
  headers: Record<string, string>;
  /** The body as it came, byte for byte. */
  body: string;
}

type Verdict = { valid: true; event: unknown } | { valid: false; reason: string };

/** A signed delivery that is older may have been recorded, and sent again. */
const MAX_AGE_SECONDS = 300;

export default defineStep<Delivery, Verdict>(async ({ received, headers, body }) => {
  const { "x-timestamp": timestamp, "x-signature": signature } = lowerCased(headers);
  if (timestamp === undefined || signature === undefined) return invalid("it is not signed");
  if (Math.abs(received - Number(timestamp)) > MAX_AGE_SECONDS) return invalid("it is too old");

  const key = await importKey(credential("WEBHOOK_SECRET"));
  const signed = new TextEncoder().encode(`${timestamp}.${body}`);
  // `verify` takes the same time wherever the signatures differ; comparing strings would not.
  const valid = await crypto.subtle.verify("HMAC", key, bytesOfHex(signature.replace(/^sha256=/, "")), signed);
  return valid ? { valid, event: JSON.parse(body) } : invalid("its signature is of another body or key");
});

function importKey(secret: string): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", new TextEncoder().encode(secret), { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
}

function lowerCased(headers: Record<string, string>): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function bytesOfHex(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function invalid(reason: string): Verdict {
  console.warn(`not trusted: ${reason}`);
  return { valid: false, reason };
}
