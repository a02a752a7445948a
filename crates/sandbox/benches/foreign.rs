//! What a step costs that other people's tools built, beside the same step of the Rust SDK and of the engine for
//! JavaScript: its size, the time to make code of it, and a fresh run.
//!
//! The steps are those of `tests/foreign`, which `cargo xtask test foreign` builds, and `order` of `tests/guests/rust`, which
//! `cargo xtask guests` builds. A run gets a credential, writes a line of log, and takes and gives JSON.
//!
//! `cargo bench -p lockstep-sandbox --bench foreign [-- NAME]`: all of them, or those with NAME in their name.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program that prints figures, or stops"
)]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{env, fs};

use rustix::time::{ClockId, clock_gettime};
use tokio_util::sync::CancellationToken;

use lockstep_sandbox::{SandboxConfig, StepFile};
use lockstep_step::OutcomeKind;

use crate::alone::Alone;

#[path = "stand/alone.rs"]
mod alone;

const WARM_UP: usize = 50;
const RUNS: usize = 1_000;

/// The same step for the engine of ours.
const SCRIPT: &str = r"export default ({ order, items }, { credential }) => {
  const token = credential('SHOP_TOKEN');
  console.log(`order ${order} goes to the shop with ${token}`);
  if (items.length === 0) throw new Error(`order ${order} with ${token} is empty`);
  const cents = items.reduce((sum, item) => sum + item.cents * item.quantity, 0);
  return { order, cents, names: items.map((item) => item.name), tokenLength: token.length };
};";

fn main() {
    let wanted = env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let sandbox = Alone::new(SandboxConfig::for_runs(4));
    let input = fs::read_to_string(file("tests/foreign/input.json")).unwrap();
    // The engine for JavaScript is compiled with the first script, once for all.
    let first = StepFile::named("first.js", b"return 1".to_vec());
    runtime.block_on(sandbox.load(first));
    println!(
        "{RUNS} runs each            size   loaded, CPU time    run, p50   CPU time      memory"
    );
    for (name, step) in steps() {
        if wanted.as_ref().is_some_and(|wanted| !name.contains(wanted)) {
            continue;
        }
        let kilobytes = step.bytes.len().div_ceil(1000);
        let (began, cpu_began) = (Instant::now(), process_cpu());
        let step = runtime.block_on(sandbox.load(step));
        let (loaded, loaded_cpu) = (began.elapsed(), process_cpu() - cpu_began);
        let (mut times, mut cpu_times, mut peak_bytes) = (Vec::new(), Vec::new(), 0);
        for _ in 0..WARM_UP + RUNS {
            let began = Instant::now();
            let ended = runtime.block_on(sandbox.run(&step, &input, CancellationToken::new()));
            times.push(began.elapsed());
            cpu_times.push(ended.usage.cpu);
            peak_bytes = ended.usage.peak_memory_bytes;
            assert_eq!(ended.outcome.unwrap().kind(), OutcomeKind::Completed);
        }
        let (run, run_cpu) = (median(times), median(cpu_times));
        let memory = peak_bytes.div_ceil(1000);
        println!(
            "{name:<18} {kilobytes:>10} KB {loaded:>8.1?} {loaded_cpu:>8.1?} {run:>11.1?} {run_cpu:>10.1?} {memory:>8} KB"
        );
    }
}

fn steps() -> [(&'static str, StepFile); 6] {
    [
        ("Rust SDK", built("target/guests/order.wasm")),
        (
            "JavaScript source",
            StepFile::named("order.js", SCRIPT.as_bytes().to_vec()),
        ),
        ("C, wit-bindgen", built("target/foreign/c.wasm")),
        ("componentize-qjs", built("target/foreign/qjs.wasm")),
        ("jco", built("target/foreign/jco.wasm")),
        ("componentize-py", built("target/foreign/python.wasm")),
    ]
}

/// Without those of the warm-up.
fn median(mut times: Vec<Duration>) -> Duration {
    times.drain(..WARM_UP);
    times.sort_unstable();
    times[times.len() / 2]
}

/// Where other programs run, too, this says more than the clock on the wall.
fn process_cpu() -> Duration {
    clock_gettime(ClockId::ProcessCPUTime).try_into().unwrap()
}

fn built(path: &str) -> StepFile {
    StepFile::wasm(fs::read(file(path)).unwrap())
}

/// A file of this repository.
fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
}
