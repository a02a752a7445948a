// Globals that a bundle uses and that a step does not have, with the places where it does.
//
// esbuild knows which names are free. So a second bundle is made in which each of them has another name; where that
// stands in the result, the source map leads back to the file. What is not reached is not in a bundle, and not told.

import { ABSENT_GLOBALS } from "../absent.js";
import { DEFINE, leaveStepModule, optionsFor } from "./bundle.js";
import { absentModules } from "./absent-modules.js";
import { originals } from "./source-map.js";

const MARK = "__lockstep_absent_";
const OUTFILE = "absent.js";

/** The uses, in the order of the bundle: `{ text, file, line, column, lineText }`, the first of each name in each file. */
export async function absentGlobals(esbuild, entry) {
  const { outputFiles } = await esbuild.build({
    ...optionsFor(entry),
    outfile: OUTFILE,
    write: false,
    sourcemap: "external",
    define: { ...DEFINE, ...marks() },
    plugins: [leaveStepModule(), absentModules()],
  });
  const [map, code] = ["absent.js.map", OUTFILE].map((name) => outputFiles.find(({ path }) => path.endsWith(name)).text);
  return firstOfEach(placed(marksIn(code), JSON.parse(map)));
}

/** Other names for what is free. `process.env` is there. */
function marks() {
  const defined = Object.keys(ABSENT_GLOBALS).map((name) => [name, `${MARK}${name}`]);
  return { ...Object.fromEntries(defined), "process.env": "__lockstep_env" };
}

function marksIn(code) {
  const found = [];
  code.split("\n").forEach((line, index) => {
    for (const match of line.matchAll(/(typeof\s+)?\b__lockstep_absent_(\w+)/g)) {
      const column = match.index + (match[1]?.length ?? 0);
      found.push({ name: match[2], tested: match[1] !== undefined, line: index, column });
    }
  });
  return found;
}

function placed(uses, map) {
  const find = originals(map);
  return uses.flatMap((use) => {
    const place = find(use.line, use.column);
    return place === undefined ? [] : [{ ...use, ...place }];
  });
}

/** A file that tests with `typeof` whether a name is there can do without. */
function firstOfEach(uses) {
  const key = ({ name, file }) => `${name} ${file}`;
  const done = new Set(uses.filter(({ tested }) => tested).map(key));
  return uses.flatMap((use) => {
    if (done.has(key(use))) return [];
    done.add(key(use));
    const { name, file, line, column, lineText } = use;
    return [{ text: `\`${name}\` is not there in a step: ${ABSENT_GLOBALS[name]}`, file, line, column, lineText }];
  });
}
