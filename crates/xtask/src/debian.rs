//! Debian's Rust for wasm: a compiler, the sources of its standard library, which cargo builds along with the first
//! guest, and a C library for WASI. The linkers are those of the Rust toolchain in use.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    console,
    process::{command, output, run_within},
    toolchain::{Target, rustflags, sysroot},
};

/// Debian's packages, with the linkers of the Rust toolchain in use.
pub(crate) struct Debian {
    linkers: PathBuf,
}

/// What the packages are called.
pub(crate) const PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "wasi-libc"];

// Where they put what is needed here.
const CARGO: &str = "/usr/bin/cargo";
pub(crate) const RUSTC: &str = "/usr/bin/rustc";
const LIBRARY: &str = "/usr/lib/rustlib/src/rust/library/std";
const LIBC: &str = "/usr/lib/wasm32-wasi/libc.a";

const WASM_LD: &str = "-Clinker-flavor=wasm-ld";
const WITH_LIBC: [&str; 3] = [
    "-Lnative=/usr/lib/wasm32-wasi",
    "-Clink-self-contained=no",
    "-Clink-arg=-lc",
];
/// What makes a module a command: linked only where its `_start` is wanted.
const WITH_START: [&str; 3] = [
    "-Clink-arg=--start-lib",
    "-Clink-arg=/usr/lib/wasm32-wasi/crt1-command.o",
    "-Clink-arg=--end-lib",
];

/// Some 150 MB are fetched.
const APT_LIMIT: Duration = Duration::from_secs(900);

impl Debian {
    /// The packages; installs them where they are missing and this process may.
    pub(crate) fn find_or_install() -> Result<Self> {
        if !Self::is_installed() {
            install(&PACKAGES)?;
            ensure!(
                Self::is_installed(),
                "the packages do not hold what they should"
            );
        }
        Self::find()
    }

    pub(crate) fn find() -> Result<Self> {
        let host = output(command("rustc", "").args(["--print", "host-tuple"]))?;
        let linkers = sysroot()?.join("lib/rustlib").join(host).join("bin");
        for linker in Target::ALL.map(linker) {
            ensure!(
                linkers.join(linker).is_file(),
                "the Rust toolchain in use has no `{linker}`"
            );
        }
        Ok(Self { linkers })
    }

    pub(crate) fn is_installed() -> bool {
        [CARGO, RUSTC, LIBRARY, LIBC]
            .iter()
            .all(|path| Path::new(path).exists())
    }

    /// Debian's cargo, set up for some targets. Building the standard library takes the switch for unstable options.
    pub(crate) fn cargo(&self, folder: &str, targets: &[Target]) -> Command {
        let mut cargo = command(CARGO, folder);
        cargo
            .env("RUSTC", RUSTC)
            .env("RUSTC_BOOTSTRAP", "1")
            .arg("-Zbuild-std=std,panic_abort");
        for target in targets {
            let linker = self.linkers.join(linker(*target));
            cargo.args([
                "--config",
                &format!("target.{}.linker='{}'", target.name(), linker.display()),
            ]);
            let flags = self.flags(*target);
            let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
            cargo.args(["--config", &rustflags(*target, &flags)]);
        }
        cargo
    }

    fn flags(&self, target: Target) -> Vec<String> {
        let wasm_ld = self.linkers.join("gcc-ld/wasm-ld");
        let wasm_ld = format!("-Clink-arg=--wasm-ld-path={}", wasm_ld.display());
        let flags = match target {
            Target::Wasip1 => [&[WASM_LD][..], &WITH_LIBC, &WITH_START].concat(),
            Target::Wasip2 => [&[wasm_ld.as_str()][..], &WITH_LIBC].concat(),
            Target::Unknown => vec![WASM_LD],
        };
        flags.into_iter().map(str::to_owned).collect()
    }
}

fn linker(target: Target) -> &'static str {
    match target {
        Target::Wasip1 | Target::Unknown => "rust-lld",
        Target::Wasip2 => "wasm-component-ld",
    }
}

/// Installs packages, where this process may.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    ensure!(
        Path::new("/usr/bin/apt-get").exists(),
        "there is no apt-get"
    );
    ensure!(is_root()?, "apt-get needs root");
    console::say(&format!("apt-get install {}", packages.join(" ")));
    run_within(APT_LIMIT, apt().arg("update"))?;
    run_within(
        APT_LIMIT,
        apt()
            .args(["install", "--yes", "--no-install-recommends"])
            .args(packages),
    )
}

fn apt() -> Command {
    let mut apt = command("apt-get", "");
    apt.env("DEBIAN_FRONTEND", "noninteractive")
        .arg("--quiet=2");
    apt
}

/// Whether this process is root's, as the kernel tells it.
fn is_root() -> Result<bool> {
    let status =
        fs::read_to_string("/proc/self/status").context("cannot read /proc/self/status")?;
    let Some(users) = status.lines().find_map(|line| line.strip_prefix("Uid:")) else {
        bail!("/proc/self/status names no user");
    };
    let effective = users.split_whitespace().nth(1);
    Ok(effective == Some("0"))
}
