//! What a step throws, and what people read of it.

use serde_json::json;

use lockstep_step::OutcomeKind;

use super::{check_failures, check_outputs, failure, run};

#[tokio::test]
async fn an_error_is_told_with_its_place_in_the_source() {
    let source = "function inner(value) {\n  return value.missing.too\n}\nreturn inner({})";
    let (kind, message) = failure(&run(source).await);
    assert_eq!(kind, OutcomeKind::StepFailed);
    assert_eq!(
        message,
        "TypeError: cannot read property 'too' of undefined\n    at inner (step.js:2:10)\n    at <anonymous> (step.js:4:8)"
    );
}

#[tokio::test]
async fn causes_are_told_below_it() {
    let source = "export default () => {\n  throw new Error('outer', {cause: new RangeError('inner', {cause: 'text'})})\n}";
    let (_, message) = failure(&run(source).await);
    let lines: Vec<&str> = message
        .lines()
        .filter(|line| !line.starts_with("    at "))
        .collect();
    assert_eq!(
        lines,
        [
            "Error: outer",
            "caused by: RangeError: inner",
            "caused by: text"
        ]
    );
    let (_, message) = failure(&run("throw new AggregateError([new Error('first')], 'all')").await);
    assert!(message.contains("caused by: Error: first"), "{message}");
}

#[tokio::test]
async fn what_is_no_error_is_told_as_it_is() {
    check_failures(
        OutcomeKind::StepFailed,
        &[
            ("throw 'text'", "text"),
            ("throw {code: 1}", "the step threw {\"code\":1}"),
            ("throw undefined", "the step threw undefined"),
            ("throw Symbol('s')", "the step threw Symbol(s)"),
            ("throw 1n", "the step threw 1"),
        ],
    )
    .await;
}

#[tokio::test]
async fn hostile_errors_are_told_all_the_same() {
    let hidden = "the step threw something that cannot be shown";
    check_failures(
        OutcomeKind::StepFailed,
        &[
            ("throw new Proxy({}, {get() { throw 1 }})", hidden),
            ("throw {toJSON() { throw 1 }}", hidden),
            ("throw Object.create(null, {toJSON: {get() { throw 1 }}})", hidden),
            ("const e = new Error('x'); Object.defineProperty(e, 'message', {get() { throw 1 }}); throw e", "Error"),
            ("const e = new Error('x'); Object.defineProperty(e, 'stack', {get() { throw 1 }}); throw e", "Error: x"),
            ("const e = new Error('x'); Object.defineProperty(e, 'name', {get: () => e.stack}); throw e", "Error"),
            ("const e = new Error('x'); e.cause = e; throw e", "Error: x"),
            ("Object.prototype.toJSON = () => 1; throw new Error('x')", "Error: x"),
            ("String.prototype.slice = () => { throw 1 }; Error.prototype.toString = null; throw new Error('x')", "Error: x"),
            ("const g = globalThis, E = Error; for (const key of Reflect.ownKeys(g)) delete g[key]; throw new E('x')", "Error: x"),
            ("throw new Error('\\ud800')", "Error: \u{fffd}"),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_long_message_is_cut() {
    let (_, message) = failure(&run("throw new Error('x'.repeat(1e7))").await);
    assert!(
        (8_000..=8_192).contains(&message.chars().count()),
        "{message}"
    );
    assert!(message.starts_with("Error: xxx"), "{message}");
}

#[tokio::test]
async fn an_error_may_say_that_trying_again_helps() {
    for (source, retryable) in [
        (
            "throw Object.assign(new Error('busy'), {retryable: true})",
            true,
        ),
        ("throw new Error('busy')", false),
    ] {
        let ran = run(source).await;
        assert_eq!(
            ran.report.outcome.failure().unwrap().retryable,
            retryable,
            "{source}"
        );
    }
}

#[tokio::test]
async fn a_stack_begins_with_name_and_message_and_can_be_taken() {
    check_outputs(&[
        (
            "return new TypeError('no').stack",
            json!("TypeError: no\n    at <anonymous> (step.js:1:12)"),
        ),
        (
            "const o = {}; Error.captureStackTrace(o); return o.stack.split('\\n').length",
            json!(2),
        ),
        (
            "const e = new Error('x'); e.stack = 'mine'; return e.stack",
            json!("mine"),
        ),
        (
            "return Error.prototype.hasOwnProperty('stack')",
            json!(true),
        ),
    ])
    .await;
}
