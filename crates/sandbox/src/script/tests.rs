//! Scripts in a real sandbox: that what is prepared once is what each run sees, and nothing more.

use lockstep_step::{Outcome, OutcomeKind, Phase};

use crate::tests::Run;
use crate::{Sandbox, SandboxConfig};

fn sandbox() -> Sandbox {
    Sandbox::new(SandboxConfig::for_runs(2)).unwrap()
}

async fn output(sandbox: &Sandbox, run: Run) -> String {
    let (ended, log) = run.end_in(sandbox).await;
    match ended.outcome.unwrap() {
        Outcome::Completed(output) => output.as_str().to_owned(),
        other => panic!("{other:?}, with the log {log}"),
    }
}

async fn failure(sandbox: &Sandbox, run: Run) -> (OutcomeKind, Phase, String) {
    let (ended, _) = run.end_in(sandbox).await;
    let outcome = ended.outcome.unwrap();
    let failure = outcome.failure().unwrap();
    let message = failure.message.as_str().to_owned();
    (failure.kind, failure.phase, message)
}

#[tokio::test]
async fn a_module_and_a_plain_script_return_their_output() {
    let sandbox = sandbox();
    for source in [
        "export default (input) => ({ n: input.n + 1 })",
        "export default async (input) => { await null; return { n: input.n + 1 } }",
        "return { n: input.n + 1 }",
        "await null; return { n: input.n + 1 }",
    ] {
        let mut run = Run::file("step.js", source);
        run.input = r#"{"n":1}"#.to_owned();
        assert_eq!(output(&sandbox, run).await, r#"{"n":2}"#, "{source}");
    }
}

#[tokio::test]
async fn a_credential_is_given_and_masked_in_output_and_log() {
    let mut run = Run::file(
        "step.js",
        "export default () => { console.log(credential('KEY')); return credential('KEY') }",
    );
    run.held.0.insert("KEY", "canary-value-1");
    let (ended, log) = run.end().await;
    assert_eq!(
        ended.outcome.unwrap().output().unwrap().as_str(),
        r#""***""#
    );
    assert_eq!(log, "***\n");
    assert_eq!(ended.usage.credentials.len(), 1);
}

#[tokio::test]
async fn a_missing_credential_is_the_outcome_unless_it_is_caught() {
    let sandbox = sandbox();
    let run = Run::file("step.js", "export default () => credential('NONE')");
    let (kind, phase, message) = failure(&sandbox, run).await;
    assert_eq!((kind, phase), (OutcomeKind::MissingCredential, Phase::Run));
    assert!(message.contains("NONE"), "{message}");
    let caught = "try { credential('NONE') } catch (error) { return [error.code, error.key] }";
    let output = output(&sandbox, Run::file("step.js", caught)).await;
    assert_eq!(output, r#"["missing_credential","NONE"]"#);
}

#[tokio::test]
async fn runs_share_no_state() {
    let sandbox = sandbox();
    let source = "let n = 0; Array.prototype.seen ??= 0;
        export default () => [++n, ++Array.prototype.seen, (globalThis.left ??= []).push(1)]";
    for _ in 0..3 {
        let run = Run::file("step.js", source);
        assert_eq!(output(&sandbox, run).await, "[1,1,1]");
    }
}

#[tokio::test]
async fn what_is_impure_at_the_top_level_happens_in_each_run() {
    let sandbox = sandbox();
    let source =
        "console.log('top'); const key = credential('KEY'); export default () => key.length";
    for value in ["canary-value-1", "canary-value-22"] {
        let mut run = Run::file("step.js", source);
        run.held.0.insert("KEY", value);
        let (ended, log) = run.end_in(&sandbox).await;
        assert_eq!(
            ended.outcome.unwrap().output().unwrap().as_str(),
            value.len().to_string()
        );
        assert_eq!(log, "top\n");
    }
}

#[tokio::test]
async fn a_top_level_that_throws_or_never_ends_fails_the_run_and_not_the_host() {
    let sandbox = sandbox();
    let run = Run::file(
        "step.js",
        "throw new TypeError('at the top'); export default () => 1",
    );
    let (kind, _, message) = failure(&sandbox, run).await;
    assert_eq!(kind, OutcomeKind::StepFailed);
    assert!(message.contains("TypeError: at the top"), "{message}");

    let mut run = Run::file("step.js", "for (;;); export default () => 1");
    run.limits.timeout = std::time::Duration::from_millis(50);
    let (kind, ..) = failure(&sandbox, run).await;
    assert_eq!(kind, OutcomeKind::Timeout);

    let hungry = "const all = []; for (;;) all.push(new Uint8Array(1e6)); export default () => 1";
    let (kind, ..) = failure(&sandbox, Run::file("step.js", hungry)).await;
    assert_eq!(kind, OutcomeKind::MemoryExceeded);
}
