//! Builds the Rust guests for wasm and puts the results in one place: `target/guests/<folder of the guest>.wasm`; bundles of
//! JavaScript go there, too.
//!
//! Cargo knows what is up to date. All guests share one target folder, so that what they share is built once.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context, Result, bail};

use crate::{
    bundles, console,
    process::{self, root, run},
    toolchain::{Choice, Target, Toolchain},
};

/// A cargo workspace of guests; each of its members is a folder right below it.
struct Workspace {
    folder: &'static str,
    builds: &'static [Build],
}

/// One target, and what the files that come of it are called.
struct Build {
    target: Target,
    endings: &'static [&'static str],
}

const WORKSPACES: [Workspace; 2] = [
    Workspace {
        folder: "tests/guests/rust",
        builds: &[
            Build {
                target: Target::Wasip1,
                endings: &["wasm", "wasip1.wasm"],
            },
            Build {
                target: Target::Wasip2,
                endings: &["wasip2.wasm"],
            },
            Build {
                target: Target::Unknown,
                endings: &["unknown.wasm"],
            },
        ],
    },
    Workspace {
        folder: "examples",
        builds: &[Build {
            target: Target::Wasip1,
            endings: &["wasm"],
        }],
    },
];

/// Where the results go.
pub(crate) const RESULTS: &str = "target/guests";
/// Where cargo builds, below [`RESULTS`].
const CARGO: &str = "build";

/// Builds every guest, where it is not up to date.
pub(crate) fn build(choice: Choice) -> Result<()> {
    let started = Instant::now();
    let toolchain = Toolchain::find(choice)?;
    console::say(&format!("building guests with {toolchain}"));
    let mut files = BTreeSet::new();
    for workspace in &WORKSPACES {
        let targets: Vec<Target> = workspace.builds.iter().map(|build| build.target).collect();
        let mut cargo = toolchain.build(workspace.folder, &targets, &[]);
        share_target(&mut cargo);
        run(&mut cargo)?;
        for guest in members(&root().join(workspace.folder))? {
            for build in workspace.builds {
                files.extend(collect(&guest, build)?);
            }
        }
    }
    files.extend(bundles::build()?);
    remove_others(&files)?;
    let seconds = started.elapsed().as_secs_f32();
    console::say(&format!(
        "{} guest files in {RESULTS} ({seconds:.1} s)",
        files.len()
    ));
    Ok(())
}

/// `cargo`, in a workspace of guests, on this machine.
pub(crate) fn cargo(folder: &str) -> Command {
    let mut cargo = process::cargo(folder);
    share_target(&mut cargo);
    cargo
}

/// Makes cargo build into the folder that all guests share.
pub(crate) fn share_target(cargo: &mut Command) {
    cargo.env("CARGO_TARGET_DIR", root().join(RESULTS).join(CARGO));
}

/// The names of the folders with a manifest right below a workspace.
fn members(workspace: &Path) -> Result<Vec<String>> {
    let mut members = Vec::new();
    for entry in
        fs::read_dir(workspace).with_context(|| format!("cannot list {}", workspace.display()))?
    {
        let path = entry?.path();
        if path.join("Cargo.toml").is_file() {
            members.extend(
                path.file_name()
                    .map(|name| name.to_string_lossy().into_owned()),
            );
        }
    }
    members.sort();
    Ok(members)
}

/// Copies what cargo made of a guest, under each of its names. Returns these.
fn collect(guest: &str, build: &Build) -> Result<Vec<String>> {
    let built = artifact(guest, build.target)?;
    let mut files = Vec::new();
    for ending in build.endings {
        let file = format!("{guest}.{ending}");
        copy_if_changed(&built, &root().join(RESULTS).join(&file))?;
        files.push(file);
    }
    Ok(files)
}

/// The file that cargo made of a guest: a command is called as its package is, a library with `_` for `-`.
pub(crate) fn artifact(guest: &str, target: Target) -> Result<PathBuf> {
    let folder = root()
        .join(RESULTS)
        .join(CARGO)
        .join(target.name())
        .join("release");
    let names = [
        format!("{guest}.wasm"),
        format!("{}.wasm", guest.replace('-', "_")),
    ];
    let mut files = names.iter().map(|name| folder.join(name));
    let Some(file) = files.find(|file| file.is_file()) else {
        bail!(
            "the folder `{guest}` and its package must have one name: {} has no {}",
            folder.display(),
            names[0]
        );
    };
    Ok(file)
}

/// Leaves a file alone that has these contents, so that its time tells when they changed.
pub(crate) fn copy_if_changed(from: &Path, to: &Path) -> Result<()> {
    let contents = fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
    if fs::read(to).is_ok_and(|existing| existing == contents) {
        return Ok(());
    }
    // By renaming: a test that runs meanwhile sees the old file or the new one.
    let written = to.with_extension("new");
    fs::write(&written, contents).with_context(|| format!("cannot write {}", written.display()))?;
    fs::rename(&written, to).with_context(|| format!("cannot write {}", to.display()))
}

/// Removes the results of guests that are no more.
fn remove_others(files: &BTreeSet<String>) -> io::Result<()> {
    for entry in fs::read_dir(root().join(RESULTS))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_file() && !files.contains(&name) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_folder_with_a_manifest_is_a_member() {
        let guests = members(&root().join("tests/guests/rust")).unwrap();
        assert!(guests.contains(&"echo".to_owned()), "{guests:?}");
        assert!(!guests.contains(&"src".to_owned()), "{guests:?}");
    }

    #[test]
    fn a_file_with_the_same_contents_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let [from, to] = ["from", "to"].map(|name| folder.path().join(name));
        fs::write(&from, "1").unwrap();
        copy_if_changed(&from, &to).unwrap();
        let modified = fs::metadata(&to).unwrap().modified().unwrap();
        copy_if_changed(&from, &to).unwrap();
        assert_eq!(fs::metadata(&to).unwrap().modified().unwrap(), modified);
    }

    #[test]
    fn a_file_with_other_contents_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let [from, to] = ["from", "to"].map(|name| folder.path().join(name));
        fs::write(&from, "1").unwrap();
        fs::write(&to, "2").unwrap();
        copy_if_changed(&from, &to).unwrap();
        assert_eq!(fs::read(&to).unwrap(), b"1");
    }
}
