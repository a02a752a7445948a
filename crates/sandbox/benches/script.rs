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
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use lockstep_sandbox::{LoadedStep, SandboxConfig, StepFile};
use lockstep_step::OutcomeKind;

use crate::alone::Alone;
use crate::times::Times;

#[path = "stand/alone.rs"]
mod alone;
#[path = "stand/times.rs"]
mod times;

const WARM_UP: usize = 500;
const RUNS: usize = 10_000;
const INPUT: &str = r#"{"n":1}"#;

const ONE_LINE: &str = "export default i => ({ n: i.n + 1, s: credential('KEY').length })";

fn main() {
    let wanted = env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let sandbox = Alone::new(SandboxConfig::for_runs(4));
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
        let mut times = Times::default();
        let runs = if name.ends_with("impure") {
            RUNS / 10
        } else {
            RUNS
        };
        for _ in 0..WARM_UP + runs {
            times.time(|| runtime.block_on(run(&sandbox, &step)));
        }
        let (p50, p99) = times.p50_p99(WARM_UP);
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

async fn load(sandbox: &Alone, source: &str) -> Arc<LoadedStep> {
    let file = StepFile::named("bench.js", source.as_bytes().to_vec());
    sandbox.load(file).await
}

async fn run(sandbox: &Alone, step: &LoadedStep) {
    let outcome = sandbox
        .run(step, INPUT, CancellationToken::new())
        .await
        .outcome
        .unwrap();
    assert_eq!(outcome.kind(), OutcomeKind::Completed);
}
