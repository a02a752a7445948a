//! Recursion without an end is an error that a step can catch, whatever it goes through; so is memory that runs out.

use serde_json::json;

use lockstep_step::OutcomeKind;

use super::{check_failures, check_outputs};

/// Code that goes deeper until it may not; the test catches the error.
const DEEP: [&str; 22] = [
    "function f() { f() } f()",
    "const f = (a, b) => f(b, a) + 1; f(1, 2)",
    "const o = {toString() { return '' + o }}; '' + o",
    "const o = {get x() { return o.x }}; o.x",
    "class A { constructor() { new A } } new A",
    "function* g() { yield* g() } [...g()]",
    "function f() { [1].map(f) } f()",
    "function f() { 'a'.replace(/a/, f) } f()",
    "function f() { [2, 1].sort(f) } f()",
    "function f() { Reflect.apply(f, null, []) } f()",
    "let p = {}; for (let i = 0; i < 1e5; i++) p = new Proxy(p, {}); p.x",
    "let p = []; for (let i = 0; i < 1e5; i++) p = new Proxy(p, {}); Array.isArray(p)",
    "let p = () => 1; for (let i = 0; i < 1e5; i++) p = new Proxy(p, {}); p()",
    "let f = () => 1; for (let i = 0; i < 1e5; i++) { f = f.bind(); delete f.name } f()",
    "let it = [1].values(); for (let i = 0; i < 1e5; i++) it = it.map((x) => x); it.next()",
    "let it = [1].values(); for (let i = 0; i < 1e5; i++) it = it.take(1); it.toArray()",
    "let it = [1].values(); for (let i = 0; i < 1e5; i++) it = Iterator.concat(it); it.next()",
    "let a = []; for (let i = 0; i < 1e5; i++) a = [a]; a.flat(Infinity)",
    "JSON.parse('['.repeat(1e5))",
    "let a = []; for (let i = 0; i < 2e4; i++) a = [a]; JSON.stringify(a)",
    "let a = []; for (let i = 0; i < 1e5; i++) a = [a]; String(a)",
    "const o = {toJSON: () => JSON.stringify(o)}; JSON.stringify(o)",
];

#[tokio::test]
async fn recursion_without_an_end_is_a_range_error() {
    let caught = DEEP.map(|code| format!("try {{ {code} }} catch (error) {{ return error.name }}"));
    let cases: Vec<_> = caught
        .iter()
        .map(|code| (code.as_str(), json!("RangeError")))
        .collect();
    check_outputs(&cases).await;
}

#[tokio::test]
async fn a_thousand_calls_deep_is_no_error() {
    check_outputs(&[(
        "const sum = (n) => n === 0 ? 0 : n + sum(n - 1); return sum(1000)",
        json!(500_500),
    )])
    .await;
}

#[tokio::test]
async fn memory_without_an_end_is_memory_exceeded() {
    check_failures(
        OutcomeKind::MemoryExceeded,
        &[
            ("const a = []; for (;;) a.push(new Array(1000).fill(1))", ""),
            ("const a = []; for (;;) a.push({a: 1, b: {}})", ""),
            (
                "let s = 'ab'; const all = []; for (;;) all.push(s += s.slice(0, 1e6))",
                "",
            ),
            ("new Uint8Array(1e9)", ""),
            (
                "const f = () => { for (;;) Promise.resolve().then(f) }; f()",
                "",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_step_that_catches_that_there_is_no_memory_goes_on() {
    check_outputs(&[(
        "let all = []; try { for (;;) all.push(new Array(1000).fill(1)) } catch (error) { all = null; return error.message }",
        json!("out of memory"),
    )])
    .await;
}
