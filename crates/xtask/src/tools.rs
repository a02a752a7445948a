//! Programs that others wrote, and that cargo installs below `target`.

use std::process::{Command, Stdio};

use anyhow::Result;

use crate::{
    console,
    process::{cargo, command, output, root, run},
};

/// Where they go when they are not installed.
const FOLDER: &str = "target/tools";

/// A subcommand of cargo, and the version that this repository is tested with. Where one is installed it is used.
pub(crate) struct Tool {
    pub(crate) subcommand: &'static str,
    pub(crate) version: &'static str,
}

/// A program, and the version that is used and no other: what it makes is part of what is tested.
pub(crate) struct Program {
    /// What crates.io calls it.
    pub(crate) package: &'static str,
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    /// Of `cargo install`.
    pub(crate) options: &'static [&'static str],
}

// === impl Tool ===

impl Tool {
    /// `cargo <subcommand>`, in the folder of this repository.
    pub(crate) fn find_or_install(&self) -> Result<Command> {
        let mut command = self.find()?;
        command.arg(self.subcommand);
        Ok(command)
    }

    fn find(&self) -> Result<Command> {
        let Self {
            subcommand,
            version,
        } = self;
        let mut asked = cargo("");
        if output(asked.args([subcommand, "--version"]).stderr(Stdio::null())).is_ok() {
            return Ok(cargo(""));
        }
        let own = root().join(FOLDER).join(format!("bin/cargo-{subcommand}"));
        if !own.is_file() {
            install(&format!("cargo-{subcommand}@{version}"), &[])?;
        }
        Ok(command(own, ""))
    }
}

// === impl Program ===

impl Program {
    /// The program, in a folder of this repository.
    pub(crate) fn find_or_install(&self, folder: &str) -> Result<Command> {
        let own = root().join(FOLDER).join("bin").join(self.name);
        let told = output(command(&own, "").arg("--version"));
        let is_it =
            told.is_ok_and(|told| told.split_whitespace().next_back() == Some(self.version));
        if !is_it {
            install(&format!("{}@{}", self.package, self.version), self.options)?;
        }
        Ok(command(own, folder))
    }
}

fn install(package: &str, options: &[&str]) -> Result<()> {
    console::say(&format!("cargo install {package}, into {FOLDER}"));
    run(cargo("")
        .args(["install", "--locked", package, "--root", FOLDER])
        .args(options))
}
