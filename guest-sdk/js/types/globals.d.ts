// What a step finds in its global scope besides ECMAScript and the web platform.

import type * as step from "./index.js";

declare global {
  /**
   * The plaintext of a credential.
   *
   * From this call on Lockstep masks the value in everything that the step writes: its log, its output and its errors.
   *
   * @param key The key of the credential, such as `SLACK_TOKEN`.
   * @throws {MissingCredentialError} There is no credential of that key, or this workflow may not use it.
   *
   * @example
   * ```ts
   * export default () => ({ length: credential("SLACK_TOKEN").length });
   * ```
   */
  function credential(key: string): string;

  /**
   * Fails unless the run may have all of these credentials, and names those that are missing, all at once. No value is
   * opened.
   *
   * @param keys The keys.
   * @throws {MissingCredentialError} At least one is missing.
   *
   * @example
   * ```ts
   * export default () => {
   *   requireCredentials("API_USER", "API_PASSWORD");
   *   return "all there";
   * };
   * ```
   */
  function requireCredentials(...keys: string[]): void;

  /**
   * There is no credential of a key, or this workflow may not use it.
   *
   * @example
   * ```ts
   * export default () => {
   *   try {
   *     return credential("PROXY_PASSWORD").length;
   *   } catch (error) {
   *     if (error instanceof MissingCredentialError) return error.key;
   *     throw error;
   *   }
   * };
   * ```
   */
  var MissingCredentialError: typeof step.MissingCredentialError;
}
