//! What the record of a run costs: opened and closed, each on disk before it is answered.
//!
//! `cargo bench -p lockstep-store`

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program that prints figures, or stops"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use lockstep_secret::Masked;
use lockstep_step::{
    Digest, LogChunk, LogStream, Outcome, Receipt, RunId, WorkflowName, WorkspaceName,
};
use lockstep_store::{NewRun, RunEnd, RunSource, SqliteStore, Store};

fn main() {
    println!("callers   runs/s   p50 open   p50 close");
    for callers in [1, 8, 32, 128] {
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let store = Arc::new(SqliteStore::open(directory.path(), Timestamp::now()).unwrap());
        let each = 8_000 / callers;
        let runtime = Runtime::new().unwrap();
        let start = Instant::now();
        let mut times = runtime.block_on(run_all(&store, callers, each));
        let elapsed = start.elapsed();
        let runs = f64::from(u32::try_from(callers * each).unwrap());
        let [opening, closing] = [0, 1].map(|part| {
            times.sort_unstable_by_key(|time| time[part]);
            times[times.len() / 2][part]
        });
        println!(
            "{callers:>7} {:>8.0} {opening:>10.0?} {closing:>11.0?}",
            runs / elapsed.as_secs_f64()
        );
    }
}

async fn run_all(store: &Arc<SqliteStore>, callers: usize, each: usize) -> Vec<[Duration; 2]> {
    let mut running = JoinSet::new();
    for _ in 0..callers {
        let store = Arc::clone(store);
        running.spawn(async move {
            let mut times = Vec::new();
            for _ in 0..each {
                times.push(run_once(&store).await);
            }
            times
        });
    }
    running.join_all().await.concat()
}

/// How long it takes to open and to close.
async fn run_once(store: &SqliteStore) -> [Duration; 2] {
    let run = new_run();
    let id = run.id;
    let start = Instant::now();
    store.open_run(run).await.unwrap();
    let opened = start.elapsed();
    store.close_run(&id, end()).await.unwrap();
    [opened, start.elapsed().saturating_sub(opened)]
}

fn new_run() -> NewRun {
    NewRun {
        id: RunId::generate(),
        workspace: WorkspaceName::default_name(),
        workflow: WorkflowName::default_name(),
        source: RunSource::File {
            label: "step.wasm".to_owned(),
            digest: Digest::of(b"step"),
        },
        caller: "bench".to_owned(),
        started_at: Timestamp::now(),
        idempotency: None,
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a figure is made with made-up text"
)]
fn end() -> RunEnd {
    RunEnd {
        at: Timestamp::now(),
        outcome: Outcome::Completed(Masked::reread(r#"{"ok":true}"#.to_owned())),
        receipt: Receipt::default(),
        denied: vec![],
        log: vec![LogChunk {
            at: Timestamp::now(),
            stream: LogStream::Stdout,
            text: Masked::reread(b"one line of a log that is not long\n".to_vec()),
        }],
        uses: Vec::new(),
        waits_for_disk: true,
    }
}
