//! Python, with componentize-py in a virtual environment of its own.

use std::path::PathBuf;

use anyhow::Result;

use super::WIT;
use crate::{
    process::{command, run},
    python::Environment,
};

const ENVIRONMENT: Environment = Environment {
    folder: "tests/foreign/python",
    place: "target/foreign/venv",
    oldest: 9,
};

/// The world and the module of each step.
const STEPS: [(&str, &str); 2] = [("step", "app"), ("step-with-http", "request")];

pub(super) fn build(folder: &str, results: &[PathBuf]) -> Result<()> {
    let componentize = ENVIRONMENT.program("componentize-py")?;
    for ((world, module), result) in STEPS.iter().zip(results) {
        run(command(&componentize, folder)
            .args(["--quiet", "--wit-path", WIT, "--world", world])
            .args(["componentize", module, "--output"])
            .arg(result))?;
    }
    Ok(())
}
