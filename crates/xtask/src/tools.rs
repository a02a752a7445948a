//! Subcommands of cargo that others wrote: where they are installed they are used, else they are installed below
//! `target`.

use std::process::{Command, Stdio};

use anyhow::Result;

use crate::{
    console,
    process::{cargo, command, output, root, run},
};

/// Where they go when they are not installed.
const FOLDER: &str = "target/tools";

/// A subcommand of cargo, and the version that this repository is tested with.
pub(crate) struct Tool {
    pub(crate) subcommand: &'static str,
    pub(crate) version: &'static str,
}

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
            let package = format!("cargo-{subcommand}@{version}");
            console::say(&format!("cargo install {package}, into {FOLDER}"));
            run(cargo("").args(["install", "--locked", &package, "--root", FOLDER]))?;
        }
        Ok(command(own, ""))
    }
}
