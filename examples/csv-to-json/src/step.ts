// The rows of a CSV file as objects, with numbers and dates for what is one.

import { defineStep } from "@lockstep/step";
import Papa from "papaparse";

import { typed, type Cell } from "./cell.ts";

interface Input {
  csv: string;
  /** `,` if it is not said; `;` and tabs are usual as well. */
  delimiter?: string;
}

interface Output {
  columns: string[];
  rows: Record<string, Cell>[];
}

export default defineStep<Input, Output>(({ csv, delimiter = "," }) => {
  const { data, errors, meta } = Papa.parse<Record<string, string>>(csv, { header: true, delimiter, skipEmptyLines: true });
  const [error] = errors;
  // The line of the header is the first one.
  if (error !== undefined) throw new Error(`line ${(error.row ?? 0) + 2} of the CSV: ${error.message}`);
  console.log(`${data.length} rows of ${meta.fields?.length ?? 0} columns`);
  return { columns: meta.fields ?? [], rows: data.map(typedRow) };
});

function typedRow(row: Record<string, string>): Record<string, Cell> {
  return Object.fromEntries(Object.entries(row).map(([column, text]) => [column, typed(text)]));
}
