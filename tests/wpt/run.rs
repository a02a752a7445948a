//! Each file of tests in a run of its own.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use lockstep_e2e::{Wanted, fill_cache, runner_in};
use lockstep_runner::Runner;
use lockstep_sandbox::{LogSink, SandboxConfig};
use lockstep_step::{Caller, LogChunk, Role};

use crate::checkout::{Checkout, File};

const STEP: &str = include_str!("step.js");

/// Runs at a time.
const RUNNING: u16 = 2;

/// The longest files make some hundred RSA keys.
const TIMEOUT: Duration = Duration::from_secs(300);
/// The largest tests of streams and blobs make some 100 MiB.
const MEMORY_BYTES: u64 = 1 << 30;
/// Of tens of thousands of subtests.
const OUTPUT_BYTES: u64 = 64 << 20;
const INPUT_BYTES: u64 = 64 << 20;

/// What a file of tests came to.
pub(crate) struct Ended {
    pub(crate) file: File,
    /// Why the file as a whole failed.
    pub(crate) error: Option<String>,
    pub(crate) subtests: Vec<Subtest>,
}

impl Ended {
    /// For a person who waits.
    fn line(&self) -> String {
        let failed = self.subtests.iter().filter(|it| it.status != "pass");
        let (failed, all) = (failed.count(), self.subtests.len());
        let whole = if self.error.is_some() {
            ", and failed as a whole"
        } else {
            ""
        };
        format!("{}: {failed} of {all} failed{whole}", self.file.name())
    }
}

/// One test of a file.
#[derive(Deserialize)]
pub(crate) struct Subtest {
    pub(crate) name: String,
    /// As the harness calls it: `pass`, `fail`, `timeout`, `not run`, `not there`.
    pub(crate) status: String,
    pub(crate) message: Option<String>,
}

/// Without the canaries of a `TestHost`, as nothing here can leak, and looking for them would take longer than the tests.
struct Host {
    runner: Runner,
    caller: Caller,
}

/// What tests write with `console` is not looked at.
struct Unheard;

impl LogSink for Unheard {
    fn write(&self, _: LogChunk) {}
}

/// The output of the step.
#[derive(Deserialize)]
struct Told {
    error: Option<String>,
    subtests: Vec<Subtest>,
}

/// Runs all, two at a time. In the order of the files.
pub(crate) fn all(checkout: &Checkout, files: Vec<File>) -> Result<Vec<Ended>, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(RUNNING.into())
        .enable_time()
        .build()
        .map_err(|error| format!("cannot start: {error}"))?;
    let directory = tempfile::tempdir().map_err(|error| format!("cannot start: {error}"))?;
    Ok(runtime.block_on(run_all(checkout, files, directory.path())))
}

async fn host(directory: &Path) -> Host {
    let cache = directory.join("data/cache");
    let mut config = SandboxConfig::for_runs(RUNNING.into());
    config.cache_dir = Some(cache.clone());
    let runner = runner_in(directory, config);
    fill_cache(&cache).await;
    let caller = Caller {
        name: "wpt".to_owned(),
        role: Role::Admin,
    };
    Host { runner, caller }
}

async fn run_all(checkout: &Checkout, files: Vec<File>, directory: &Path) -> Vec<Ended> {
    let host = Arc::new(host(directory).await);
    let places = Arc::new(Semaphore::new(RUNNING.into()));
    let mut runs = JoinSet::new();
    for (at, file) in files.into_iter().enumerate() {
        let place = Arc::clone(&places).acquire_owned().await;
        let input = checkout.input(&file).and_then(|input| {
            serde_json::to_string(&input).map_err(|error| format!("{}: {error}", file.path))
        });
        let host = Arc::clone(&host);
        runs.spawn(async move {
            let started = Instant::now();
            let ended = run(&host, file, input).await;
            eprintln!("{}: {:.1} s", ended.line(), started.elapsed().as_secs_f32());
            drop(place);
            (at, ended)
        });
    }
    let mut ended = runs.join_all().await;
    ended.sort_by_key(|(at, _)| *at);
    ended.into_iter().map(|(_, ended)| ended).collect()
}

async fn run(host: &Host, file: File, input: Result<String, String>) -> Ended {
    let told = match input {
        Ok(input) => told(host, input).await,
        Err(error) => Err(error),
    };
    let Told { error, subtests } = told.unwrap_or_else(|error| Told {
        error: Some(error),
        subtests: Vec::new(),
    });
    Ended {
        file,
        error,
        subtests,
    }
}

async fn told(host: &Host, input: String) -> Result<Told, String> {
    let wanted = Wanted::script("wpt.js", STEP)
        .input(input)
        .limits(|limits| {
            limits.timeout = TIMEOUT;
            limits.memory_bytes = MEMORY_BYTES;
            limits.input_bytes = INPUT_BYTES;
            limits.output_bytes = OUTPUT_BYTES;
        });
    let request = wanted.request(Arc::new(Unheard));
    let report = host.runner.run(&host.caller, request).await;
    let report = report.map_err(|error| format!("the host failed: {error}"))?;
    match report.outcome.output() {
        Some(output) => serde_json::from_str(output.as_str()).map_err(|error| error.to_string()),
        None => Err(format!("{:?}", report.outcome)),
    }
}
