//! What a run costs in memory while it waits: 1,000 runs parked in a sleep at once.
//!
//! The steps are `tests/guests/long-sleep.wat` (a plain command) and `target/guests/speaks.wasm` (the Rust SDK), which
//! `cargo xtask guests` builds. What is said is what the process holds more of than before the runs began, from
//! `/proc/self/smaps`; below it, which of its mappings have grown the most.
//!
//! `cargo bench -p lockstep-sandbox --bench parked`
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program that prints figures, or stops"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use lockstep_sandbox::{
    Credentials, Invocation, LoadedStep, LogSink, Reveal, RevealError, Sandbox, SandboxConfig,
    StepCode, StepContext, StepFile, prepare,
};
use lockstep_step::{CredentialKey, DenialReason, Limits, LogChunk, OutcomeKind};

const RUNS: u32 = 1_000;
const RUNS_KIB: f64 = 1_000.0;
/// Far more than 1,000 instances need to come to their sleep.
const SETTLE: Duration = Duration::from_secs(2);
const MAPPINGS: usize = 5;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let runtime = Runtime::new().unwrap();
    for (name, step, input) in [
        ("command", "tests/guests/long-sleep.wat", "null"),
        (
            "component",
            "target/guests/speaks.wasm",
            r#"{"acts": [{"sleep_ms": 3600000}], "end": {"output": ""}}"#,
        ),
    ] {
        let source = fs::read(root.join(step)).unwrap();
        runtime.block_on(park(name, &source, input));
    }
}

async fn park(name: &str, source: &[u8], input: &'static str) {
    let sandbox = Arc::new(Sandbox::new(SandboxConfig::for_runs(RUNS)).unwrap());
    let artifact = prepare(&StepFile::wasm(source.to_vec())).unwrap();
    let component = artifact.bytes;
    let step = sandbox
        .load("bench", artifact.digest, async {
            Ok(StepCode::Artifact(component))
        })
        .await
        .unwrap();
    let cancel = CancellationToken::new();
    let before = mappings();
    let mut runs = JoinSet::new();
    for _ in 0..RUNS {
        runs.spawn(run(
            Arc::clone(&sandbox),
            Arc::clone(&step),
            input,
            cancel.clone(),
        ));
    }
    sleep(SETTLE).await;
    tell(name, &before, &mappings());
    cancel.cancel();
    for kind in runs.join_all().await {
        assert_eq!(kind, OutcomeKind::Cancelled);
    }
}

async fn run(
    sandbox: Arc<Sandbox>,
    step: Arc<LoadedStep>,
    input: &'static str,
    cancel: CancellationToken,
) -> OutcomeKind {
    let place = sandbox.admit().await.unwrap();
    let invocation = Invocation {
        input,
        context: StepContext::default(),
        limits: Limits::default(),
        credentials: Box::new(Nothing),
        log: Arc::new(Nothing),
        cancel,
    };
    let ended = sandbox.run(place, &step, invocation).await;
    ended.outcome.unwrap().kind()
}

struct Nothing;

impl Credentials for Nothing {
    fn reveal(&self, _key: &CredentialKey) -> Result<Reveal, RevealError> {
        Err(RevealError::Denied(DenialReason::NotFound))
    }

    fn check(&self, _key: &CredentialKey) -> Result<(), DenialReason> {
        Err(DenialReason::NotFound)
    }

    fn keys(&self) -> Vec<CredentialKey> {
        Vec::new()
    }
}

impl LogSink for Nothing {
    fn write(&self, _chunk: LogChunk) {}
}

// === What the process holds ===

/// A mapping, in KiB.
#[derive(Clone, Copy, Default)]
struct Held {
    resident: f64,
    proportional: f64,
}

/// By the area of memory: what lies side by side and is nameless, as slots of a pool do, is one.
fn mappings() -> BTreeMap<String, Held> {
    let mut held: BTreeMap<String, Held> = BTreeMap::new();
    let (mut area, mut end) = (String::new(), String::new());
    for line in fs::read_to_string("/proc/self/smaps").unwrap().lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let Some((from, to)) = words[0].split_once('-') {
            let name = words.get(5).copied().unwrap_or("nameless");
            if name != "nameless" || from != end {
                area = format!("{name} at {from}");
            }
            to.clone_into(&mut end);
        }
        let kib = || words[1].parse::<f64>().unwrap();
        let held = held.entry(area.clone()).or_default();
        match words[0] {
            "Rss:" => held.resident += kib(),
            "Pss:" => held.proportional += kib(),
            _ => {}
        }
    }
    held
}

fn tell(name: &str, before: &BTreeMap<String, Held>, after: &BTreeMap<String, Held>) {
    let mut grown: Vec<(f64, &str)> = Vec::new();
    let mut total = Held::default();
    for (area, held) in after {
        let was = before.get(area).copied().unwrap_or_default();
        total.resident += held.resident - was.resident;
        total.proportional += held.proportional - was.proportional;
        grown.push((held.resident - was.resident, area));
    }
    let (resident, proportional) = (total.resident / RUNS_KIB, total.proportional / RUNS_KIB);
    println!("{name}: {resident:.1} KiB resident a run, {proportional:.1} KiB proportional");
    grown.sort_by(|one, other| other.0.total_cmp(&one.0));
    for (kib, area) in grown.into_iter().take(MAPPINGS) {
        println!("  {:>8.1} KiB a run in {area}", kib / RUNS_KIB);
    }
}
