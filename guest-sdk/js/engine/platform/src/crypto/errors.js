// The errors of Web Crypto, by the names that the standard gives them.

import { DOMException } from "../dom-exception.js";

const named = (name) => (message) => new DOMException(message, name);

export const dataError = named("DataError");
export const invalidAccess = named("InvalidAccessError");
export const notSupported = named("NotSupportedError");
export const operationError = named("OperationError");
export const syntaxError = named("SyntaxError");
