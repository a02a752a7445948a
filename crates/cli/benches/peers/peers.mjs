// The peers that live in Node.js: each runs a step as Lockstep does, from JSON text to JSON text, and is timed here.
//
// Reads requests from stdin, one JSON text a line: `{ peer, step, input, runs }`, where `step` is the source of a module
// whose default export is the step. Answers each with a line: `{ nanoseconds: [..], output }`.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import readline from 'node:readline'
import vm from 'node:vm'

import ivm from 'isolated-vm'
import { getQuickJS } from 'quickjs-emscripten'

const VALUE = process.env.VALUE
const { resolve } = createRequire(import.meta.url)
const quickjs = await getQuickJS()

const credential = key => {
  if (key !== 'KEY') throw new Error(`no credential ${key}`)
  return VALUE
}

/** Each takes the source of a function, and gives what runs it in something fresh. */
const peers = {
  'isolated-vm': step => {
    const code = `const credential = $1; return JSON.stringify((${step})(JSON.parse($0)))`
    return input => {
      const isolate = new ivm.Isolate({ memoryLimit: 128 })
      try {
        return isolate.createContextSync().evalClosureSync(code, [input, new ivm.Callback(credential)])
      } finally {
        isolate.dispose()
      }
    }
  },

  // Compiled once for all contexts, which isolates cannot share.
  'node:vm': step => {
    const script = new vm.Script(`input => JSON.stringify((${step})(JSON.parse(input)))`)
    return input => script.runInContext(vm.createContext({ credential }))(input)
  },

  'quickjs-emscripten': step => input => {
    const context = quickjs.newContext()
    try {
      return inQuickJs(context, `(${step})(JSON.parse(input))`, input)
    } finally {
      context.dispose()
    }
  },

  // Not fresh: a function of this process, compiled by V8 once it is hot.
  'node': step => {
    const run = vm.runInThisContext(`(${step})`)
    return input => {
      const output = run(JSON.parse(input))
      return output instanceof Promise ? output.then(JSON.stringify) : JSON.stringify(output)
    }
  },
}

function inQuickJs(context, code, input) {
  define(context, 'input', context.newString(input))
  define(context, 'credential', context.newFunction('credential', key => context.newString(credential(context.getString(key)))))
  context.runtime.setModuleLoader(load, (from, name) => name.startsWith('.') ? path.join(path.dirname(from), name) : resolve(name))
  const output = context.unwrapResult(context.evalCode(code))
  context.runtime.executePendingJobs()
  const settled = context.unwrapResult(context.getPromiseState(output))
  const json = context.getProp(context.global, 'JSON')
  const stringify = context.getProp(json, 'stringify')
  const text = context.unwrapResult(context.callFunction(stringify, json, settled))
  try {
    return context.getString(text)
  } finally {
    // One handle may stand for both.
    for (const handle of new Set([output, settled, json, stringify, text])) handle.dispose()
  }
}

const load = file => readFileSync(file, 'utf8')

function define(context, name, handle) {
  context.setProp(context.global, name, handle)
  handle.dispose()
}

async function answer({ peer, step, input, runs }) {
  const run = peers[peer](step.replace(/^export default /, ''))
  const nanoseconds = []
  let output
  for (let n = 0; n < runs; n++) {
    const start = process.hrtime.bigint()
    output = run(input)
    if (output instanceof Promise) output = await output
    nanoseconds.push(Number(process.hrtime.bigint() - start))
  }
  return { nanoseconds, output }
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await answer(JSON.parse(line))))
}
