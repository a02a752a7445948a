//! The host as a service under load: builds it, and runs the benchmark that asks it.

use std::path::PathBuf;

use anyhow::Result;

use crate::console;
use crate::process::{cargo, run};

/// How long each case is asked, in seconds: enough for a p99 of thousands of answers.
const SECONDS: u32 = 9;

#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Load {
    pub(crate) seconds: u32,
    /// The program of that name, to have it beside.
    pub(crate) wasmtime: Option<PathBuf>,
}

impl Default for Load {
    fn default() -> Self {
        Self {
            seconds: SECONDS,
            wasmtime: None,
        }
    }
}

pub(crate) fn measure(load: Load) -> Result<()> {
    let mut build = cargo("");
    build.args([
        "build",
        "--locked",
        "--release",
        "--package",
        "lockstep-cli",
    ]);
    run(&mut build)?;
    let mut bench = cargo("");
    bench.args([
        "bench",
        "--locked",
        "--package",
        "lockstep-upstream",
        "--bench",
        "load",
    ]);
    // A benchmark is started in the folder of its package.
    bench.args(["--", "--lockstep", "../../target/release/lockstep"]);
    bench.args(["--seconds", &load.seconds.to_string()]);
    match load.wasmtime {
        Some(wasmtime) => {
            // Seen from where it was named.
            bench.arg("--wasmtime").arg(std::path::absolute(wasmtime)?);
        }
        None => console::say(
            "without `wasmtime serve` beside: `cargo install wasmtime-cli --version ^48 --locked`, and `--wasmtime PATH`",
        ),
    }
    run(&mut bench)
}
