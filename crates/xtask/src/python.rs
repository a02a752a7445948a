//! Python packages, in a virtual environment of their own.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result, ensure};

use crate::{
    console, debian,
    process::{command, output, root, run},
};

/// What is to be installed: versions and digests.
const REQUIREMENTS: &str = "requirements.txt";
/// A copy of it, in the environment that it was installed into.
const INSTALLED: &str = "installed-requirements.txt";

/// Debian's packages of Python.
const PACKAGES: [&str; 2] = ["python3", "python3-venv"];

/// A virtual environment with the packages of a folder's `requirements.txt`.
pub(crate) struct Environment {
    /// Where the requirements are, in this repository.
    pub(crate) folder: &'static str,
    /// Where the environment goes, likewise.
    pub(crate) place: &'static str,
    /// The oldest minor version of Python 3 that the packages take.
    pub(crate) oldest: u32,
}

impl Environment {
    /// Where a program of the packages is, once they are installed.
    pub(crate) fn program(&self, name: &str) -> Result<PathBuf> {
        let place = root().join(self.place);
        let requirements = root().join(self.folder).join(REQUIREMENTS);
        let wanted = fs::read(&requirements)
            .with_context(|| format!("cannot read {}/{REQUIREMENTS}", self.folder))?;
        let installed = place.join(INSTALLED);
        if !fs::read(&installed).is_ok_and(|found| found == wanted) {
            self.install()?;
            fs::write(&installed, wanted).with_context(|| format!("cannot write {INSTALLED}"))?;
        }
        Ok(place.join("bin").join(name))
    }

    fn install(&self) -> Result<()> {
        let Self { folder, place, .. } = self;
        self.find_or_install_python()?;
        console::say(&format!("pip install, into {place}"));
        let environment = root().join(place);
        run(command("python3", folder)
            .args(["-m", "venv", "--clear"])
            .arg(&environment))?;
        run(command(environment.join("bin/pip"), folder)
            .args(["install", "--quiet", "--disable-pip-version-check"])
            .args(["--require-hashes", "--requirement", REQUIREMENTS]))
    }

    fn find_or_install_python(&self) -> Result<()> {
        if self.has_python() {
            return Ok(());
        }
        let packages = PACKAGES.join(" ");
        let needed = format!(
            "Python 3.{} or newer with its module venv is needed: on Debian `apt-get install {packages}`",
            self.oldest
        );
        debian::install(&PACKAGES).context(needed.clone())?;
        ensure!(self.has_python(), "{needed}");
        Ok(())
    }

    /// Whether there is a Python that can make an environment, and take the packages.
    fn has_python(&self) -> bool {
        let fits = format!(
            "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, {}))",
            self.oldest
        );
        output(command("python3", "").args(["-c", &fits])).is_ok()
    }
}
