//! What a fresh run of a step in JavaScript costs, by the size of its source.
//!
//! `cargo bench -p lockstep-sandbox --bench script [-- NAME]`: all of them, or those with NAME in their name.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program that prints figures, or stops"
)]

use std::env;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use lockstep_sandbox::{
    Credentials, Invocation, LoadedStep, LogSink, Reveal, RevealError, Sandbox, SandboxConfig,
    StepCode, StepContext, StepFile,
};
use lockstep_secret::Secret;
use lockstep_step::{CredentialKey, DenialReason, Limits, LogChunk, OutcomeKind, Scope};

const WARM_UP: usize = 500;
const RUNS: usize = 10_000;
const VALUE: &str = "a value of the usual length, 1f93";
const INPUT: &str = r#"{"n":1}"#;

const ONE_LINE: &str = "export default i => ({ n: i.n + 1, s: credential('KEY').length })";

fn main() {
    let wanted = env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let sandbox = Sandbox::new(SandboxConfig::for_runs(4)).unwrap();
    let started = Instant::now();
    runtime.block_on(load(&sandbox, "return 1"));
    println!("the engine, and a first step: {:.1?}", started.elapsed());
    let impure = format!("const now = Date.now(); {}\n{ONE_LINE}", filler(500));
    println!("{RUNS} runs each                 prepared        p50        p99");
    for (name, source) in [
        ("without a credential", "export default i => i".to_owned()),
        ("one line", ONE_LINE.to_owned()),
        ("20 KB, pure", format!("{}\n{ONE_LINE}", filler(20))),
        ("500 KB, pure", format!("{}\n{ONE_LINE}", filler(500))),
        ("500 KB, impure", impure),
    ] {
        if wanted.as_ref().is_some_and(|wanted| !name.contains(wanted)) {
            continue;
        }
        let started = Instant::now();
        let step = runtime.block_on(load(&sandbox, &source));
        let prepared = started.elapsed();
        let mut times = Vec::new();
        let runs = if name.ends_with("impure") {
            RUNS / 10
        } else {
            RUNS
        };
        for _ in 0..WARM_UP + runs {
            let start = Instant::now();
            runtime.block_on(run(&sandbox, &step));
            times.push(start.elapsed());
        }
        times.drain(..WARM_UP);
        times.sort_unstable();
        let (p50, p99): (Duration, _) = (times[times.len() / 2], times[times.len() * 99 / 100]);
        println!("{name:<24} {prepared:>12.1?} {p50:>10.1?} {p99:>10.1?}");
    }
}

/// Functions that are not called, as most of a bundle is not.
fn filler(kilobytes: usize) -> String {
    let mut source = String::new();
    for n in 0.. {
        if source.len() >= kilobytes << 10 {
            break;
        }
        source += &format!(
            "function f{n}(a, b) {{ const list = [a, b, {n}]; return list.map(x => x * {n}).filter(x => x > b).join('-{n}-') }}\n"
        );
    }
    source
}

async fn load(sandbox: &Sandbox, source: &str) -> Arc<LoadedStep> {
    let file = StepFile::named("bench.js", source.as_bytes().to_vec());
    let digest = file.load_digest();
    sandbox
        .load("bench", digest, async { Ok(StepCode::Source(file)) })
        .await
        .unwrap()
}

async fn run(sandbox: &Sandbox, step: &LoadedStep) {
    let place = sandbox.admit().await.unwrap();
    let invocation = Invocation {
        input: INPUT,
        context: StepContext::default(),
        limits: Limits::default(),
        credentials: Box::new(One),
        log: Arc::new(Nowhere),
        cancel: CancellationToken::new(),
    };
    let ended = sandbox.run(place, step, invocation).await;
    assert_eq!(ended.outcome.unwrap().kind(), OutcomeKind::Completed);
}

struct One;

struct Nowhere;

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
