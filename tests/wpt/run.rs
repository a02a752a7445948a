//! Each file of tests in a run of its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use lockstep_e2e::{TestHost, Wanted};
use lockstep_sandbox::SandboxConfig;

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
    runtime.block_on(run_all(checkout, files))
}

async fn run_all(checkout: &Checkout, files: Vec<File>) -> Result<Vec<Ended>, String> {
    let host = Arc::new(TestHost::with(SandboxConfig::for_runs(RUNNING.into())).await);
    let places = Arc::new(Semaphore::new(RUNNING.into()));
    let mut runs = JoinSet::new();
    for (at, file) in files.into_iter().enumerate() {
        let place = Arc::clone(&places).acquire_owned().await;
        let input = serde_json::to_string(&checkout.input(&file)?)
            .map_err(|error| format!("{}: {error}", file.path))?;
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
    Ok(ended.into_iter().map(|(_, ended)| ended).collect())
}

async fn run(host: &TestHost, file: File, input: String) -> Ended {
    let wanted = Wanted::script("wpt.js", STEP)
        .input(input)
        .limits(|limits| {
            limits.timeout = TIMEOUT;
            limits.memory_bytes = MEMORY_BYTES;
            limits.input_bytes = INPUT_BYTES;
            limits.output_bytes = OUTPUT_BYTES;
        });
    let ran = host.run(wanted).await;
    host.search();
    let told = match ran.report.outcome.output() {
        Some(output) => serde_json::from_str(output.as_str()).map_err(|error| error.to_string()),
        None => Err(format!("{:?}", ran.report.outcome)),
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
