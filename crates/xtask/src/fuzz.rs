//! `cargo xtask fuzz`: the targets of `tests/fuzz`, with cargo-fuzz and a nightly toolchain.
//!
//! Without sanitizers: nothing of ours that is fuzzed is unsafe, and they would double the time of the build. The
//! targets find panics, overflows, failed assertions, and what takes too much time or memory.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context, Result};

use crate::{
    console,
    process::{cargo, command, output, root, run},
    tools::Tool,
};

/// What to fuzz, and for how long.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Plan {
    pub(crate) targets: Vec<Target>,
    /// For each target.
    pub(crate) seconds: u32,
    pub(crate) found: Found,
}

/// What becomes of inputs that reach what no kept one reaches.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Found {
    /// The next run starts without them.
    Dropped,
    /// They stay in `target`, and the next run starts with them.
    Left,
    /// They are added to the kept ones.
    Kept,
}

/// A target: a binary of `tests/fuzz`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Target {
    Masker,
    Envelope,
    Registration,
    Input,
    EnvFile,
    Source,
    Egress,
    Request,
    Call,
    Headers,
    Changes,
    Forms,
    Urls,
}

/// The workspace of the targets.
pub(crate) const WORKSPACE: &str = "tests/fuzz";
/// The inputs that are kept, a folder for each target.
const KEPT: &str = "tests/fuzz/corpus";
/// Where cargo builds: what is built for fuzzing is of use for nothing else.
const BUILD: &str = "target/fuzz";
/// The inputs that a run finds, a folder for each target.
const FOUND: &str = "target/fuzz/found";
/// Likewise, of runs that drop what they find.
const DROPPED: &str = "target/fuzz/dropped";
const CARGO_FUZZ: Tool = Tool {
    subcommand: "fuzz",
    version: "0.13.2",
};

/// An input that takes longer is a finding. They take milliseconds; the machine may be busy.
const SLOWEST_SECONDS: u32 = 30;
/// A target that takes more memory is one too.
const MEMORY_MB: u32 = 1024;

/// In CI, for each of the thirteen targets.
const SMOKE_SECONDS: u32 = 5;

/// Fuzzes as planned. Where that is not possible it says so in one line.
pub(crate) fn fuzz(plan: &Plan) -> Result<()> {
    let toolchain = match usable_toolchain() {
        Ok(toolchain) => toolchain,
        Err(reason) => {
            console::say(&format!("fuzzing was left out: {reason}"));
            return Ok(());
        }
    };
    run(cargo_fuzz(&toolchain, "build")?.args(shared_options()))?;
    for target in &plan.targets {
        target.fuzz(&toolchain, plan)?;
    }
    Ok(())
}

/// The lints of the targets, and every target for some seconds, on the inputs that are kept.
pub(crate) fn smoke() -> Result<()> {
    if usable_toolchain().is_ok() {
        run(cargo(WORKSPACE)
            .env("CARGO_TARGET_DIR", root().join(BUILD))
            .args(["clippy", "--", "-D", "warnings"]))?;
    }
    fuzz(&Plan {
        targets: Target::ALL.to_vec(),
        seconds: SMOKE_SECONDS,
        found: Found::Dropped,
    })
}

// === impl Target ===

impl Target {
    pub(crate) const ALL: [Self; 13] = [
        Self::Masker,
        Self::Envelope,
        Self::Registration,
        Self::Input,
        Self::EnvFile,
        Self::Source,
        Self::Egress,
        Self::Request,
        Self::Call,
        Self::Headers,
        Self::Changes,
        Self::Forms,
        Self::Urls,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Masker => "masker",
            Self::Envelope => "envelope",
            Self::Registration => "registration",
            Self::Input => "input",
            Self::EnvFile => "env_file",
            Self::Source => "source",
            Self::Egress => "egress",
            Self::Request => "request",
            Self::Call => "call",
            Self::Headers => "headers",
            Self::Changes => "changes",
            Self::Forms => "forms",
            Self::Urls => "urls",
        }
    }

    /// Longer inputs are slower, and find no more.
    fn longest_bytes(self) -> usize {
        match self {
            Self::Masker
            | Self::Egress
            | Self::Request
            | Self::Call
            | Self::Headers
            | Self::Forms
            | Self::Urls => 512,
            Self::Envelope | Self::Input | Self::Changes => 1024,
            Self::EnvFile | Self::Source => 4096,
            Self::Registration => 32 * 1024,
        }
    }

    fn fuzz(self, toolchain: &str, plan: &Plan) -> Result<()> {
        console::say(&format!("fuzzing {} for {} s", self.name(), plan.seconds));
        let folder = |parent: &str| root().join(parent).join(self.name());
        let kept = folder(KEPT);
        let found = match plan.found {
            Found::Dropped => folder(DROPPED),
            Found::Left | Found::Kept => folder(FOUND),
        };
        if plan.found == Found::Dropped && found.exists() {
            fs::remove_dir_all(&found)?;
        }
        for folder in [&found, &kept] {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
        }
        let time = format!("-max_total_time={}", plan.seconds);
        let quiet = ["-verbosity=0", "-print_final_stats=1", &time];
        // What is found goes to the first folder.
        run(&mut self.command(toolchain, [&found, &kept], &quiet)?)?;
        match plan.found {
            Found::Dropped | Found::Left => Ok(()),
            // How often something is reached does not count here, so that few inputs are kept.
            Found::Kept => {
                let merge = ["-merge=1", "-use_counters=0"];
                run(&mut self.command(toolchain, [&kept, &found], &merge)?)
            }
        }
    }

    fn command(self, toolchain: &str, folders: [&PathBuf; 2], options: &[&str]) -> Result<Command> {
        let mut command = cargo_fuzz(toolchain, "run")?;
        command
            .args(shared_options())
            .arg(self.name())
            .args(folders)
            .arg("--")
            .arg(format!("-max_len={}", self.longest_bytes()))
            .arg(format!("-timeout={SLOWEST_SECONDS}"))
            .arg(format!("-rss_limit_mb={MEMORY_MB}"))
            .args(options);
        Ok(command)
    }
}

// === cargo-fuzz ===

fn shared_options() -> [&'static str; 5] {
    [
        "--sanitizer=none",
        "--fuzz-dir",
        WORKSPACE,
        "--target-dir",
        BUILD,
    ]
}

fn cargo_fuzz(toolchain: &str, task: &str) -> Result<Command> {
    let mut command = CARGO_FUZZ.find_or_install()?;
    // Whoever runs this is cargo of the toolchain in use.
    command
        .arg(task)
        .env("RUSTUP_TOOLCHAIN", toolchain)
        .env_remove("CARGO")
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    Ok(command)
}

/// The nightly toolchain, or what is missing for fuzzing.
fn usable_toolchain() -> Result<String, &'static str> {
    let listed = output(
        command("rustup", "")
            .args(["toolchain", "list"])
            .stderr(Stdio::null()),
    );
    let listed = listed.map_err(|_| "there is no rustup")?;
    let nightly = nightly(&listed).ok_or("rustup has no nightly toolchain")?;
    let compiler = output(command("c++", "").arg("--version").stderr(Stdio::null()));
    compiler.map_err(|_| "there is no C++ compiler for libFuzzer")?;
    Ok(nightly.to_owned())
}

/// The first nightly toolchain in rustup's list.
fn nightly(listed: &str) -> Option<&str> {
    let names = listed
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    names.into_iter().find(|name| name.starts_with("nightly"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nightly_toolchain_is_found_among_others() {
        let listed = "stable-x86_64-unknown-linux-gnu (default)\nnightly-x86_64-unknown-linux-gnu\n\
                      1.95.0-x86_64-unknown-linux-gnu (active)";
        assert_eq!(nightly(listed), Some("nightly-x86_64-unknown-linux-gnu"));
        assert_eq!(nightly("stable-x86_64-unknown-linux-gnu (default)"), None);
        assert_eq!(nightly("no installed toolchains"), None);
    }

    #[test]
    fn each_target_is_a_binary_of_the_workspace_and_has_kept_inputs() {
        let manifest = fs::read_to_string(root().join(WORKSPACE).join("Cargo.toml")).unwrap();
        assert_eq!(manifest.matches("[[bin]]").count(), Target::ALL.len());
        for target in Target::ALL {
            assert!(manifest.contains(&format!("name = \"{}\"", target.name())));
            let kept = root().join(KEPT).join(target.name());
            assert!(fs::read_dir(kept).unwrap().count() > 0, "{target:?}");
        }
    }
}
