/**
 * Write a Lockstep step: a function from JSON to JSON that may ask for credentials.
 *
 * @example
 * ```ts
 * import { credential, defineStep } from "@lockstep/step";
 *
 * export default defineStep<{ channel: string }, { posted: boolean }>(({ channel }) => {
 *   const token = credential("SLACK_TOKEN");
 *   console.log(`posting to ${channel} with ${token}`); // the log reads "posting to #general with ***"
 *   return { posted: true };
 * });
 * ```
 * @module
 */

import "./globals.js";

/**
 * The plaintext of a credential.
 *
 * From this call on Lockstep masks the value in everything that the step writes: its log, its output and its errors.
 * The value is that of the moment the run started; a rotation meanwhile does not change it.
 * Of a sealed credential it is a placeholder, which stands for the value in requests to the hosts that it is for.
 * A key that is written as a literal is known when the step is registered: Lockstep then warns when it is missing, and
 * protects it from deletion.
 *
 * @param key The key of the credential, such as `SLACK_TOKEN`.
 * @throws {MissingCredentialError} There is no credential of that key, or this workflow may not use it; or, with the code
 * `sealing_required`, it is not sealed and its workspace gives steps no values. Not caught, it ends the run with the
 * outcome `missing_credential`.
 *
 * @example
 * ```ts
 * import { credential } from "@lockstep/step";
 *
 * export default () => {
 *   const headers = new Headers({ authorization: `Bearer ${credential("GITHUB_TOKEN")}` });
 *   return { signed: headers.has("authorization") };
 * };
 * ```
 */
export function credential(key: string): string;

/**
 * Fails unless the run may have all of these credentials, and names those that are missing, all at once.
 *
 * Call it first, so that a step which lacks a credential fails before it has done half of its work. No value is opened.
 *
 * @param keys The keys.
 * @throws {MissingCredentialError} At least one is missing; `keys` of the error are those that are.
 *
 * @example
 * ```ts
 * import { credential, requireCredentials } from "@lockstep/step";
 *
 * export default () => {
 *   requireCredentials("API_USER", "API_PASSWORD");
 *   return { basic: btoa(`${credential("API_USER")}:${credential("API_PASSWORD")}`) };
 * };
 * ```
 */
export function requireCredentials(...keys: string[]): void;

/**
 * There is no credential of a key, or this workflow may not use it: a step cannot tell the two apart.
 *
 * Catch it only if the step can do without; not caught, it ends the run with the outcome `missing_credential`.
 *
 * @example
 * ```ts
 * import { credential, MissingCredentialError } from "@lockstep/step";
 *
 * function proxyPassword(): string | undefined {
 *   try {
 *     return credential("PROXY_PASSWORD");
 *   } catch (error) {
 *     if (error instanceof MissingCredentialError) return undefined;
 *     throw error;
 *   }
 * }
 *
 * export default () => ({ proxied: proxyPassword() !== undefined });
 * ```
 */
export class MissingCredentialError extends Error {
  /** Made by Lockstep; a step that wants to fail in the same way names the keys. */
  constructor(keys: string | readonly string[]);
  readonly name: "MissingCredentialError";
  /** `missing_credential`, or `sealing_required` where all of them are there and must be sealed first; `message` tells which. */
  readonly code: "missing_credential" | "sealing_required";
  /** The key that is missing; the first of them if there are more. */
  readonly key: string;
  /** All keys that are missing. */
  readonly keys: readonly string[];
}

/**
 * What a step knows of its run: the second argument.
 *
 * It is frozen: Lockstep does not look at it again, so that a deadline which a step assigns would move nothing, and what a
 * step keeps in it would be gone after the run. In a module each assignment to it throws a `TypeError`; a plain script goes
 * on as if there were none, unless it begins with `"use strict"`. The input itself is the step's own, to change as it likes.
 *
 * @example
 * ```ts
 * import type { Context } from "@lockstep/step";
 *
 * export default (input: { name: string }, ctx: Context) => {
 *   console.log(`run ${ctx.runId} of ${ctx.workflow}, try ${ctx.attempt}`);
 *   return `Hello ${input.name}`;
 * };
 * ```
 */
export interface Context<In = unknown> {
  /** The input, as the first argument. */
  readonly input: In;
  /** The id of the run, as `lockstep runs` lists it. */
  readonly runId: string;
  /** The name of the workflow. */
  readonly workflow: string;
  /** The name that the step is registered by; `null` for a file that is run as it is. */
  readonly step: string | null;
  /** Which try this is, from 1 on. */
  readonly attempt: number;
  /** When the run has to be over: milliseconds since 1970, as `Date.now()` counts. */
  readonly deadline: number;
  /**
   * Aborts with a `TimeoutError` a little before the run has to be over: a second, or a tenth of the time that was left when
   * the step first asked for it, whichever is less. Hand it to what takes an `AbortSignal`.
   */
  readonly signal: AbortSignal;
  /** As the function {@link credential}. */
  credential(key: string): string;
  /** As the function {@link requireCredentials}. */
  requireCredentials(...keys: string[]): void;
  /** As {@link sign}. */
  readonly sign: Sign;
  /** As {@link verify}. */
  readonly verify: Verify;
}

/**
 * Signs with credentials, sealed ones too, that the step never holds: it names the key, and Lockstep computes.
 *
 * A credential that the run may not use, or that must be sealed first, throws a {@link MissingCredentialError}. What else cannot be signed throws an
 * `Error` with the properties `code` (`invalid_key`, `invalid_argument`, `too_large` or `too_many`) and `key`.
 * The placeholder of a sealed credential cannot stand in what is signed. A call signs 8 MiB at most, and a run 1,000 times
 * with private keys.
 *
 * @example
 * ```ts
 * import { sign } from "@lockstep/step";
 *
 * export default (event: object) => {
 *   const body = JSON.stringify(event);
 *   return { body, signature: `sha256=${sign.hmac("WEBHOOK_SECRET", body)}` };
 * };
 * ```
 */
export const sign: Sign;

/** See {@link sign}. */
export interface Sign {
  /**
   * HMAC of `data`: hexadecimal digits, if nothing else is said.
   *
   * @param key The key of the credential that is the secret.
   */
  readonly hmac: (key: string, data: string | BufferSource, options?: HmacOptions & { encoding?: "hex" | "base64" | "base64url" }) => string;
  /**
   * A JSON Web Token. `iat` and `exp` are the step's to say, in seconds since 1970.
   *
   * @param key The key of the credential: a secret for `HS256`, a private key in PEM for the others.
   * @param claims What the token claims; 64 KiB of JSON at most.
   *
   * @example
   * ```ts
   * import { sign } from "@lockstep/step";
   *
   * export default ({ app }: { app: string }) => {
   *   const iat = Math.floor(Date.now() / 1000) - 60;
   *   const token = sign.jwt("GITHUB_APP_KEY", { iss: app, iat, exp: iat + 600 }, { algorithm: "RS256" });
   *   const headers = new Headers({ authorization: `Bearer ${token}` }); // a log shows it as ***
   *   return headers.has("authorization");
   * };
   * ```
   */
  readonly jwt: (key: string, claims: object, options?: JwtOptions) => string;
  /**
   * Signs a request for AWS (Signature Version 4): the headers to add to it.
   *
   * `x-amz-security-token` is the placeholder of a sealed session token, which is filled in when the request leaves.
   *
   * @param key The key of the credential that is the secret access key.
   * @param request The request as it will be sent.
   *
   * @example
   * ```ts
   * import { sign } from "@lockstep/step";
   *
   * export default ({ name, text }: { name: string; text: string }) => {
   *   const request = {
   *     method: "PUT",
   *     url: `https://examplebucket.s3.eu-central-1.amazonaws.com/${encodeURIComponent(name)}`,
   *     headers: { "content-type": "text/plain" },
   *     body: text,
   *   };
   *   const account = { accessKeyId: "AKIAIOSFODNN7EXAMPLE", region: "eu-central-1", service: "s3" };
   *   return { ...request.headers, ...sign.awsV4("AWS_SECRET_ACCESS_KEY", request, account) };
   * };
   * ```
   */
  readonly awsV4: (key: string, request: AwsRequest, options: AwsOptions & { unsignedBody?: boolean }) => Record<string, string>;
  /**
   * The URL of a request with the signature in it, which anybody can use for `expires` seconds, a week at most.
   *
   * @param key The key of the credential that is the secret access key.
   */
  readonly awsV4Url: (key: string, request: Omit<AwsRequest, "body">, options: AwsOptions & { expires: number }) => string;
  /**
   * The value of the header `authorization` of the scheme `Basic`, with the credential as the password. Of a sealed one it
   * holds the placeholder, which is filled in when the request leaves, if the sealing allows `basic`.
   *
   * @param user The user, without a colon.
   * @param key The key of the credential.
   */
  readonly basic: (user: string, key: string) => string;
}

/**
 * Tells whether the holder of a secret signed something, without holding it, in constant time. Throws as {@link sign} does.
 *
 * @example
 * ```ts
 * import { verify } from "@lockstep/step";
 *
 * export default ({ body, headers }: { body: string; headers: Record<string, string> }) => {
 *   if (!verify.github("GITHUB_WEBHOOK_SECRET", body, headers)) throw new Error("this webhook is not from GitHub");
 *   return JSON.parse(body);
 * };
 * ```
 */
export const verify: Verify;

/** See {@link verify}. */
export interface Verify {
  /** Whether `signature` is the HMAC of `data`: hexadecimal digits or base64, with `sha256=` and the like before it or not. */
  readonly hmac: (key: string, data: string | BufferSource, signature: string, options?: HmacOptions) => boolean;
  /** Whether GitHub sent `body`, as it came; looks at `x-hub-signature-256`. */
  readonly github: (key: string, body: string | BufferSource, headers: WebhookHeaders) => boolean;
  /** Whether Slack sent `body`, as it came; looks at `x-slack-signature` and `x-slack-request-timestamp`. */
  readonly slack: (key: string, body: string | BufferSource, headers: WebhookHeaders, options?: WebhookOptions) => boolean;
  /** Whether Stripe sent `body`, as it came; looks at `stripe-signature`. */
  readonly stripe: (key: string, body: string | BufferSource, headers: WebhookHeaders, options?: WebhookOptions) => boolean;
}

/** Headers, whatever the case of their names. */
export type WebhookHeaders = Headers | Record<string, string> | Iterable<readonly [string, string]>;

/** How a webhook is verified. */
export interface WebhookOptions {
  /** How many seconds the time that it says may lie from now. 300 if it is not said. */
  tolerance?: number;
}

/** How an HMAC is made. */
export interface HmacOptions {
  /** `SHA-256` if it is not said. */
  hash?: "SHA-256" | "SHA-384" | "SHA-512";
  /** How the secret is written in the credential. `text`, its UTF-8, if it is not said. */
  keyEncoding?: "text" | "hex" | "base64";
}

/** How a token is made. */
export interface JwtOptions {
  /** `HS256` if it is not said. */
  algorithm?: "HS256" | "RS256" | "ES256" | "EdDSA";
  /** What stands in the header besides `alg` and `typ`. */
  header?: { kid?: string; typ?: string; [member: string]: unknown };
  /** How the secret of `HS256` is written in the credential. `text`, its UTF-8, if it is not said. */
  keyEncoding?: "text" | "hex" | "base64";
}

/** A request to AWS. */
export interface AwsRequest {
  /** `GET` if it is not said. */
  method?: string;
  url: string | URL;
  /** Those that will be sent, without `host`, `content-length` and what is added. */
  headers?: Headers | Record<string, string> | Iterable<readonly [string, string]>;
  /** Nothing if it is not said. */
  body?: string | BufferSource;
}

/** For what, and for whom, a request to AWS is signed. */
export interface AwsOptions {
  /** The id of the access key, which is no secret. */
  accessKeyId: string;
  /** The key of the credential that is the session token, if there is one. */
  sessionToken?: string;
  /** Such as `eu-central-1`. */
  region: string;
  /** Such as `s3`. */
  service: string;
  /** Now, if it is not said. */
  date?: Date | number;
}

/**
 * A step: the default export of its module. What it returns, or what the promise that it returns is fulfilled with, is the
 * output: JSON, where `undefined` counts as `null`. What it throws ends the run with the outcome `step_failed`; an error
 * with the property `retryable: true` says that trying again may help.
 *
 * @example
 * ```ts
 * import type { Step } from "@lockstep/step";
 *
 * const double: Step<number, number> = (input) => 2 * input;
 * export default double;
 * ```
 */
export type Step<In = unknown, Out = unknown> = (input: In, ctx: Context<In>) => Out | Promise<Out>;

/**
 * Gives a step its types, and returns it as it is.
 *
 * `In` is what the step expects, not what Lockstep checks: validate an input that comes from outside.
 *
 * @example
 * ```ts
 * import { defineStep } from "@lockstep/step";
 *
 * interface Order { lines: { price: number; count: number }[] }
 *
 * export default defineStep<Order, { total: number }>(({ lines }) => ({
 *   total: lines.reduce((sum, { price, count }) => sum + price * count, 0),
 * }));
 * ```
 */
export function defineStep<In = unknown, Out = unknown>(step: Step<In, Out>): Step<In, Out>;

/**
 * What a `fetch` that fails rejects with, as long as no signal has aborted it: a `TypeError` that tells what happened.
 *
 * @example
 * ```ts
 * import type { FetchError } from "@lockstep/step";
 *
 * export default async () => {
 *   try {
 *     return await (await fetch("https://api.example.com/v1/items")).json();
 *   } catch (error) {
 *     if ((error as FetchError).code === "connect") return [];
 *     throw error;
 *   }
 * };
 * ```
 */
export interface FetchError extends TypeError {
  /** What happened. A run that fails with one of the first two has the outcome `egress_denied`. */
  code:
    | "egress_denied"
    | "credential_host_denied"
    | "dns"
    | "connect"
    | "tls"
    | "timeout"
    | "protocol"
    | "redirect"
    | "body";
  /** The host that it was for, if it has come so far. */
  host: string | null;
  /** There if another try may succeed. A run that fails with the error is then retryable. */
  retryable?: boolean;
}
