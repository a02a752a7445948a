// Reads source maps (ECMA-426): from a position of what was generated to the place that it came from.

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/**
 * A function from line and column, counted from 0, to `{ file, line, column, lineText }`, where the line is counted from 1;
 * undefined for what has no source.
 */
export function originals({ sources, sourcesContent, mappings }) {
  const lines = decode(mappings);
  return (line, column) => {
    const segment = lines[line]?.findLast(([start]) => start <= column);
    if (segment === undefined) return undefined;
    const [, source, originalLine, originalColumn] = segment;
    const lineText = sourcesContent[source].split("\n")[originalLine];
    return { file: sources[source], line: originalLine + 1, column: originalColumn, lineText };
  };
}

/** The segments of each line: column, source, line and column of the source. */
function decode(mappings) {
  let [source, line, column] = [0, 0, 0];
  return mappings.split(";").map((text) => {
    let generated = 0;
    const segments = [];
    for (const fields of text === "" ? [] : text.split(",").map(numbers)) {
      generated += fields[0];
      if (fields.length === 1) continue;
      source += fields[1];
      line += fields[2];
      column += fields[3];
      segments.push([generated, source, line, column]);
    }
    return segments;
  });
}

/** Numbers in base 64, least digits first: five bits in each, one that says whether more follow; the sign comes first. */
function numbers(text) {
  const found = [];
  let [value, shift] = [0, 0];
  for (const letter of text) {
    const digit = DIGITS.indexOf(letter);
    value += (digit & 31) * 2 ** shift;
    shift += 5;
    if (digit & 32) continue;
    found.push(value % 2 === 1 ? -((value - 1) / 2) : value / 2);
    [value, shift] = [0, 0];
  }
  return found;
}
