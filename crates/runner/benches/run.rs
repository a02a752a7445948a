//! What a run costs with its record, beside the sandbox alone and one bare sync of the disk.
//!
//! The step is `target/guests/credentials.wasm` (the Rust SDK: one credential, one masked line of log, JSON in and out),
//! which `cargo xtask guests` builds. The data directory is in `target/tmp`, so that it is on a disk.
//!
//! `cargo bench -p lockstep-runner`
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program that prints figures, or stops"
)]

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use lockstep_runner::{NewCredential, PutRule, RunRequest, Runner, StepSource};
use lockstep_sandbox::{
    Credentials, Invocation, LoadedStep, LogSink, Reveal, RevealError, Sandbox, SandboxConfig,
    StepCode, StepContext, StepFile, prepare,
};
use lockstep_secret::Secret;
use lockstep_step::{
    Caller, CredentialKey, DenialReason, Limits, LogChunk, OutcomeKind, Role, Scope, StepName,
    WorkflowName, WorkspaceName,
};
use lockstep_store::SqliteStore;
use lockstep_vault::{Kek, Keyring, Vault};

const VALUE: &str = "a value of the usual length, 1f93";
const INPUT: &str = r#"{"keys":["KEY"]}"#;
const STEP: &str = "step";
/// Runs of each kind before the clock starts.
const WARM_UP: usize = 200;
const RUNS: usize = 3_000;
const CALLERS: usize = 32;
const RUNS_TOGETHER: usize = 32_000;

fn main() {
    let runtime = Runtime::new().unwrap();
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/guests/credentials.wasm");
    let source = fs::read(path).unwrap();
    let alone = Arc::new(runtime.block_on(Alone::new(&source)));
    let recorded = Arc::new(runtime.block_on(Recorded::new(directory.path(), source)));
    let disk = Disk::new(directory.path());

    let (mut bare, mut with_record, mut syncs) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..WARM_UP + RUNS {
        bare.push(timed(|| runtime.block_on(alone.run())));
        with_record.push(timed(|| runtime.block_on(recorded.run())));
        syncs.push(timed(|| disk.sync(number)));
    }
    for times in [&mut bare, &mut with_record, &mut syncs] {
        times.drain(..WARM_UP);
    }
    println!("one caller                p50        p99");
    let bare = told("sandbox alone", &mut bare);
    let with_record = told("runner", &mut with_record);
    told("fdatasync of 4 KiB", &mut syncs);
    println!("the record adds {:.1?} (p50)", with_record - bare);

    println!("{CALLERS} callers                p50        p99     runs/s");
    let run = move || {
        let alone = Arc::clone(&alone);
        async move { alone.run().await }
    };
    runtime.block_on(together("sandbox alone", run));
    let run = move || {
        let recorded = Arc::clone(&recorded);
        async move { recorded.run().await }
    };
    runtime.block_on(together("runner", run));
}

fn timed(run: impl FnOnce()) -> Duration {
    let start = Instant::now();
    run();
    start.elapsed()
}

/// Prints the times, and gives the median.
fn told(name: &str, times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    let (p50, p99) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    println!("{name:<18} {p50:>10.1?} {p99:>10.1?}");
    p50
}

async fn together<F>(name: &str, run: impl Fn() -> F + Clone + Send + 'static)
where
    F: Future<Output = ()> + Send + 'static,
{
    let start = Instant::now();
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let run = run.clone();
        callers.spawn(async move {
            let mut times = Vec::new();
            for _ in 0..RUNS_TOGETHER / CALLERS {
                let start = Instant::now();
                run().await;
                times.push(start.elapsed());
            }
            times
        });
    }
    let mut times = callers.join_all().await.concat();
    let took = start.elapsed().as_secs_f64();
    let rate = f64::from(u32::try_from(times.len()).unwrap()) / took;
    told(name, &mut times);
    println!("{rate:>50.0}");
}

// === The disk ===

/// A file of 4 MiB that is there, as the write-ahead log is once it has been used.
struct Disk(File);

impl Disk {
    const PAGE_BYTES: usize = 4096;
    const PAGES: usize = 1024;

    fn new(directory: &Path) -> Self {
        let path = directory.join("syncs");
        fs::write(&path, vec![1; Self::PAGES * Self::PAGE_BYTES]).unwrap();
        let file = File::options().write(true).open(path).unwrap();
        file.sync_all().unwrap();
        Self(file)
    }

    fn sync(&self, number: usize) {
        let at = number % Self::PAGES * Self::PAGE_BYTES;
        self.0
            .write_all_at(&[2; Self::PAGE_BYTES], u64::try_from(at).unwrap())
            .unwrap();
        self.0.sync_data().unwrap();
    }
}

// === The sandbox alone ===

struct Alone {
    sandbox: Sandbox,
    step: Arc<LoadedStep>,
}

struct One;

struct Nowhere;

impl Alone {
    async fn new(source: &[u8]) -> Self {
        let sandbox = sandbox();
        let artifact = prepare(&StepFile::wasm(source.to_vec())).unwrap();
        let component = artifact.bytes;
        let step = sandbox
            .load("bench", artifact.digest, async {
                Ok(StepCode::Artifact(component))
            })
            .await
            .unwrap();
        Self { sandbox, step }
    }

    async fn run(&self) {
        let place = self.sandbox.admit().await.unwrap();
        let invocation = Invocation {
            input: INPUT,
            context: StepContext::default(),
            limits: Limits::default(),
            credentials: Box::new(One),
            log: Arc::new(Nowhere),
            cancel: CancellationToken::new(),
        };
        let ended = self.sandbox.run(place, &self.step, invocation).await;
        assert_eq!(ended.outcome.unwrap().kind(), OutcomeKind::Completed);
    }
}

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

impl LogSink for Nowhere {
    fn write(&self, _chunk: LogChunk) {}
}

fn sandbox() -> Sandbox {
    Sandbox::new(SandboxConfig::for_runs(u32::try_from(CALLERS).unwrap())).unwrap()
}

// === With its record ===

struct Recorded {
    runner: Runner,
    caller: Caller,
}

impl Recorded {
    async fn new(directory: &Path, source: Vec<u8>) -> Self {
        let store = SqliteStore::open(directory, Timestamp::now()).unwrap();
        let vault = Vault::new(Keyring::new(Kek::generate().unwrap()));
        let runner = Runner::new(Arc::new(store), Arc::new(vault), sandbox());
        let caller = Caller {
            name: "bench".to_owned(),
            role: Role::Admin,
        };
        let (workspace, workflow) = place();
        let put = [NewCredential {
            key: "KEY".parse().unwrap(),
            value: Secret::new(VALUE.to_owned()),
            note: None,
        }];
        let rule = PutRule::CreateOrRotate;
        runner
            .put_credentials(&caller, &workspace, &Scope::Workspace, &put, rule)
            .await
            .unwrap();
        runner
            .add_step(
                &caller,
                &workspace,
                &workflow,
                &step(),
                StepFile::wasm(source.to_vec()),
            )
            .await
            .unwrap();
        Self { runner, caller }
    }

    async fn run(&self) {
        let (workspace, workflow) = place();
        let request = RunRequest {
            workspace,
            workflow,
            step: StepSource::Registered(step()),
            input: INPUT.to_owned(),
            attempt: 1,
            limits: Limits::default(),
            listener: None,
            cancel: CancellationToken::new(),
        };
        let report = self.runner.run(&self.caller, request).await.unwrap();
        assert_eq!(report.outcome.kind(), OutcomeKind::Completed);
    }
}

fn place() -> (WorkspaceName, WorkflowName) {
    (WorkspaceName::default_name(), WorkflowName::default_name())
}

fn step() -> StepName {
    STEP.parse().unwrap()
}
