//! A step that runs out of memory where promises take what is thrown.

use lockstep_e2e::{TestHost, Wanted};
use lockstep_step::OutcomeKind;

use super::failure;

/// Ways to run out, none of which ends by itself.
const GROWTHS: [&str; 6] = [
    "for (;;) all.push(new Array(1000).fill(1))",
    "for (;;) all.push({ a: 1, b: {} })",
    "for (;;) all.push(text += text.slice(0, 1e5) + all.length)",
    "for (;;) all.push(() => all)",
    "for (;;) list = { list }",
    "for (;;) all.push(new Promise(() => {}))",
];

/// Places to do so in, as `GROW`.
const PLACES: [&str; 16] = [
    "return Promise.resolve().then(() => { GROW })",
    "return Promise.reject(new Error('first')).catch(() => { GROW })",
    "return Promise.reject(new Error('first')).finally(() => { GROW })",
    "const first = Promise.reject(new Error('first')); await null; GROW",
    "const first = Promise.reject(new Error('first')); const second = first.catch(() => { GROW }); await second",
    "Promise.reject(new Error('first')).catch(() => { GROW }); await new Promise((next) => setTimeout(next, 10))",
    "const first = Promise.reject(new Error('first')); try { GROW } finally { first.catch(() => {}) }",
    "Promise.reject(new Error('first')); const grow = async () => { GROW }; grow(); return 1",
    "const grow = async () => { await null; GROW }; await grow()",
    "const grow = async () => { await null; GROW }; await Promise.all([grow(), grow()])",
    "const grow = async () => { await null; GROW }; grow(); await new Promise(() => {})",
    "setTimeout(() => { GROW }); await new Promise(() => {})",
    "setTimeout(async () => { await null; GROW }); await new Promise(() => {})",
    "queueMicrotask(() => { GROW }); await new Promise(() => {})",
    "await { then() { GROW } }",
    "for await (const one of (async function* () { await null; GROW })()) ;",
];

#[tokio::test]
async fn where_memory_runs_out_in_a_promise_the_run_says_so() {
    let host = TestHost::new().await;
    let mut wrong = Vec::new();
    for place in PLACES {
        for growth in GROWTHS {
            let source = format!(
                "let list; const all = []; let text = 'x'.repeat(1e5); {}",
                place.replace("GROW", growth)
            );
            let wanted = Wanted::script("step.js", &source);
            let wanted = wanted.limits(|limits| limits.memory_bytes = 16 << 20);
            let (kind, message) = failure(&host.run(wanted).await);
            if kind != OutcomeKind::MemoryExceeded {
                wrong.push(format!("{source}\n    {kind:?}: {message}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
