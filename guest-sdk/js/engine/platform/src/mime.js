// MIME types, as far as bodies need them: the parser and the serializer of the MIME Sniffing Standard.

const token = /^[-!#$%&'*+.^_`|~A-Za-z0-9]+$/;
const quotable = /^[\t\u0020-\u007E\u0080-\u00FF]*$/;
const trim = (text) => text.replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, "");

/** `{ essence, parameters }`, or null. */
export function parseMime(input) {
  const text = trim(input);
  const slash = text.indexOf("/");
  if (slash === -1) return null;
  const semicolon = text.indexOf(";", slash);
  const type = text.slice(0, slash);
  const subtype = text.slice(slash + 1, semicolon === -1 ? undefined : semicolon).replace(/[\t\n\r ]+$/, "");
  if (!token.test(type) || !token.test(subtype)) return null;
  return {
    essence: `${type}/${subtype}`.toLowerCase(),
    parameters: semicolon === -1 ? new Map() : parametersOf(text, semicolon + 1),
  };
}

function parametersOf(text, from) {
  const parameters = new Map();
  for (let at = from; at < text.length; at++) {
    while (/[\t\n\r ]/.test(text[at] ?? "")) at++;
    const start = at;
    while (at < text.length && text[at] !== ";" && text[at] !== "=") at++;
    const name = text.slice(start, at).toLowerCase();
    if (at >= text.length || text[at] === ";") continue;
    at++;
    let value;
    if (text[at] === '"') {
      [value, at] = quoted(text, at);
      while (at < text.length && text[at] !== ";") at++;
    } else {
      const begin = at;
      while (at < text.length && text[at] !== ";") at++;
      value = text.slice(begin, at).replace(/[\t\n\r ]+$/, "");
      if (value === "") continue;
    }
    if (token.test(name) && quotable.test(value) && !parameters.has(name)) parameters.set(name, value);
  }
  return parameters;
}

function quoted(text, from) {
  let value = "";
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] === '"') return [value, at + 1];
    if (text[at] === "\\" && at + 1 < text.length) at++;
    value += text[at];
  }
  return [value, text.length];
}

export function serializeMime({ essence, parameters }) {
  let text = essence;
  for (const [name, value] of parameters) {
    text += `;${name}=${token.test(value) ? value : `"${value.replace(/["\\]/g, "\\$&")}"`}`;
  }
  return text;
}

/** The MIME type of a list of `Content-Type` values: the last that is one, with the charset of those before it. */
export function extractMime(values) {
  let charset;
  let essence;
  let result = null;
  for (const value of splitHeader(values)) {
    const mime = parseMime(value);
    if (mime === null || mime.essence === "*/*") continue;
    result = mime;
    if (mime.essence !== essence) {
      charset = mime.parameters.get("charset");
      ({ essence } = mime);
    } else if (!mime.parameters.has("charset") && charset !== undefined) {
      mime.parameters.set("charset", charset);
    }
  }
  return result;
}

/** Splits a header value at commas outside of quotes. */
function splitHeader(value) {
  const parts = [];
  let start = 0;
  for (let at = 0; at <= value.length; at++) {
    if (value[at] === '"') [, at] = quoted(value, at);
    if (at >= value.length || value[at] === ",") {
      parts.push(value.slice(start, at));
      start = at + 1;
    } else if (value[at] === '"') {
      at--;
    }
  }
  return parts;
}
