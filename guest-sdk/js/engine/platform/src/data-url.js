// What a `data:` URL holds: the data: URL processor of the Fetch Standard.

import { TextEncoder } from "./encoding.js";
import { parseMime, serializeMime } from "./mime.js";

const encoder = new TextEncoder();
const decodeBase64 = globalThis.atob;
const base64 = /; *base64$/i;

/** `{ type, bytes }` of a URL without a fragment, or null. */
export function dataOf(url) {
  const comma = url.indexOf(",");
  if (comma === -1) return null;
  let type = url.slice("data:".length, comma).replace(/^[\t\n\f\r ]+|[\t\n\f\r ]+$/g, "");
  let bytes = percentDecoded(encoder.encode(url.slice(comma + 1)));
  if (base64.test(type)) {
    type = type.replace(base64, "");
    bytes = fromBase64(bytes);
    if (bytes === null) return null;
  }
  if (type.startsWith(";")) type = `text/plain${type}`;
  const mime = parseMime(type);
  return { type: mime === null ? "text/plain;charset=US-ASCII" : serializeMime(mime), bytes };
}

function percentDecoded(bytes) {
  const decoded = new Uint8Array(bytes.length);
  let length = 0;
  for (let at = 0; at < bytes.length; at++) {
    const hex = bytes[at] === 0x25 ? String.fromCharCode(...bytes.subarray(at + 1, at + 3)) : "";
    const escaped = /^[0-9A-Fa-f]{2}$/.test(hex);
    decoded[length++] = escaped ? parseInt(hex, 16) : bytes[at];
    if (escaped) at += 2;
  }
  return decoded.subarray(0, length);
}

function fromBase64(bytes) {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  try {
    return Uint8Array.from(decodeBase64(text), (it) => it.charCodeAt(0));
  } catch {
    return null;
  }
}
