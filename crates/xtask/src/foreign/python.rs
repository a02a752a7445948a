//! Python, with componentize-py in a virtual environment of its own.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

use super::{RESULTS, WIT};
use crate::{
    console, debian,
    process::{command, output, root, run},
};

/// The virtual environment, below the folder of the results.
const ENVIRONMENT: &str = "venv";
/// What is to be installed: versions and digests.
const REQUIREMENTS: &str = "requirements.txt";
/// A copy of it, in the environment that it was installed into.
const INSTALLED: &str = "installed-requirements.txt";

/// The world and the module of each step.
const STEPS: [(&str, &str); 2] = [("step", "app"), ("step-with-http", "request")];

/// Debian's packages of Python.
const PACKAGES: [&str; 2] = ["python3", "python3-venv"];
/// Whether a Python can make an environment, and take componentize-py.
const FITS: &str = "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 9))";

pub(super) fn build(folder: &str, results: &[PathBuf]) -> Result<()> {
    let environment = root().join(RESULTS).join(ENVIRONMENT);
    if !is_installed(folder, &environment)? {
        install(folder, &environment)?;
    }
    for ((world, module), result) in STEPS.iter().zip(results) {
        run(command(environment.join("bin/componentize-py"), folder)
            .args(["--quiet", "--wit-path", WIT, "--world", world])
            .args(["componentize", module, "--output"])
            .arg(result))?;
    }
    Ok(())
}

fn is_installed(folder: &str, environment: &Path) -> Result<bool> {
    let wanted = fs::read(root().join(folder).join(REQUIREMENTS))
        .with_context(|| format!("cannot read {folder}/{REQUIREMENTS}"))?;
    Ok(fs::read(environment.join(INSTALLED)).is_ok_and(|installed| installed == wanted))
}

fn install(folder: &str, environment: &Path) -> Result<()> {
    find_or_install_python()?;
    console::say(&format!("pip install, into {RESULTS}/{ENVIRONMENT}"));
    run(command("python3", folder)
        .args(["-m", "venv", "--clear"])
        .arg(environment))?;
    run(command(environment.join("bin/pip"), folder)
        .args(["install", "--quiet", "--disable-pip-version-check"])
        .args(["--require-hashes", "--requirement", REQUIREMENTS]))?;
    fs::copy(
        root().join(folder).join(REQUIREMENTS),
        environment.join(INSTALLED),
    )
    .with_context(|| format!("cannot write {INSTALLED}"))?;
    Ok(())
}

fn find_or_install_python() -> Result<()> {
    if has_python() {
        return Ok(());
    }
    let packages = PACKAGES.join(" ");
    let needed = format!(
        "Python 3.9 or newer with its module venv is needed: on Debian `apt-get install {packages}`"
    );
    debian::install(&PACKAGES).context(needed.clone())?;
    ensure!(has_python(), "{needed}");
    Ok(())
}

fn has_python() -> bool {
    output(command("python3", "").args(["-c", FITS])).is_ok()
}
