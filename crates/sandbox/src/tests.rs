//! Steps in the text format, run in a real sandbox: what each outcome looks like from here.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use lockstep_secret::Secret;
use lockstep_step::{
    CredentialKey, DenialReason, Limits, LogChunk, Outcome, OutcomeKind, Phase, Scope,
};

use crate::{
    Credentials, Ended, Handling, Invocation, LogSink, Reveal, RevealError, Sandbox, SandboxConfig,
    StepCode, StepContext, StepFile, prepare,
};

/// Prints `text` and ends well; 100 is where the text is.
fn printing(text: &str) -> String {
    let length = text.len();
    format!(
        r#"(module
            (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) "\64\00\00\00") (data (i32.const 4) "\{length:02x}\00\00\00") (data (i32.const 100) "{text}")
            (func (export "_start") (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#
    )
}

fn command(body: &str) -> String {
    format!(r#"(module (memory (export "memory") 1) (func (export "_start") {body}))"#)
}

/// Passes the value of the credential `KEY` on as its output; traps if there is none.
const REVEAL: &str = r#"(module
    (import "lockstep:step/credentials@1.0.0" "credential" (func $credential (param i32 i32 i32)))
    (import "lockstep:step/output@1.0.0" "set-output" (func $set (param i32 i32)))
    (memory (export "memory") 8)
    (global $free (mut i32) (i32.const 1024))
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
        (global.get $free) (global.set $free (i32.add (global.get $free) (local.get 3))))
    (data (i32.const 0) "KEY")
    (func (export "_start")
        (call $credential (i32.const 0) (i32.const 3) (i32.const 16))
        (if (i32.load8_u (i32.const 16)) (then unreachable))
        (call $set (i32.load (i32.const 20)) (i32.load (i32.const 24)))))"#;

#[derive(Clone, Default)]
pub(crate) struct Held(pub(crate) BTreeMap<&'static str, &'static str>);

impl Credentials for Held {
    fn reveal(&self, key: &CredentialKey) -> Result<Reveal, RevealError> {
        let value = self
            .0
            .get(key.as_str())
            .ok_or(RevealError::Denied(DenialReason::NotFound))?;
        Ok(Reveal {
            secret: Secret::new((*value).to_owned()),
            scope: Scope::Workspace,
            version: 3,
        })
    }

    fn open_sealed(&self, key: &CredentialKey) -> Result<Reveal, RevealError> {
        self.reveal(key)
    }

    fn check(&self, key: &CredentialKey) -> Result<Handling, DenialReason> {
        self.0
            .contains_key(key.as_str())
            .then_some(Handling::Reveal)
            .ok_or(DenialReason::NotFound)
    }

    fn keys(&self) -> Vec<CredentialKey> {
        self.0.keys().map(|key| key.parse().unwrap()).collect()
    }
}

#[derive(Default)]
struct Lines(Mutex<Vec<u8>>);

impl LogSink for Lines {
    fn write(&self, chunk: LogChunk) {
        self.0.lock().unwrap().extend(chunk.text.into_inner());
    }
}

pub(crate) struct Run {
    file: StepFile,
    pub(crate) input: String,
    pub(crate) limits: Limits,
    pub(crate) held: Held,
    cancel: CancellationToken,
}

impl Run {
    fn of(source: impl Into<String>) -> Self {
        Self::file("step.wat", source)
    }

    pub(crate) fn file(name: &str, source: impl Into<String>) -> Self {
        Self {
            file: StepFile::named(name, source.into().into_bytes()),
            input: "null".to_owned(),
            limits: Limits::default(),
            held: Held::default(),
            cancel: CancellationToken::new(),
        }
    }

    pub(crate) async fn end(self) -> (Ended, String) {
        let sandbox = Sandbox::new(SandboxConfig::for_runs(2)).unwrap();
        self.end_in(&sandbox).await
    }

    pub(crate) async fn end_in(self, sandbox: &Sandbox) -> (Ended, String) {
        let artifact = prepare(&self.file).unwrap();
        let step = sandbox
            .load("test", artifact.digest, async {
                Ok(StepCode::Artifact(artifact.bytes))
            })
            .await
            .unwrap();
        let place = sandbox
            .admit(sandbox.ticket("test").unwrap())
            .await
            .unwrap();
        let lines = Arc::new(Lines::default());
        let invocation = Invocation {
            input: &self.input,
            context: StepContext::default(),
            limits: self.limits,
            share: "test",
            threshold: None,
            trace: None,
            egress: Arc::default(),
            credentials: Arc::new(self.held),
            log: Arc::clone(&lines) as Arc<dyn LogSink>,
            cancel: self.cancel,
        };
        let ended = sandbox.run(place, &step, invocation).await;
        let log = String::from_utf8_lossy(&lines.0.lock().unwrap()).into_owned();
        (ended, log)
    }
}

async fn check_kind(run: Run, kind: OutcomeKind, phase: Phase, started: bool) -> String {
    let (ended, log) = run.end().await;
    let outcome = ended.outcome.unwrap();
    let failure = outcome
        .failure()
        .unwrap_or_else(|| panic!("completed, with the log {log}"));
    assert_eq!(
        (failure.kind, failure.phase, failure.started),
        (kind, phase, started),
        "{}",
        failure.message
    );
    failure.message.as_str().to_owned()
}

#[tokio::test]
async fn a_command_without_output_completes_with_null() {
    let (ended, log) = Run::of(printing("hello")).end().await;
    let outcome = ended.outcome.unwrap();
    assert_eq!(outcome.output().map(|output| output.as_str()), Some("null"));
    assert_eq!(log, "hello");
    assert_eq!(ended.usage.log_bytes, 5);
    assert!(ended.usage.peak_memory_bytes >= 65536);
}

#[tokio::test]
async fn a_credential_is_given_recorded_and_masked_in_the_output() {
    let mut run = Run::of(REVEAL);
    run.held.0.insert("KEY", r#""canary-value-1""#);
    let (ended, _) = run.end().await;
    let Outcome::Completed(output) = ended.outcome.unwrap() else {
        panic!("not completed")
    };
    assert_eq!(output.as_str(), r#""***""#);
    assert_eq!(ended.usage.credentials.len(), 1);
    assert_eq!(ended.usage.credentials[0].version, 3);
}

#[tokio::test]
async fn a_component_has_a_token_signed_by_a_key_that_it_does_not_hold() {
    let source = include_str!("../../../tests/guests/signs.wat");
    let mut run = Run::of(source);
    run.held.0.insert("KEY", "canary-value-1");
    let (ended, _) = run.end().await;
    let Outcome::Completed(output) = ended.outcome.unwrap() else {
        panic!("not completed")
    };
    // The masker knows tokens by their shape.
    assert_eq!(output.as_str(), r#""***""#);
    assert_eq!(ended.usage.output_bytes, 2 + 84);
    assert_eq!(ended.usage.credentials.len(), 1);
    let (ended, _) = Run::of(source).end().await;
    assert_eq!(ended.outcome.unwrap().kind(), OutcomeKind::StepFailed);
    assert_eq!(ended.usage.denied[0].reason, DenialReason::NotFound);
}

#[tokio::test]
async fn a_credential_that_is_not_there_is_recorded_with_its_reason() {
    let (ended, _) = Run::of(REVEAL).end().await;
    assert_eq!(ended.outcome.unwrap().kind(), OutcomeKind::Trap);
    assert!(ended.usage.credentials.is_empty());
    assert_eq!(ended.usage.denied[0].reason, DenialReason::NotFound);
}

#[tokio::test]
async fn a_trap_names_itself() {
    let message = check_kind(
        Run::of(command("unreachable")),
        OutcomeKind::Trap,
        Phase::Run,
        true,
    )
    .await;
    assert!(message.contains("unreachable"), "{message}");
}

#[tokio::test]
async fn an_endless_loop_ends_at_the_timeout() {
    let mut run = Run::of(command("(loop (br 0))"));
    run.limits.timeout = Duration::from_millis(50);
    let message = check_kind(run, OutcomeKind::Timeout, Phase::Run, true).await;
    assert!(message.contains("0.05 s"), "{message}");
}

#[tokio::test]
async fn deep_recursion_is_a_trap() {
    let source = r#"(module (memory (export "memory") 1) (func $f (call $f)) (func (export "_start") (call $f)))"#;
    let message = check_kind(Run::of(source), OutcomeKind::Trap, Phase::Run, true).await;
    assert!(message.contains("stack"), "{message}");
}

#[tokio::test]
async fn a_trap_after_a_refused_growth_is_memory_exceeded() {
    let body = "(if (i32.eq (memory.grow (i32.const 10000)) (i32.const -1)) (then unreachable))";
    check_kind(
        Run::of(command(body)),
        OutcomeKind::MemoryExceeded,
        Phase::Run,
        true,
    )
    .await;
    let (ended, _) = Run::of(command("(drop (memory.grow (i32.const 10000)))"))
        .end()
        .await;
    assert_eq!(ended.outcome.unwrap().kind(), OutcomeKind::Completed);
}

#[tokio::test]
async fn a_memory_over_the_limit_from_the_start_never_starts() {
    let source = r#"(module (memory (export "memory") 3000) (func (export "_start")))"#;
    check_kind(
        Run::of(source),
        OutcomeKind::MemoryExceeded,
        Phase::Start,
        false,
    )
    .await;
}

#[tokio::test]
async fn a_cancelled_run_says_so() {
    let run = Run::of(command("(loop (br 0))"));
    let cancel = run.cancel.clone();
    let (message, ()) = tokio::join!(
        check_kind(run, OutcomeKind::Cancelled, Phase::Run, true),
        async {
            cancel.cancel();
        }
    );
    assert!(message.contains("cancelled"), "{message}");
}

#[tokio::test]
async fn input_is_json_and_within_its_limit() {
    let mut run = Run::of(command(""));
    run.input = "{".to_owned();
    check_kind(run, OutcomeKind::InvalidInput, Phase::Admit, false).await;
    let mut run = Run::of(command(""));
    run.input = "[1, 2]".to_owned();
    run.limits.input_bytes = 5;
    check_kind(run, OutcomeKind::InvalidInput, Phase::Admit, false).await;
    let mut run = Run::of(command(""));
    run.input = "[1, 2]".to_owned();
    run.limits.input_bytes = 6;
    assert_eq!(
        run.end().await.0.outcome.unwrap().kind(),
        OutcomeKind::Completed
    );
}

#[tokio::test]
async fn output_is_within_its_limit() {
    let run = |limit| {
        let mut run = Run::of(REVEAL);
        run.held.0.insert("KEY", "123456");
        run.limits.output_bytes = limit;
        run
    };
    check_kind(run(5), OutcomeKind::OutputTooLarge, Phase::Output, true).await;
    assert_eq!(
        run(6).end().await.0.outcome.unwrap().kind(),
        OutcomeKind::Completed
    );
}

#[tokio::test]
async fn output_that_is_not_json_is_a_failed_step() {
    let mut run = Run::of(REVEAL);
    run.held.0.insert("KEY", "not json at all");
    let message = check_kind(run, OutcomeKind::StepFailed, Phase::Output, true).await;
    assert!(message.contains("not JSON"), "{message}");
}

#[tokio::test]
async fn the_log_is_cut_once_at_its_limit_and_the_run_goes_on() {
    let mut run = Run::of(printing("hello"));
    run.limits.log_bytes = 3;
    let (ended, log) = run.end().await;
    assert_eq!(ended.outcome.unwrap().kind(), OutcomeKind::Completed);
    assert_eq!(
        log,
        "hel\n[lockstep: the log is cut here, at its limit of 3 bytes]\n"
    );
    assert_eq!(ended.usage.log_bytes, 5);
}

#[tokio::test]
async fn a_step_is_compiled_once_and_read_from_the_cache_afterwards() {
    let dir = tempfile::tempdir().unwrap();
    let compilations = Arc::new(Mutex::new(0));
    let sandbox = || {
        let compilations = Arc::clone(&compilations);
        let mut config = SandboxConfig::for_runs(2);
        config.cache_dir = Some(dir.path().to_owned());
        config.on_compile = Some(Arc::new(move |event| {
            if let crate::CompileEvent::Began { .. } = event {
                *compilations.lock().unwrap() += 1;
            }
        }));
        Sandbox::new(config).unwrap()
    };
    let first = sandbox();
    let (a, b) = tokio::join!(
        Run::of(printing("x")).end_in(&first),
        Run::of(printing("x")).end_in(&first)
    );
    assert_eq!((a.1.as_str(), b.1.as_str()), ("x", "x"));
    assert_eq!(*compilations.lock().unwrap(), 1);
    Run::of(printing("x")).end_in(&sandbox()).await;
    assert_eq!(*compilations.lock().unwrap(), 1);
    Run::of(printing("y")).end_in(&sandbox()).await;
    assert_eq!(*compilations.lock().unwrap(), 2);
}
