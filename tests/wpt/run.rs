//! Each file of tests in a run of its own.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use lockstep_e2e::{Names, Wanted, fill_cache, runner_in};
use lockstep_runner::Runner;
use lockstep_sandbox::{EgressConfig, LogSink, SandboxConfig};
use lockstep_step::{Caller, LogChunk, Role};

use crate::checkout::{Checkout, File};

const STEP: &str = include_str!("step.js");

/// The names of the server of WPT. They are at 127.0.0.1.
const SERVERS: &str = "*.test";
/// A file of tests may ask that often.
const REQUESTS: u32 = 10_000;

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
    /// The last is the file itself.
    pub(crate) subtests: Vec<Subtest>,
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
pub(crate) struct Told {
    /// Why the file as a whole failed.
    pub(crate) error: Option<String>,
    pub(crate) subtests: Vec<Subtest>,
}

// === impl Ended ===

impl Ended {
    pub(crate) fn new(file: File, told: Result<Told, String>) -> Self {
        let (error, mut subtests) = match told {
            Ok(Told { error, subtests }) => (error, subtests),
            Err(error) => (Some(error), Vec::new()),
        };
        let none = subtests.is_empty().then(|| "it has no subtests".to_owned());
        subtests.push(Subtest::whole(error.or(none)));
        Self { file, subtests }
    }

    /// Whether the file failed as a whole: of its subtests some may be missing.
    pub(crate) fn is_broken(&self) -> bool {
        self.subtests
            .iter()
            .any(|it| it.is_whole() && !it.has_passed())
    }

    /// For a person who waits.
    fn line(&self) -> String {
        let those = || self.subtests.iter().filter(|it| !it.is_whole());
        let failed = those().filter(|it| !it.has_passed()).count();
        let all = those().count();
        let whole = match self.is_broken() {
            true => ", and failed as a whole",
            false => "",
        };
        format!("{}: {failed} of {all} failed{whole}", self.file.name())
    }
}

// === impl Subtest ===

/// The name of a file among its subtests.
const WHOLE: &str = "(the whole file)";

impl Subtest {
    /// A file as a whole, which passes unless there is an error.
    fn whole(error: Option<String>) -> Self {
        let status = if error.is_some() { "fail" } else { "pass" };
        Self {
            name: WHOLE.to_owned(),
            status: status.to_owned(),
            message: error,
        }
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.name == WHOLE
    }

    pub(crate) fn has_passed(&self) -> bool {
        self.status == "pass"
    }
}

/// Runs all, two at a time. In the order of the files.
pub(crate) fn all(checkout: &Checkout, files: Vec<File>) -> Result<Vec<Ended>, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(RUNNING.into())
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start: {error}"))?;
    let directory = tempfile::tempdir().map_err(|error| format!("cannot start: {error}"))?;
    Ok(runtime.block_on(run_all(checkout, files, directory.path())))
}

async fn host(directory: &Path) -> Host {
    let cache = directory.join("data/cache");
    let mut config = SandboxConfig::for_runs(RUNNING.into());
    config.cache_dir = Some(cache.clone());
    config.egress = EgressConfig {
        hosts: SERVERS.parse().into_iter().collect(),
        resolver: Arc::new(Names::default()),
        ..EgressConfig::default()
    };
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
            let told = match input {
                Ok(input) => told(&host, input).await,
                Err(error) => Err(error),
            };
            let ended = Ended::new(file, told);
            eprintln!("{}: {:.1} s", ended.line(), started.elapsed().as_secs_f32());
            drop(place);
            (at, ended)
        });
    }
    let mut ended = runs.join_all().await;
    ended.sort_by_key(|(at, _)| *at);
    ended.into_iter().map(|(_, ended)| ended).collect()
}

async fn told(host: &Host, input: String) -> Result<Told, String> {
    let wanted = Wanted::script("wpt.js", STEP)
        .input(input)
        .limits(|limits| {
            limits.timeout = TIMEOUT;
            limits.requests = REQUESTS;
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
