//! What a run costs in memory while it waits: 1,000 runs parked in a sleep at once.
//!
//! The steps are `tests/guests/long-sleep.wat` (a plain command), `target/guests/speaks.wasm` (the Rust SDK), which
//! `cargo xtask guests` builds, and a script. What is said is what the process holds more of than before the runs began;
//! below it, which of its mappings have grown the most.
//!
//! `cargo bench -p lockstep-sandbox --bench parked`
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program that prints figures, or stops"
)]

use std::fs;
use std::path::Path;

use tokio::runtime::Runtime;

use lockstep_sandbox::StepFile;

use crate::mappings::Growth;
use crate::parking::{RUNS, park};

#[path = "stand/alone.rs"]
mod alone;
#[path = "stand/mappings.rs"]
mod mappings;
#[path = "stand/parking.rs"]
mod parking;

const MAPPINGS: usize = 5;
const SCRIPT: &str = "await new Promise(done => setTimeout(done, 3600000))";

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let wasm = |path| StepFile::wasm(fs::read(root.join(path)).unwrap());
    let script = StepFile::named("parked.js", SCRIPT.into());
    let runtime = Runtime::new().unwrap();
    for (name, file, input) in [
        ("command", wasm("tests/guests/long-sleep.wat"), "null"),
        (
            "component",
            wasm("target/guests/speaks.wasm"),
            r#"{"acts": [{"sleep_ms": 3600000}], "end": {"output": ""}}"#,
        ),
        ("script", script, "null"),
    ] {
        tell(name, runtime.block_on(park(file, input)));
    }
}

fn tell(name: &str, growth: Growth) {
    let a_run = |kib: f64| kib / f64::from(RUNS);
    let (resident, proportional) = (growth.total.resident, growth.total.proportional);
    println!(
        "{name}: {:.1} KiB resident a run, {:.1} KiB proportional",
        a_run(resident),
        a_run(proportional)
    );
    for (kib, area) in growth.areas.into_iter().take(MAPPINGS) {
        println!("  {:>8.1} KiB a run in {area}", a_run(kib));
    }
}
