//! The JavaScript engine: a wasm file that is committed next to its sources, so that whoever builds the host needs
//! neither a C compiler nor Rust for wasm. With it goes a list of what it was built from.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};

use crate::{
    console, debian, guests,
    process::{command, output, root, run},
    toolchain::{Choice, Target, Toolchain},
};

/// What to do with the engine.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Engine {
    Build,
    /// Whether the file and the list agree with the sources.
    Check,
}

/// Where it lives.
const FOLDER: &str = "guest-sdk/js/engine";
/// The web platform, in JavaScript: built first, and part of the engine.
const PLATFORM: &str = "guest-sdk/js/engine/platform";

/// The engine.
const FILE: &str = "lockstep-engine.wasm";
/// The digests of the engine and of its sources, as `sha256sum` writes and checks them.
const LIST: &str = "lockstep-engine.sources";

/// What the engine is built from: files, and folders of which every file counts.
const SOURCES: [&str; 9] = [
    "../src/absent.js",
    "Cargo.lock",
    "Cargo.toml",
    "build.rs",
    "platform/build.js",
    "platform/package-lock.json",
    "platform/package.json",
    "platform/src",
    "src",
];

/// The C compiler, and its archiver.
const CLANG: &str = "clang";
const LLVM_AR: &str = "llvm-ar";
/// Debian's packages of them.
const PACKAGES: [&str; 2] = ["clang", "llvm"];

/// What is put before every C file.
const HEADERS: [&str; 2] = ["src/stack.h", "src/kept.h"];

/// What every wasm engine can do and clang does not take for granted.
const C_FEATURES: &str = "-mbulk-memory -msign-ext -mnontrapping-fptoint";

// === impl Engine ===

impl Engine {
    pub(crate) fn run(self) -> Result<()> {
        match self {
            Self::Build => build(),
            Self::Check => check(),
        }
    }
}

fn build() -> Result<()> {
    let started = Instant::now();
    // Before the build: what is changed meanwhile is not in it.
    let sources = sources()?;
    let built = compile()?;
    guests::copy_if_changed(&built, &folder().join(FILE))?;
    let list = list(&sources)?;
    fs::write(folder().join(LIST), list).with_context(|| format!("cannot write {LIST}"))?;
    let kilobytes = fs::metadata(folder().join(FILE))?.len() / 1000;
    let seconds = started.elapsed().as_secs_f32();
    console::say(&format!("{FOLDER}/{FILE}: {kilobytes} KB ({seconds:.1} s)"));
    Ok(())
}

/// Builds the engine, and leaves the committed file as it is. Returns the new one if it is another, and says how.
pub(crate) fn rebuild() -> Result<Option<PathBuf>> {
    let started = Instant::now();
    let file = compile()?;
    let seconds = started.elapsed().as_secs_f32();
    let (built, committed) = (fs::read(&file)?, fs::read(folder().join(FILE))?);
    if built == committed {
        console::say(&format!(
            "the engine was built in {seconds:.1} s, and is the committed one byte for byte: that is tested below"
        ));
        return Ok(None);
    }
    console::say(&format!(
        "the engine was built in {seconds:.1} s, and has {} bytes where the committed one has {}: another version of Rust, \
         clang or esbuild may be why; here are {} and {}",
        built.len(),
        committed.len(),
        version(Toolchain::find(Choice::Auto)?.rustc())?,
        version(CLANG)?,
    ));
    Ok(Some(file))
}

/// Builds the engine into the folder of the guests.
fn compile() -> Result<PathBuf> {
    let toolchain = Toolchain::find(Choice::Auto)?;
    find_or_install_clang()?;
    build_platform()?;
    console::say(&format!("building the engine with {toolchain} and clang"));
    let flags = hide_paths()?;
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let mut cargo = toolchain.build(FOLDER, &[Target::Unknown], &flags);
    guests::share_target(&mut cargo);
    compile_c(&mut cargo)?;
    run(cargo.arg("--locked"))?;
    guests::artifact("lockstep-engine", Target::Unknown)
}

/// The first line of what a program says of its version.
fn version(program: &str) -> Result<String> {
    let said = output(command(program, "").arg("--version"))?;
    Ok(said.lines().next().unwrap_or_default().to_owned())
}

fn check() -> Result<()> {
    let written = fs::read_to_string(folder().join(LIST))
        .with_context(|| format!("cannot read {FOLDER}/{LIST}"))?;
    let found = list(&sources()?)?;
    let differences = differences(&written, &found);
    ensure!(
        differences.is_empty(),
        "{FOLDER}/{FILE} was not built from its sources: {} changed; run `cargo xtask engine` and commit what it writes",
        differences.join(", ")
    );
    Ok(())
}

/// The files of which one list has another digest than the other, or none.
fn differences<'a>(one: &'a str, other: &'a str) -> Vec<&'a str> {
    let missing = |from: &'a str, to: &'a str| {
        from.lines()
            .filter(move |line| !to.lines().any(|other| other == *line))
            .filter_map(|line| line.split_once("  "))
            .map(|(_, name)| name)
    };
    let mut names: Vec<&str> = missing(one, other).chain(missing(other, one)).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The list: the digest of the engine as it is now, and those of its sources.
fn list(sources: &str) -> Result<String> {
    Ok(digest(&folder().join(FILE))? + sources)
}

/// The digests of the sources.
fn sources() -> Result<String> {
    let folder = folder();
    let mut files = Vec::new();
    for source in SOURCES {
        collect(&folder.join(source), &mut files)?;
    }
    files.iter().map(|file| digest(file)).collect()
}

/// The line of a file.
fn digest(file: &Path) -> Result<String> {
    let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut line = String::new();
    for byte in Sha256::digest(bytes) {
        write!(line, "{byte:02x}")?;
    }
    writeln!(line, "  {}", file.strip_prefix(folder())?.display())?;
    Ok(line)
}

/// Adds a file, or all files of a folder, in the order of their names. What is not there adds nothing.
fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if path.is_file() {
        files.push(path.to_owned());
    } else if path.is_dir() {
        let mut entries = fs::read_dir(path)?.collect::<Result<Vec<_>, _>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            collect(&entry.path(), files)?;
        }
    }
    Ok(())
}

fn build_platform() -> Result<()> {
    if !root().join(PLATFORM).join("package.json").is_file() {
        return Ok(());
    }
    run(command("npm", PLATFORM).args(["ci", "--no-audit", "--no-fund"]))?;
    run(command("npm", PLATFORM).args(["run", "build"]))
}

fn find_or_install_clang() -> Result<()> {
    if has_clang() {
        return Ok(());
    }
    debian::install(&PACKAGES).with_context(|| {
        let packages = PACKAGES.join(" ");
        format!("cannot build the engine without clang: on Debian `apt-get install {packages}`")
    })?;
    if !has_clang() {
        bail!("the packages {} hold no clang", PACKAGES.join(" "));
    }
    Ok(())
}

fn has_clang() -> bool {
    [CLANG, LLVM_AR]
        .iter()
        .all(|program| output(command(program, "").arg("--version")).is_ok())
}

/// Says which C compiler QuickJS is built with, and how.
fn compile_c(cargo: &mut Command) -> Result<()> {
    // Names of files are in QuickJS's assertions.
    let root = root();
    let hidden = format!("-ffile-prefix-map={}=", root.display());
    let mut headers = String::new();
    for (index, header) in HEADERS.iter().enumerate() {
        let header = root.join(FOLDER).join(header);
        // Cargo builds QuickJS again when these flags change, and does not know that the header is part of it.
        let digest = &digest(&header)?[..16];
        let header = header.display();
        write!(
            headers,
            " -include {header} -DLOCKSTEP_HEADER_{index}=0x{digest}"
        )?;
    }
    cargo
        .env("CC_wasm32_unknown_unknown", CLANG)
        .env("AR_wasm32_unknown_unknown", LLVM_AR)
        .env(
            "CFLAGS_wasm32_unknown_unknown",
            format!("{C_FEATURES} {hidden}{headers}"),
        );
    Ok(())
}

/// What keeps the paths of this machine and the name of the registry out of the file: panics name files.
fn hide_paths() -> Result<Vec<String>> {
    let home = std::env::home_dir().context("there is no home folder")?;
    let mut flags = vec![format!("--remap-path-prefix={}=", home.display())];
    let cargo_home =
        std::env::var_os("CARGO_HOME").map_or_else(|| home.join(".cargo"), PathBuf::from);
    // Of several prefixes that fit the last one counts.
    if let Ok(registries) = fs::read_dir(cargo_home.join("registry/src")) {
        for registry in registries {
            flags.push(format!(
                "--remap-path-prefix={}=",
                registry?.path().display()
            ));
        }
    }
    Ok(flags)
}

fn folder() -> PathBuf {
    root().join(FOLDER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_was_built_from_its_sources() {
        check().unwrap();
    }

    #[test]
    fn what_was_changed_added_or_removed_is_named() {
        let built = "1  a\n2  b\n3  c\n";
        assert_eq!(differences(built, built), [""; 0]);
        assert_eq!(differences(built, "1  a\n9  b\n3  c\n"), ["b"]);
        assert_eq!(differences(built, "1  a\n2  b\n4  d\n"), ["c", "d"]);
    }
}
