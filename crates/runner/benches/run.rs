//! What a trivial run costs: in the sandbox alone, and with its record.
//!
//! The steps are `tests/guests/echo-command.wat` (a plain command) and `target/guests/credentials.wasm` (the Rust SDK: one
//! credential, one masked line of log, JSON in and out), which `cargo xtask guests` builds.
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot go on ends with a message"
)]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use lockstep_runner::{NewCredential, PutRule, RunRequest, Runner, StepSource};
use lockstep_sandbox::{
    Credentials, Invocation, LogSink, Reveal, RevealError, Sandbox, SandboxConfig, StepCode,
    prepare,
};
use lockstep_secret::Secret;
use lockstep_step::{
    Caller, CredentialKey, DenialReason, Limits, LogChunk, OutcomeKind, Role, Scope, StepName,
    WorkflowName, WorkspaceName,
};
use lockstep_store::SqliteStore;
use lockstep_vault::{Kek, Keyring, Vault};

const VALUE: &str = "a value of the usual length, 1f93";

struct One;

impl Credentials for One {
    fn reveal(&self, _key: &CredentialKey) -> Result<Reveal, RevealError> {
        Ok(Reveal {
            secret: Secret::new(VALUE.to_owned()),
            scope: Scope::Workspace,
            version: 1,
        })
    }

    fn check(&self, _key: &CredentialKey) -> Result<(), DenialReason> {
        Ok(())
    }

    fn keys(&self) -> Vec<CredentialKey> {
        Vec::new()
    }
}

struct Nowhere;

impl LogSink for Nowhere {
    fn write(&self, _chunk: LogChunk) {}
}

fn steps() -> [(&'static str, Vec<u8>, &'static str); 2] {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    [
        (
            "command",
            fs::read(root.join("tests/guests/echo-command.wat")).unwrap(),
            "[1]",
        ),
        (
            "sdk",
            fs::read(root.join("target/guests/credentials.wasm")).unwrap(),
            r#"{"keys":["KEY"]}"#,
        ),
    ]
}

fn sandbox_alone(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let sandbox = Sandbox::new(SandboxConfig::for_runs(4)).unwrap();
    for (name, source, input) in steps() {
        let artifact = prepare(&source).unwrap();
        let component = artifact.component;
        let load = sandbox.load("bench", artifact.digest, async {
            Ok(StepCode::Component(component))
        });
        let step = runtime.block_on(load).unwrap();
        criterion.bench_function(&format!("sandbox/{name}"), |bencher| {
            bencher.to_async(&runtime).iter(|| async {
                let place = sandbox.admit().await.unwrap();
                let invocation = Invocation {
                    input,
                    limits: Limits::default(),
                    credentials: Box::new(One),
                    log: Arc::new(Nowhere),
                    cancel: CancellationToken::new(),
                };
                let ended = sandbox.run(place, &step, invocation).await;
                assert_eq!(ended.outcome.unwrap().kind(), OutcomeKind::Completed);
            });
        });
    }
}

fn with_its_record(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path(), Timestamp::now()).unwrap();
    let vault = Vault::new(Keyring::new(Kek::generate().unwrap()));
    let sandbox = Sandbox::new(SandboxConfig::for_runs(4)).unwrap();
    let runner = Runner::new(Arc::new(store), Arc::new(vault), sandbox);
    let admin = Caller {
        name: "bench".to_owned(),
        role: Role::Admin,
    };
    let (workspace, workflow) = (WorkspaceName::default_name(), WorkflowName::default_name());
    let credential = NewCredential {
        key: "KEY".parse().unwrap(),
        value: Secret::new(VALUE.to_owned()),
        note: None,
    };
    let rule = PutRule::CreateOrRotate;
    let put = [credential];
    let put = runner.put_credentials(&admin, &workspace, &Scope::Workspace, &put, rule);
    runtime.block_on(put).unwrap();
    for (name, source, input) in steps() {
        let step: StepName = name.parse().unwrap();
        let add = runner.add_step(&admin, &workspace, &workflow, &step, source);
        runtime.block_on(add).unwrap();
        criterion.bench_function(&format!("runner/{name}"), |bencher| {
            bencher.to_async(&runtime).iter(|| async {
                let request = RunRequest {
                    workspace: workspace.clone(),
                    workflow: workflow.clone(),
                    step: StepSource::Registered(step.clone()),
                    input: input.to_owned(),
                    limits: Limits::default(),
                    listener: None,
                    cancel: CancellationToken::new(),
                };
                let report = runner.run(&admin, request).await.unwrap();
                assert_eq!(report.outcome.kind(), OutcomeKind::Completed);
            });
        });
    }
}

criterion_group!(benches, sandbox_alone, with_its_record);
criterion_main!(benches);
