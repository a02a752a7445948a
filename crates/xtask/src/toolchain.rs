//! Where the standard library for wasm comes from.
//!
//! In this order: the Rust toolchain in use has it; Debian's packages are installed; rustup can add it; apt-get may
//! install Debian's packages.

use std::{fmt, path::PathBuf, process::Command, time::Duration};

use anyhow::{Context, Result, ensure};

use crate::{
    console,
    debian::{self, Debian},
    process::{cargo, command, output, run_within},
};

/// What was asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Choice {
    Auto,
    Installed,
    Debian,
}

/// A wasm target that guests are built for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Target {
    Wasip1,
    Wasip2,
    Unknown,
}

/// A way to build for every [`Target`].
pub(crate) enum Toolchain {
    /// The Rust toolchain in use.
    Installed,
    Debian(Debian),
}

/// Three downloads of 20 to 30 MB. Where rustup is cut off from its server it may hang: then Debian is next.
const RUSTUP_LIMIT: Duration = Duration::from_secs(180);

// === impl Target ===

impl Target {
    pub(crate) const ALL: [Self; 3] = [Self::Wasip1, Self::Wasip2, Self::Unknown];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Wasip1 => "wasm32-wasip1",
            Self::Wasip2 => "wasm32-wasip2",
            Self::Unknown => "wasm32-unknown-unknown",
        }
    }
}

// === impl Toolchain ===

impl Toolchain {
    /// Finds a way to build for wasm, and installs what is missing where it may.
    pub(crate) fn find(choice: Choice) -> Result<Self> {
        match choice {
            Choice::Auto => Self::first_of_all(),
            Choice::Installed => installed_or_added(),
            Choice::Debian => Debian::find_or_install().map(Self::Debian),
        }
    }

    fn first_of_all() -> Result<Self> {
        if missing_targets()?.is_empty() {
            return Ok(Self::Installed);
        }
        if Debian::is_installed() {
            return Debian::find().map(Self::Debian);
        }
        installed_or_added().or_else(|error| {
            console::say(&format!("{error:#}"));
            Debian::find_or_install()
                .map(Self::Debian)
                .with_context(what_to_install)
        })
    }

    /// The compiler.
    pub(crate) fn rustc(&self) -> &'static str {
        match self {
            Self::Installed => "rustc",
            Self::Debian(_) => debian::RUSTC,
        }
    }

    /// `cargo build --release` for some targets, in a folder of this repository, with flags for the compiler.
    pub(crate) fn build(&self, folder: &str, targets: &[Target], flags: &[&str]) -> Command {
        let mut command = match self {
            Self::Installed => cargo(folder),
            Self::Debian(debian) => debian.cargo(folder, targets),
        };
        for target in targets {
            command.args(["--config", &rustflags(*target, flags)]);
        }
        // The flags of whoever calls are for the host.
        command
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS");
        command.args(["build", "--release"]);
        for target in targets {
            command.args(["--target", target.name()]);
        }
        command
    }
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Installed => "the Rust toolchain in use",
            Self::Debian(_) => "Debian's packages",
        })
    }
}

/// Whether the Rust toolchain in use has the standard library for a target.
pub(crate) fn is_installed(target: Target) -> Result<bool> {
    Ok(sysroot()?
        .join("lib/rustlib")
        .join(target.name())
        .join("lib")
        .is_dir())
}

/// The folder of the Rust toolchain in use.
pub(crate) fn sysroot() -> Result<PathBuf> {
    Ok(output(command("rustc", "").args(["--print", "sysroot"]))?.into())
}

/// A setting of cargo; several of them for one target add up.
pub(crate) fn rustflags(target: Target, flags: &[&str]) -> String {
    format!("target.{}.rustflags={flags:?}", target.name())
}

fn missing_targets() -> Result<Vec<&'static str>> {
    let mut missing = Vec::new();
    for target in Target::ALL {
        if !is_installed(target)? {
            missing.push(target.name());
        }
    }
    Ok(missing)
}

fn installed_or_added() -> Result<Toolchain> {
    let missing = missing_targets()?;
    if !missing.is_empty() {
        console::say(&format!("rustup target add {}", missing.join(" ")));
        run_within(
            RUSTUP_LIMIT,
            command("rustup", "").args(["target", "add"]).args(missing),
        )?;
        let missing = missing_targets()?;
        ensure!(
            missing.is_empty(),
            "rustup did not add {}",
            missing.join(" ")
        );
    }
    Ok(Toolchain::Installed)
}

fn what_to_install() -> String {
    let targets = Target::ALL.map(Target::name).join(" ");
    let packages = debian::PACKAGES.join(" ");
    format!(
        "cannot build for wasm: run `rustup target add {targets}`, or on Debian `apt-get install {packages}`"
    )
}
