// From what a caller wrote for an algorithm to the algorithm and its parameters.

import { DOMString } from "../webidl.js";
import { notSupported } from "./errors.js";
import { algorithmObject } from "./params.js";

/** The algorithms that there are. */
const algorithms = new Map();

export function register(...list) {
  for (const algorithm of list) algorithms.set(algorithm.name.toUpperCase(), algorithm);
}

/** `{ algorithm, params }`, or undefined where the algorithm does not support the operation. */
export function normalizeIfSupported(operation, value) {
  const raw = algorithmObject(value);
  const name = DOMString(raw.name);
  const algorithm = algorithms.get(name.toUpperCase());
  const convert = algorithm?.params[operation];
  if (convert === undefined) return { name };
  return { name, algorithm, params: convert(raw) };
}

export function normalize(operation, value) {
  const normalized = normalizeIfSupported(operation, value);
  if (normalized.algorithm === undefined)
    throw notSupported(`${operation} is not supported for ${JSON.stringify(normalized.name)}`);
  return normalized;
}

export const named = (name) => algorithms.get(name.toUpperCase());
