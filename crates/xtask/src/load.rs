//! The host as a service under load: builds it, and runs the benchmark that asks it.

use anyhow::Result;

use crate::process::{cargo, run};

/// How long each case is asked, in seconds: enough for a p99 of thousands of answers.
pub(crate) const SECONDS: u32 = 9;

pub(crate) fn measure(seconds: u32) -> Result<()> {
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
    bench.args(["--seconds", &seconds.to_string()]);
    run(&mut bench)
}
