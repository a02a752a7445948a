//! Promises: awaited, rejected, and never settled.

use serde_json::json;

use lockstep_step::OutcomeKind;

use super::{check_failures, check_outputs};

#[tokio::test]
async fn a_promise_is_awaited() {
    check_outputs(&[
        (
            "return await Promise.all([1, Promise.resolve(2)])",
            json!([1, 2]),
        ),
        (
            "return new Promise((resolve) => queueMicrotask(() => resolve(3)))",
            json!(3),
        ),
        (
            "export default async () => { for await (const n of [4]) return n }",
            json!(4),
        ),
        ("await null; export default () => 5", json!(5)),
    ])
    .await;
}

#[tokio::test]
async fn a_promise_that_nothing_can_settle_is_an_error_at_once() {
    let beginning = "Error: the step waits for a promise that nothing can settle";
    check_failures(
        OutcomeKind::StepFailed,
        &[
            ("await new Promise(() => {})", beginning),
            ("export default () => new Promise(() => {})", beginning),
            (
                "await new Promise(() => {}); export default () => 1",
                beginning,
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_rejection_that_nothing_handles_fails_the_run() {
    check_failures(
        OutcomeKind::StepFailed,
        &[
            ("Promise.reject(new Error('lost')); return 1", "Error: lost"),
            (
                "(async () => { await null; throw new Error('lost') })(); return 1",
                "Error: lost",
            ),
            (
                "Promise.reject(new Error('lost')); export default () => 1",
                "Error: lost",
            ),
            (
                "queueMicrotask(() => { throw new Error('lost') }); return 1",
                "Error: lost",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_rejection_that_is_handled_in_the_same_turn_does_not() {
    check_outputs(&[
        (
            "const p = Promise.reject(1); await null; p.catch(() => {}); return 1",
            json!(1),
        ),
        (
            "return await Promise.reject(1).catch((n) => n + 1)",
            json!(2),
        ),
        (
            "return Promise.allSettled([Promise.reject(1)]).then((all) => all[0].status)",
            json!("rejected"),
        ),
    ])
    .await;
}
