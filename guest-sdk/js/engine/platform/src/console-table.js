// The text of `console.table`: one row per entry, one column per property that an entry has, and one for plain values.

import { inspect } from "node-inspect-extracted";
import { DOMString, isObject, sequence } from "./webidl.js";

const ROWS = "(index)";
const VALUES = "Values";
const ITERATION = "(iteration index)";

/** More columns than this say nothing to a reader. */
const COLUMN_LIMIT = 100;

export function table(data, properties) {
  const chosen =
    properties === undefined ? undefined : sequence(properties, DOMString, "console.table: the properties");
  const { head, entries } = entriesOf(data);
  const columns = new Set(chosen);
  let plain = false;
  const rows = entries.map(([index, value]) => {
    const cells = new Map();
    if (!isObject(value)) {
      plain = true;
      return { index, cells, value: show(value) };
    }
    for (const key of chosen ?? Object.keys(value)) {
      if (chosen === undefined && columns.size < COLUMN_LIMIT) columns.add(key);
      if (columns.has(key) && Object.hasOwn(value, key)) cells.set(key, show(value[key]));
    }
    return { index, cells, value: "" };
  });
  const names = [...columns];
  const lines = [[head, ...names, ...(plain ? [VALUES] : [])]];
  for (const { index, cells, value } of rows)
    lines.push([index, ...names.map((it) => cells.get(it) ?? ""), ...(plain ? [value] : [])]);
  return draw(lines);
}

function entriesOf(data) {
  if (data instanceof Map) {
    return { head: ITERATION, entries: [...data].map(([key, value], i) => [String(i), { Key: key, Values: value }]) };
  }
  if (data instanceof Set) return { head: ITERATION, entries: [...data].map((value, i) => [String(i), value]) };
  return { head: ROWS, entries: Object.keys(data).map((key) => [key, data[key]]) };
}

const show = (value) => inspect(value, { depth: isObject(value) ? 0 : 2, maxArrayLength: 3, breakLength: Infinity });

function draw(lines) {
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => width(line[column]))) + 2);
  const rule = (left, middle, right) => left + widths.map((it) => "─".repeat(it)).join(middle) + right;
  const row = (line) => `│${line.map((cell, i) => ` ${cell}${" ".repeat(widths[i] - width(cell) - 1)}`).join("│")}│`;
  const [head, ...body] = lines.map(row);
  return [rule("┌", "┬", "┐"), head, rule("├", "┼", "┤"), ...body, rule("└", "┴", "┘")].join("\n");
}

const width = (text) => [...text].length;
