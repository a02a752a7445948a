// AWS Signature Version 4, as Lockstep computes it.

import { createHash, createHmac } from "node:crypto";

const ALGORITHM = "AWS4-HMAC-SHA256";
const UNSIGNED = "UNSIGNED-PAYLOAD";
const MAX_EXPIRES_S = 604_800;
const S3 = ["s3", "s3express", "s3-object-lambda", "s3-outposts"];
/** Headers that proxies and clients change. */
const NOT_SIGNED = ["authorization", "connection", "expect", "transfer-encoding", "user-agent", "x-amzn-trace-id"];
const REPLACED = ["host", "x-amz-date", "x-amz-content-sha256", "x-amz-security-token"];

/** The headers to add to a request. Without a body it is not signed. */
export function signAws(request, body, account) {
  const { url, time, scope } = begin(request, account);
  const hash = body === undefined ? UNSIGNED : sha256(body);
  const added = { "x-amz-date": time };
  if (S3.includes(account.service) || account.service === "glacier" || body === undefined) added["x-amz-content-sha256"] = hash;
  const given = pairsOf(request.headers).filter(([name]) => !REPLACED.includes(name.toLowerCase()));
  const token = account.token === undefined ? {} : { "x-amz-security-token": account.token };
  const headers = canonicalHeaders([...given, ...Object.entries({ ...added, ...token }), ["host", url.host]]);
  const query = canonicalQuery([...url.searchParams]);
  const signature = signatureOf(canonical(request, url, query, headers, hash, account), time, scope, account);
  const names = [...headers.keys()].join(";");
  added.authorization = `${ALGORITHM} Credential=${account.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`;
  return { ...added, ...token };
}

/** The URL of a request with the signature in it. */
export function signAwsUrl(request, expires, account) {
  if (!Number.isInteger(expires) || expires < 1 || expires > MAX_EXPIRES_S) {
    throw account.fail(`a signed URL holds for 1 to ${MAX_EXPIRES_S} seconds, not ${expires}`);
  }
  const { url, time, scope } = begin(request, account);
  const given = pairsOf(request.headers).filter(([name]) => name.toLowerCase() !== "host");
  const headers = canonicalHeaders([...given, ["host", url.host]]);
  const said = {
    "X-Amz-Algorithm": ALGORITHM,
    "X-Amz-Credential": `${account.accessKeyId}/${scope}`,
    "X-Amz-Date": time,
    "X-Amz-Expires": `${expires}`,
    "X-Amz-SignedHeaders": [...headers.keys()].join(";"),
    ...(account.token === undefined ? {} : { "X-Amz-Security-Token": account.token }),
  };
  const query = canonicalQuery([...url.searchParams, ...Object.entries(said)]);
  const hash = S3.includes(account.service) ? UNSIGNED : sha256("");
  const signature = signatureOf(canonical(request, url, query, headers, hash, account), time, scope, account);
  url.search = `${query}&X-Amz-Signature=${signature}`;
  return url.href;
}

function begin(request, { region, service, date }) {
  const url = new URL(request.url);
  const time = date.toISOString().replaceAll(/[-:]|\.\d+/g, "");
  return { url, time, scope: `${time.slice(0, 8)}/${region}/${service}/aws4_request` };
}

function canonical({ method = "GET" }, url, query, headers, hash, { service }) {
  const lines = [...headers].map(([name, value]) => `${name}:${value}\n`).join("");
  return [method.toUpperCase(), canonicalPath(url.pathname, service), query, lines, [...headers.keys()].join(";"), hash].join("\n");
}

function canonicalPath(path, service) {
  if (S3.includes(service)) return path.split("/").map((part) => encode(decodeURIComponent(part))).join("/");
  const parts = path.split("/").filter((part) => part !== "");
  const end = path.endsWith("/") && parts.length > 0 ? "/" : "";
  return `/${parts.map(encode).join("/")}${end}`;
}

function canonicalQuery(pairs) {
  return pairs.map((pair) => pair.map(encode)).sort(byText).map((pair) => pair.join("=")).join("&");
}

function canonicalHeaders(pairs) {
  const headers = new Map();
  for (const [name, value] of pairs.map(([name, value]) => [name.toLowerCase(), value.trim().replaceAll(/\s+/g, " ")])) {
    if (!NOT_SIGNED.includes(name)) headers.set(name, headers.has(name) ? `${headers.get(name)},${value}` : value);
  }
  return new Map([...headers].sort(byText));
}

function signatureOf(request, time, scope, { secret, region, service }) {
  const parts = [time.slice(0, 8), region, service, "aws4_request"];
  const key = parts.reduce(hmac, `AWS4${secret}`);
  return hmac(key, [ALGORITHM, time, scope, sha256(request)].join("\n")).toString("hex");
}

function pairsOf(headers = {}) {
  return headers[Symbol.iterator] === undefined ? Object.entries(headers) : [...headers];
}

/** Everything but what RFC 3986 calls unreserved. */
function encode(text) {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
}

function byText([left, one], [right, other]) {
  if (left !== right) return left < right ? -1 : 1;
  return one < other ? -1 : one > other ? 1 : 0;
}

function hmac(key, data) {
  return createHmac("sha256", key).update(data).digest();
}

function sha256(data) {
  return createHash("sha256").update(data).digest("hex");
}
