//! Lockstep beside its peers: sets them up and runs the benchmark that measures all of them.

use anyhow::Result;

use crate::{
    npm,
    process::{cargo, run},
};

/// The benchmark, which is a folder with npm packages too.
const FOLDER: &str = "crates/cli/benches/peers";

/// How the figures are printed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Peers {
    Table,
    Json,
}

impl Peers {
    pub(crate) fn measure(self) -> Result<()> {
        npm::install(FOLDER)?;
        let mut bench = cargo("");
        bench.args([
            "bench",
            "--locked",
            "--package",
            "lockstep-cli",
            "--bench",
            "peers",
        ]);
        match self {
            Self::Table => {}
            Self::Json => {
                bench.args(["--", "--json"]);
            }
        }
        run(&mut bench)
    }
}
