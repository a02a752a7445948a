//! `ctx`, the second argument of a step: what the types of the SDK promise is what a step sees.

use std::time::Duration;

use serde_json::{Value, json};

use lockstep_e2e::{Ran, TestHost, Wanted};
use lockstep_sandbox::StepFile;
use lockstep_step::{WorkflowName, WorkspaceName};

use super::check_outputs;

const TELL: &str =
    "export default (input, ctx) => ({ ...ctx, signal: ctx.signal instanceof AbortSignal,
        credential: typeof ctx.credential, requireCredentials: typeof ctx.requireCredentials,
        sign: Object.keys(ctx.sign), verify: Object.keys(ctx.verify) })";

/// What the SDK's own tests run, too, and expect the same of.
const ASSIGNS: &str = include_str!("../../../guest-sdk/js/test/steps/assigns.js");
const ASSIGNS_PLAIN: &str = include_str!("../../../guest-sdk/js/test/steps/assigns-plain.js");

/// A step that waits for its signal, and tells when and why it came.
const WAIT: &str = "export default async (input, { signal, deadline }) => {
    const before = signal.aborted;
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    const { reason } = signal;
    return { before, after: signal.aborted, left: deadline - Date.now(), name: reason.name,
        message: reason.message, dom: reason instanceof DOMException }
}";

/// The context that a step of a default run was given.
#[track_caller]
fn check_context(ran: &Ran, workflow: &str, step: &Value) {
    let mut output = ran.output();
    let deadline = output["deadline"].take().as_f64().unwrap();
    let left = Duration::from_secs_f64(deadline / 1e3)
        .checked_sub(Duration::try_from(ran.report.started_at.as_duration()).unwrap())
        .unwrap();
    assert!((29..=35).contains(&left.as_secs()), "{left:?}");
    let expected = json!({
        "input": {"n": 1},
        "runId": ran.report.run.to_string(),
        "workflow": workflow,
        "step": step,
        "attempt": 1,
        "deadline": null,
        "signal": true,
        "credential": "function",
        "requireCredentials": "function",
        "sign": ["hmac", "jwt", "awsV4", "awsV4Url", "basic"],
        "verify": ["hmac", "github", "slack", "stripe"],
    });
    assert_eq!(output, expected);
}

#[tokio::test]
async fn the_context_tells_of_the_run() {
    let host = TestHost::new().await;
    host.add_workflow("billing").await;
    let wanted = Wanted::script("tell.js", TELL).input("{\"n\":1}");
    let ran = host.run(wanted.workflow("billing")).await;
    check_context(&ran, "billing", &json!(null));
}

#[tokio::test]
async fn the_context_tells_the_name_of_a_registered_step() {
    let host = TestHost::new().await;
    host.runner
        .add_step(
            &host.admin,
            &WorkspaceName::default_name(),
            &WorkflowName::default_name(),
            &"tell".parse().unwrap(),
            StepFile::named("tell.js", TELL.as_bytes().to_vec()),
        )
        .await
        .unwrap();
    let ran = host.run(Wanted::step("tell").input("{\"n\":1}")).await;
    let workflow = WorkflowName::default_name().to_string();
    check_context(&ran, &workflow, &json!("tell"));
}

#[tokio::test]
async fn nothing_of_the_context_can_be_assigned() {
    let host = TestHost::new().await;
    let wanted = Wanted::script("step.js", ASSIGNS).input("{\"n\":1}");
    let mut output = host.run(wanted).await.output();
    let names = output["names"].take();
    let errors = vec!["TypeError"; names.as_array().unwrap().len() + 1];
    assert_eq!(
        output,
        json!({
            "assigned": errors,
            "deleted": "TypeError",
            "same": true,
            "names": null,
            "input": {"n": 2},
        })
    );
}

#[tokio::test]
async fn a_plain_script_that_assigns_to_the_context_goes_on() {
    check_outputs(&[(ASSIGNS_PLAIN, json!({"moved": false, "added": false}))]).await;
}

#[tokio::test]
async fn another_try_tells_its_number() {
    let host = TestHost::new().await;
    let source = "return ctx.attempt";
    let ran = host.run(Wanted::script("step.js", source).attempt(3)).await;
    assert_eq!(ran.output(), json!(3));
}

#[tokio::test]
async fn the_signal_aborts_a_little_before_the_deadline() {
    let host = TestHost::new().await;
    let limited = |source: &str| {
        Wanted::script("step.js", source).limits(|limits| limits.timeout = Duration::from_secs(4))
    };
    let ran = host.run(limited(WAIT)).await;
    let mut output = ran.output();
    // A tenth of the time, as that is less than a second; a machine that is busy leaves less.
    let left = output["left"].take().as_f64().unwrap();
    assert!((0.0..=400.0).contains(&left), "{left} ms");
    assert_eq!(
        output,
        json!({
            "before": false,
            "after": true,
            "left": null,
            "name": "TimeoutError",
            "message": "the time of the run is almost over",
            "dom": true,
        })
    );
}

#[tokio::test]
async fn the_signal_is_one_and_what_a_step_changes_does_not_move_it() {
    check_outputs(&[
        ("return ctx.signal === ctx.signal", json!(true)),
        (
            "ctx.signal.throwIfAborted(); return [ctx.signal.aborted, ctx.signal.reason === undefined]",
            json!([false, true]),
        ),
        (
            "ctx.deadline = 0; const { signal } = ctx; await new Promise((next) => setTimeout(next, 20)); return signal.aborted",
            json!(false),
        ),
        (
            "AbortController.prototype.abort = () => { throw 1 }; AbortController.prototype.__defineGetter__('signal', () => 'mine');
            return ctx.signal instanceof AbortSignal",
            json!(true),
        ),
        (
            "const aborted = AbortSignal.any([ctx.signal, AbortSignal.abort('mine')]); return [aborted.reason, ctx.signal.aborted]",
            json!(["mine", false]),
        ),
    ])
    .await;
}
