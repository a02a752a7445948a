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

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use lockstep_sandbox::{SandboxConfig, StepFile};
use lockstep_step::OutcomeKind;

use crate::alone::Alone;
use crate::disk::Disk;
use crate::recorded::Recorded;
use crate::times::Times;

#[path = "../../sandbox/benches/stand/alone.rs"]
mod alone;
#[path = "stand/disk.rs"]
mod disk;
#[path = "stand/recorded.rs"]
mod recorded;
#[path = "../../sandbox/benches/stand/times.rs"]
mod times;

const INPUT: &str = r#"{"keys":["KEY"]}"#;
/// Of a run that uses no credential, and so has no entry in the audit.
const NO_KEY: &str = r#"{"keys":[]}"#;
/// Runs of each kind before the clock starts.
const WARM_UP: usize = 200;
const RUNS: usize = 3_000;
const CALLERS: u32 = 32;
const PLACES: u32 = CALLERS;
const RUNS_TOGETHER: u32 = 32_000;

fn main() {
    let runtime = Runtime::new().unwrap();
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/guests/credentials.wasm");
    let file = StepFile::wasm(fs::read(path).unwrap());
    let alone = Arc::new(Alone::new(SandboxConfig::for_runs(PLACES)));
    let step = runtime.block_on(alone.load(file.clone()));
    let recorded = Recorded::new(directory.path(), PLACES, file);
    let recorded = Arc::new(runtime.block_on(recorded));
    let mut disk = Disk::new(directory.path());
    let run_alone = move |input: &'static str| {
        let (alone, step) = (Arc::clone(&alone), Arc::clone(&step));
        async move {
            let outcome = alone
                .run(&step, input, CancellationToken::new())
                .await
                .outcome
                .unwrap();
            assert_eq!(outcome.kind(), OutcomeKind::Completed);
        }
    };
    let run_recorded = move |input: &'static str| {
        let recorded = Arc::clone(&recorded);
        async move { recorded.run(input).await }
    };

    let [mut bare, mut with_record, mut syncs] = [(); 3].map(|()| Times::default());
    let [mut bare_no_key, mut no_key] = [(); 2].map(|()| Times::default());
    for _ in 0..WARM_UP + RUNS {
        bare.time(|| runtime.block_on(run_alone(INPUT)));
        bare_no_key.time(|| runtime.block_on(run_alone(NO_KEY)));
        with_record.time(|| runtime.block_on(run_recorded(INPUT)));
        no_key.time(|| runtime.block_on(run_recorded(NO_KEY)));
        syncs.time(|| disk.sync());
    }
    println!("one caller                p50        p99");
    let bare = told("sandbox alone", bare, WARM_UP);
    let bare_no_key = told("  no credential", bare_no_key, WARM_UP);
    let with_record = told("runner", with_record, WARM_UP);
    let no_key = told("  no credential", no_key, WARM_UP);
    told("fdatasync of 4 KiB", syncs, WARM_UP);
    println!("the record adds {:.1?} (p50)", with_record - bare);
    let for_audit = (with_record - bare).saturating_sub(no_key - bare_no_key);
    println!("of these, {for_audit:.1?} for the use of a credential (p50)");

    println!("{CALLERS} callers                p50        p99     runs/s");
    let alone = move || run_alone(INPUT);
    runtime.block_on(together("sandbox alone", alone));
    let (with_key, without) = (run_recorded.clone(), run_recorded);
    runtime.block_on(together("runner", move || with_key(INPUT)));
    runtime.block_on(together("  no credential", move || without(NO_KEY)));
}

/// Prints the times, and gives the median.
fn told(name: &str, times: Times, warm_up: usize) -> Duration {
    let (p50, p99) = times.p50_p99(warm_up);
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
    let mut times = Times::default();
    for took in callers.join_all().await.concat() {
        times.push(took);
    }
    let took = start.elapsed().as_secs_f64();
    told(name, times, 0);
    println!("{:>50.0}", f64::from(RUNS_TOGETHER) / took);
}
