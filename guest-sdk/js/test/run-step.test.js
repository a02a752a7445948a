// `runStep`: a run of a step in Node.js, and how it ends.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import * as step from "@lockstep/step";
import { runStep } from "@lockstep/step/test";

const file = (name) => fileURLToPath(new URL(`steps/${name}`, import.meta.url));
const TOKEN = "xoxb-1234-for-tests";

describe("what a step is given", () => {
  test("the input is a copy of it, as JSON", async () => {
    const input = { at: new Date(0), nothing: undefined };
    const ran = await runStep((given, ctx) => ({ given, same: given === ctx.input }), { input });
    assert.deepEqual(ran.output, { given: { at: "1970-01-01T00:00:00.000Z" }, same: true });
  });

  test("the input is null if it is not said", async () => {
    assert.equal((await runStep((input) => input === null)).output, true);
  });

  test("ctx tells of the run", async () => {
    const options = { workflow: "billing", step: "send", attempt: 3, runId: "r1", timeout: 5000 };
    const ran = await runStep(({}, { input, signal, deadline, credential, requireCredentials, sign, verify, ...ctx }) => {
      const left = deadline - Date.now();
      return { ...ctx, aborted: signal.aborted, soon: left > 0 && left <= 5000 };
    }, { ...options, input: {} });
    assert.deepEqual(ran.output, { workflow: "billing", step: "send", attempt: 3, runId: "r1", aborted: false, soon: true });
  });

  test("nothing of ctx can be assigned, as in Lockstep", async () => {
    const ran = await runStep(file("assigns.js"), { input: { n: 1 } });
    const { assigned, names, ...others } = ran.output;
    assert.deepEqual(assigned, [...names, "added"].map(() => "TypeError"));
    assert.deepEqual(others, { deleted: "TypeError", same: true, input: { n: 2 } });
  });

  test("a plain script that assigns to ctx goes on, as in Lockstep", async () => {
    const ran = await runStep(file("assigns-plain.js"));
    assert.deepEqual(ran.output, { moved: false, added: false });
  });

  test("credentials come from the import, the global and ctx alike", async () => {
    const ran = await runStep((_, ctx) => [step.credential("A"), credential("A"), ctx.credential("A")].length, { credentials: { A: "1" } });
    assert.equal(ran.output, 3);
    assert.deepEqual(ran.receipt.credentials, [{ key: "A", scope: "workspace", version: 1 }]);
  });

  test("two runs at the same time have credentials and logs of their own", async () => {
    const slow = async () => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      console.log(credential("A").length);
    };
    const [one, two] = await Promise.all(["1", "22"].map((A) => runStep(slow, { credentials: { A } })));
    assert.deepEqual([one.log, two.log], ["1\n", "2\n"]);
  });

  test("fetch is the one that the test gives, or that of Node.js", async () => {
    const asked = [];
    const fake = async (input, init) => {
      asked.push(new Request(input, init));
      return Response.json({ ok: true });
    };
    const send = async () => {
      const response = await fetch("https://api.example.com/v1", { method: "POST", body: "b" });
      return { ...(await response.json()), same: fetch === fetch, name: fetch.name };
    };
    const ran = await runStep(send, { fetch: fake });
    assert.deepEqual(ran.output, { ok: true, same: true, name: "fetch" });
    assert.deepEqual(asked.map(({ method, url }) => [method, url]), [["POST", "https://api.example.com/v1"]]);
    assert.equal((await runStep(async () => (await fetch("data:,x")).text())).output, "x");
    const failed = await runStep(async () => { await fetch("https://a.test/"); throw new Error("after"); }, { fetch: fake });
    assert.equal(failed.failure.requests_sent, 1);
    await assert.rejects(runStep(() => 1, { fetch: 5 }), /`fetch` is a function, not number/);
  });

  test("an unknown option is a mistake of the test", async () => {
    await assert.rejects(runStep(() => 1, { secrets: {} }), /no option `secrets`/);
  });

  test("a key that Lockstep would refuse is a mistake of the test", async () => {
    await assert.rejects(runStep(() => 1, { credentials: { "a-b": "1" } }), /`a-b` is no key/);
    await assert.rejects(runStep(() => 1, { credentials: { A: "" } }), /has 0 bytes/);
    await assert.rejects(runStep(() => 1, { credentials: { A: 1 } }), /a string, not number/);
  });
});

describe("what is missing", () => {
  test("one credential that is missing is named", async () => {
    const ran = await runStep(() => credential("A"));
    assert.equal(ran.kind, "missing_credential");
    assert.match(ran.failure.message, /^MissingCredentialError: credential `A` is missing\n/);
    assert.equal(ran.output, null);
  });

  test("all that are missing are named at once, each once", async () => {
    const ran = await runStep((_, ctx) => ctx.requireCredentials("A", "B", "C", "C"), { credentials: { B: "1" } });
    assert.equal(ran.kind, "missing_credential");
    assert.match(ran.failure.message, /credentials `A`, `C` are missing/);
    assert.deepEqual(ran.receipt.credentials, []);
  });

  test("a step that can do without goes on", async () => {
    const ran = await runStep(() => {
      try {
        return step.credential("A");
      } catch (error) {
        return [error instanceof step.MissingCredentialError, error instanceof MissingCredentialError, error.code, error.key, error.name];
      }
    });
    assert.deepEqual(ran.output, [true, true, "missing_credential", "A", "MissingCredentialError"]);
  });

  test("a key that is no string is an error of the step", async () => {
    const ran = await runStep(() => credential(undefined));
    assert.equal(ran.kind, "step_failed");
    assert.match(ran.failure.message, /a string, not undefined/);
  });

  test("outside of a run there are no credentials, and the error says where there are", () => {
    assert.throws(() => step.credential("A"), /`credential` works while a step runs: in Lockstep .* "@lockstep\/step\/test"/);
    assert.throws(() => step.requireCredentials("A"), /`requireCredentials` works while a step runs/);
  });
});

describe("the log and what is masked", () => {
  test("both streams are captured, in the order in which they came", async () => {
    const ran = await runStep(() => {
      console.log("one %d", 1);
      console.warn({ two: [2] });
      console.info("three");
    });
    assert.equal(ran.log, "one 1\n{ two: [ 2 ] }\nthree\n");
    assert.deepEqual([ran.stdout, ran.stderr], ["one 1\nthree\n", "{ two: [ 2 ] }\n"]);
  });

  for (const [name, spell] of Object.entries({
    "as it is": (value) => value,
    "in JSON": (value) => JSON.stringify({ value }),
    "in base64": (value) => btoa(value),
    "in base64 after other text": (value) => btoa(`user:${value}`),
    "in base64 between other text": (value) => btoa(`ab${value}cd`),
    "percent-encoded": (value) => encodeURIComponent(value),
    "in a query": (value) => new URLSearchParams({ value }).toString(),
    "in hex": (value) => [...new TextEncoder().encode(value)].map((byte) => byte.toString(16).padStart(2, "0")).join(""),
  })) {
    test(`a value is masked ${name}`, async () => {
      const value = 'pa"ss/w ord+1234?';
      const text = spell(value);
      const ran = await runStep(() => {
        credential("A");
        console.log(`<${text}>`);
        throw new Error(`<${text}>`);
      }, { credentials: { A: value } });
      for (const shown of [ran.log, ran.failure.message]) {
        assert.ok(shown.includes("***"), shown);
        assert.ok(!shown.includes(text.slice(4, 14)), shown);
      }
    });
  }

  test("values that overlap are masked as one", async () => {
    const ran = await runStep(() => console.log(`${credential("A")}${credential("B").slice(1)}`), {
      credentials: { A: "abcdefgX", B: "Xlong-tail" },
    });
    assert.equal(ran.log, "***\n");
  });

  test("the output is masked: values and keys", async () => {
    const ran = await runStep(() => ({ [credential("A")]: [`Bearer ${credential("A")}`, 1, null] }), { credentials: { A: TOKEN } });
    assert.deepEqual(ran.output, { "***": ["Bearer ***", 1, null] });
  });

  test("a value that the run was not given is not masked", async () => {
    const ran = await runStep(() => TOKEN, { credentials: { A: TOKEN } });
    assert.equal(ran.output, TOKEN);
  });

  test("what the test itself prints is not captured", async () => {
    const running = runStep(async () => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      console.log("of the step");
    });
    console.log("of the test");
    assert.equal((await running).log, "of the step\n");
  });
});

describe("how a run ends", () => {
  test("no output is null", async () => {
    assert.deepEqual((await runStep(() => {})).output, null);
  });

  test("an error is told with its causes and the place in the step", async () => {
    const ran = await runStep(file("module.ts"), { input: { net: -1 } });
    assert.equal(ran.kind, "step_failed");
    assert.match(ran.failure.message, /^RangeError: the order is worth -1\n.*module\.ts:10:11\)?\ncaused by: Error: it was read wrongly\n/);
    assert.ok(!ran.failure.message.includes("run-step"), ran.failure.message);
    assert.deepEqual([ran.failure.phase, ran.failure.started, ran.failure.retryable], ["run", true, false]);
  });

  test("an error may say that trying again may help", async () => {
    const busy = () => {
      throw Object.assign(new Error("the service is busy"), { retryable: true });
    };
    assert.equal((await runStep(busy)).failure.retryable, true);
  });

  test("what is thrown need not be an error", async () => {
    assert.equal((await runStep(() => Promise.reject("no"))).failure.message, "no");
  });

  const cycle = { name: "a" };
  cycle.items = [{ cycle }];
  for (const [output, message] of [
    [{ items: [1, { id: 10n }] }, "output.items[1].id is a BigInt"],
    [{ "a b": () => 1 }, 'output["a b"] is a function'],
    [[Symbol.iterator], "output[0] is a symbol"],
    [cycle, "output.items[0].cycle is a cycle: it is output again"],
    [1n, "output is a BigInt"],
  ]) {
    test(`no JSON: ${message}`, async () => {
      const ran = await runStep(() => output);
      assert.deepEqual([ran.kind, ran.failure.phase], ["step_failed", "output"]);
      assert.ok(ran.failure.message.startsWith(`TypeError: ${message}`), ran.failure.message);
    });
  }

  test("an output may hold the same object twice", async () => {
    const same = { a: 1 };
    assert.deepEqual((await runStep(() => [same, same])).output, [same, same]);
  });

  test("an output that is too large is refused", async () => {
    assert.equal((await runStep(() => "x".repeat((1 << 20) - 2))).kind, "completed");
    assert.equal((await runStep(() => "x".repeat(1 << 20))).kind, "output_too_large");
  });

  test("a run that takes too long is ended, and its signal aborts", async () => {
    let signal;
    const ran = await runStep((_, ctx) => {
      signal = ctx.signal;
      return new Promise(() => {});
    }, { timeout: 20 });
    assert.deepEqual([ran.kind, ran.failure.retryable, signal.aborted], ["timeout", true, true]);
  });
});

describe("files", () => {
  test("a module is loaded afresh for each run", async () => {
    const options = { input: { name: "Ada" }, credentials: { TOKEN } };
    for (let run = 0; run < 2; run += 1) {
      const ran = await runStep(file("module.js"), options);
      assert.deepEqual(ran.output, { name: "Ada", runs: 1, workflow: "default" });
      assert.equal(ran.log, "hello Ada ***\ncareful\n");
    }
  });

  test("a module that the test imported may be given", async () => {
    const ran = await runStep(await import("./steps/module.js"), { input: { name: "Ada" }, credentials: { TOKEN } });
    assert.equal(ran.output.name, "Ada");
  });

  test("a URL names a file, too", async () => {
    const ran = await runStep(new URL("steps/plain.js", import.meta.url), { input: 1, credentials: { TOKEN } });
    assert.deepEqual(ran.output, { length: TOKEN.length, input: 1, attempt: 1 });
  });

  test("TypeScript with other modules, parameter properties and enums", async () => {
    assert.deepEqual((await runStep(file("module.ts"), { input: { net: 100 } })).output, { gross: 119 });
    assert.deepEqual((await runStep(file("plain.ts"), { input: "x" })).output, { level: 2, name: "High", input: "x" });
  });

  test("the top level belongs to the run", async () => {
    const ran = await runStep(file("top-level.js"), { credentials: { TOKEN } });
    assert.deepEqual([ran.output, ran.log], [TOKEN.length, "loaded with ***\n"]);
    assert.equal((await runStep(file("top-level.js"))).kind, "missing_credential");
  });

  test("what Lockstep would not take is an invalid step", async () => {
    for (const [name, message] of [
      ["syntax.js", /SyntaxError/],
      ["no-default.js", /no function as its default export/],
      ["node-import.ts", /steps\/node-import\.ts:1:30: `node:fs` is not there in a step/],
    ]) {
      const ran = await runStep(file(name));
      assert.deepEqual([name, ran.kind, ran.failure.phase, ran.failure.started], [name, "invalid_step", "load", false]);
      assert.match(ran.failure.message, message);
    }
  });

  test("a file that is not there, and one that is no step, are mistakes of the test", async () => {
    await assert.rejects(runStep(file("nothing.js")), { code: "ENOENT" });
    await assert.rejects(runStep(file("../../package.json")), /is no step: its name ends with/);
    assert.equal((await runStep({})).kind, "invalid_step");
  });
});

describe("what Lockstep does not have", () => {
  test("is undefined to a step, and told when the step fails", async () => {
    const ran = await runStep(() => Buffer.from("x"));
    assert.equal(ran.kind, "step_failed");
    assert.match(ran.failure.message, /`Buffer` is not there in a step: use `Uint8Array`/);
  });

  test("can be tested for", async () => {
    const ran = await runStep(() => [typeof Buffer, typeof setImmediate, typeof WebAssembly, process.env]);
    assert.deepEqual(ran.output, ["undefined", "undefined", "undefined", {}]);
  });

  test("is there for what Node.js does for the step", async () => {
    const ran = await runStep(async () => (await new Response(new Blob(["text"]).stream()).text()) + new Request("https://example.org/").method);
    assert.equal(ran.output, "textGET", ran.failure?.message);
  });

  test("is there for the test itself", async () => {
    await runStep(() => 1);
    assert.equal(Buffer.from("x").length, 1);
    assert.equal(typeof process.cwd(), "string");
  });
});
