//! What a step can leave waiting in the event loop, and how much of it.

use serde_json::json;

use lockstep_e2e::{TestHost, Wanted};
use lockstep_step::OutcomeKind;

use super::{check_failures, check_outputs, failure, run_in};

#[tokio::test]
async fn as_many_timers_wait_as_may_and_one_more_is_an_error() {
    check_outputs(&[
        (
            "for (let i = 0; i < 100_000; i++) setTimeout(() => {}, 1e6);
            const refused = (start) => { try { return start() } catch (error) { return `${error}` } };
            return [refused(() => setTimeout(() => {}, 0)), refused(() => setInterval(() => {}, 0)) === refused(() => AbortSignal.timeout(1))]",
            json!([
                "RangeError: 100000 timers wait already, and no more may: let some of them end first, or clear them",
                true
            ]),
        ),
        (
            "const all = []; for (let i = 0; i < 100_000; i++) all.push(setTimeout(() => {}, 1e6));
            clearTimeout(all[7]); await new Promise((next) => setTimeout(next, 0));
            return setTimeout(() => {}, 0) - all[0]",
            json!(100_001),
        ),
    ])
    .await;
    check_failures(
        OutcomeKind::StepFailed,
        &[(
            "for (;;) setTimeout(() => {}, 1e6)",
            "RangeError: 100000 timers wait already",
        )],
    )
    .await;
}

#[tokio::test]
async fn what_was_cancelled_or_has_run_takes_no_memory() {
    check_outputs(&[
        (
            "for (let i = 0; i < 200_000; i++) clearTimeout(setTimeout(() => {}, 1e6)); return 'done'",
            json!("done"),
        ),
        (
            "const calls = Array.from({ length: 10 }, () => []);
            for (let i = 0; i < 10_000; i++) {
                const wait = (i * 7919) % 10;
                const id = setTimeout(() => calls[wait].push(i), wait);
                if (i % 7) clearTimeout(id);
            }
            await new Promise((next) => setTimeout(next, 20));
            const inOrder = calls.every((those) => those.every((i, at) => at === 0 || those[at - 1] < i));
            return [inOrder, calls.flat().length, calls.flat().every((i) => i % 7 === 0)]",
            json!([true, 1429, true]),
        ),
        (
            "const { port1, port2 } = new MessageChannel(); let seen = 0;
            const done = new Promise((next) => { port2.onmessage = ({ data }) => { if (data !== seen++) throw data; if (seen === 2e4) next(); else if (seen < 2e4 - 1) port1.postMessage(seen + 1) } });
            port1.postMessage(0); port1.postMessage(1); await done; return seen",
            json!(20_000),
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_hundred_thousand_rejections_are_handled_in_no_time() {
    check_outputs(&[(
        "const all = await Promise.allSettled(Array.from({ length: 1e5 }, (_, i) => Promise.reject(i)));
        return [all.length, all[99_999].reason]",
        json!([100_000, 99_999]),
    )])
    .await;
}

#[tokio::test]
async fn the_first_of_many_rejections_that_nothing_handles_is_told() {
    check_failures(
        OutcomeKind::StepFailed,
        &[(
            "for (let i = 0; i < 1000; i++) { const p = Promise.reject(new Error(`lost ${i}`)); if (i < 500) p.catch(() => {}) } return 1",
            "Error: lost 500",
        )],
    )
    .await;
}

#[tokio::test]
async fn promises_without_an_end_are_out_of_memory_and_nothing_else() {
    let thrown = &["the step is out of memory"][..];
    // There is nobody who could be told of a rejection that cannot be kept.
    let ended = &["the step needs more memory than its limit allows"][..];
    // Where the heap ends decides whether it is the promise that there is no memory for, or its job, of which QuickJS tells
    // nobody.
    let either = &[
        thrown[0],
        "the step needs more memory than its limit allows: it was refused 100000 times, and went on asking",
    ][..];
    let host = TestHost::new().await;
    for (source, messages) in [
        ("for (;;) Promise.resolve().then(() => 1)", either),
        ("for (;;) queueMicrotask(() => {})", thrown),
        ("const all = []; for (;;) all.push(new Promise(() => {}))", thrown),
        (
            "const { port1, port2 } = new MessageChannel(); port2.start(); for (;;) port1.postMessage(1)",
            thrown,
        ),
        ("for (;;) Promise.reject(1)", ended),
        (
            "const again = async () => { await Promise.all([again(), again()]) }; await again()",
            ended,
        ),
        (
            "const again = () => Promise.resolve().then(() => Promise.all([again(), again()])); await again()",
            ended,
        ),
        (
            "addEventListener('unhandledrejection', (event) => event.preventDefault());
            const more = () => { for (let i = 0; i < 1e4; i++) Promise.reject(i); setTimeout(more) };
            more(); await new Promise(() => {})",
            ended,
        ),
    ] {
        let wanted = Wanted::script("step.js", source);
        let wanted = wanted.limits(|limits| limits.memory_bytes = 32 << 20);
        let (kind, told) = failure(&host.run(wanted).await);
        assert_eq!(kind, OutcomeKind::MemoryExceeded, "{source}: {told}");
        assert!(messages.contains(&told.as_str()), "{source}: {told}");
    }
    assert_eq!(run_in(&host, "return 'next'").await.output(), json!("next"));
}
