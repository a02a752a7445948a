// Bundles the platform into one script for the engine: `node build.js [OUT]`.

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const [outfile = fileURLToPath(new URL("dist/platform.js", import.meta.url))] = process.argv.slice(2);
const source = (name) => fileURLToPath(new URL(`src/${name}`, import.meta.url));

/**
 * node-inspect-extracted cannot see into promises and proxies, takes the stack of an error for its whole text, and makes
 * a list of all indices of an array. The engine can tell it more: four places of the package call `inspect-natives.js`
 * instead. And a step has no `Atomics`, which the package takes for granted and does not use. It is pinned, and a place
 * that is not found ends the build.
 */
const inspectPlaces = [
  ['["Atomics","JSON",', '["JSON",'],
  ["getOwnNonIndexProperties:function(t,e=2)", "getOwnNonIndexProperties:inspectNames,guessedNames:function(t,e=2)"],
  ["getPromiseDetails:()=>[g,void 0]", "getPromiseDetails:t=>inspectPromise(t,g,h)"],
  ["getProxyDetails:y.getProxyDetails,", "getProxyDetails:inspectProxy,"],
  ["function ir(t,e){let n;try{n=e.stack}catch{}", "function ir(t,e){let n;try{n=inspectStack(e)}catch{}"],
];

const inspectNatives = {
  name: "inspect-natives",
  setup({ onLoad }) {
    onLoad({ filter: /node-inspect-extracted[\\/]dist[\\/]inspect\.js$/ }, async ({ path }) => {
      let contents = await readFile(path, "utf8");
      for (const [from, to] of inspectPlaces) {
        if (contents.split(from).length !== 2)
          throw new Error(`${path} does not have one \`${from}\`: look at build.js`);
        contents = contents.replace(from, () => to);
      }
      return { contents };
    });
  },
};

await build({
  entryPoints: [source("platform.js")],
  outfile,
  bundle: true,
  minify: true,
  format: "iife",
  // The value of the script is what the engine keeps, and nothing of it becomes a global.
  globalName: "hooks",
  banner: { js: "(()=>{" },
  footer: { js: "return hooks})()" },
  inject: [source("inspect-natives.js")],
  plugins: [inspectNatives],
  target: "es2023",
  charset: "utf8",
  legalComments: "none",
});
