// What the text of a cell stands for.

export type Cell = string | number | boolean | null;

const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?$/;
const GERMAN_DATE = /^(\d{2})\.(\d{2})\.(\d{4})$/;

/** A number, a boolean, a date in the form of ISO 8601, or the text as it is. Nothing is null. */
export function typed(text: string): Cell {
  const trimmed = text.trim();
  if (trimmed === "") return null;
  if (trimmed === "true" || trimmed === "false") return trimmed === "true";
  // Digits that a number would lose, such as those of `007`, stay text.
  if (NUMBER.test(trimmed) && Number.isSafeInteger(Math.trunc(Number(trimmed)))) return Number(trimmed);
  return trimmed.replace(GERMAN_DATE, "$3-$2-$1");
}
