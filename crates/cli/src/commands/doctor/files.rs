//! The data directory: whose it is, who else can look into it, and what was left in it.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use lockstep_store::DataFile;

use super::{Check, READ_BY_OTHERS, WRITTEN_BY_OTHERS, is_ours, some_of};
use crate::problem::Problem;
use crate::quantity::in_words;

/// Entries that are looked at: many times what a data directory has. Who has more keeps other things in it.
const MAX_ENTRIES: usize = 100_000;

/// A file or folder below the data directory.
pub(super) struct Entry {
    /// Its path below the data directory.
    pub(super) name: PathBuf,
    /// What it is, by its first folder.
    pub(super) kind: DataFile,
    /// Of the entry itself, not of what a link leads to.
    pub(super) metadata: Metadata,
}

pub(super) fn data_directory(data: &Path) -> Check {
    const NAME: &str = "data_directory";
    let path = data.display();
    match fs::metadata(data) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Check::ok(
            NAME,
            format!("`{path}` is not there yet; the first command makes it"),
        ),
        Err(error) => Check::problem(NAME, &Problem::host("io", &error)),
        Ok(metadata) if !metadata.is_dir() => Check::fail(
            NAME,
            format!("`{path}` is not a directory"),
            "name another with `--data`",
        ),
        Ok(metadata) if !is_ours(&metadata) => Check::fail(
            NAME,
            format!("`{path}` belongs to another user"),
            "run as its owner, or name another with `--data`",
        ),
        Ok(metadata) if is_loose(&metadata) => {
            let mode = metadata.mode() & 0o7777;
            let hint = format!("run `chmod 700 {path}`");
            Check::warn(
                NAME,
                format!("`{path}` has mode {mode:04o}: others can look into it"),
                hint,
            )
        }
        Ok(_) => Check::ok(NAME, format!("`{path}` is ours alone")),
    }
}

/// All that is in the data directory, however deep. What goes away meanwhile is not there.
pub(super) fn entries(data: &Path) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(data.join(&folder))
            .into_iter()
            .flatten()
            .flatten()
        {
            let name = folder.join(entry.file_name());
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            if metadata.is_dir() {
                folders.push(name.clone());
            }
            let first = name.iter().next().unwrap_or_default();
            let kind = DataFile::of(&first.to_string_lossy());
            entries.push(Entry {
                name,
                kind,
                metadata,
            });
            if entries.len() == MAX_ENTRIES {
                return entries;
            }
        }
    }
    entries
}

/// The databases and what SQLite keeps beside them.
pub(super) fn databases(data: &Path, entries: &[Entry]) -> Check {
    const NAME: &str = "database_files";
    let loose = loose(entries, |kind| match kind {
        DataFile::Database | DataFile::Replaced | DataFile::Draft => true,
        DataFile::Lock | DataFile::Other => false,
    });
    if loose.is_empty() {
        return Check::ok(NAME, "only we can read and write them");
    }
    let hint = format!("run `chmod 600` on it, in `{}`", data.display());
    let message = format!("others can read or write {}", some_of(loose));
    Check::fail(NAME, message, hint)
}

/// All else: locks, compiled code, what others put there.
pub(super) fn others(data: &Path, entries: &[Entry]) -> Check {
    const NAME: &str = "other_files";
    let loose = loose(entries, |kind| match kind {
        DataFile::Lock | DataFile::Other => true,
        DataFile::Database | DataFile::Replaced | DataFile::Draft => false,
    });
    if loose.is_empty() {
        return Check::ok(NAME, "only we can read and write them");
    }
    let hint = format!("run `chmod -R go= {}`", data.display());
    let message = format!("others can read or write {}", some_of(loose));
    Check::warn(NAME, message, hint)
}

fn loose(entries: &[Entry], is_meant: impl Fn(DataFile) -> bool) -> Vec<String> {
    let loose = entries
        .iter()
        .filter(|entry| is_meant(entry.kind) && is_loose(&entry.metadata));
    let mut names: Vec<_> = loose
        .map(|entry| entry.name.display().to_string())
        .collect();
    names.sort();
    names
}

fn is_loose(metadata: &Metadata) -> bool {
    // The mode of a link says nothing.
    !metadata.is_symlink() && metadata.mode() & (READ_BY_OTHERS | WRITTEN_BY_OTHERS) != 0
}

/// What a restore left: the databases that were replaced, and the copies of those who were killed.
pub(super) fn left_over(data: &Path, entries: &[Entry]) -> Vec<Check> {
    let of = |wanted: DataFile| entries.iter().filter(move |entry| entry.kind == wanted);
    let mut checks = Vec::new();
    let replaced: Vec<&Entry> = of(DataFile::Replaced).collect();
    if !replaced.is_empty() {
        checks.push(Check::note(
            "replaced_database",
            format!("a restore has kept {}", names_and_size(&replaced)),
            format!(
                "remove it from `{}` when you do not need it any more",
                data.display()
            ),
        ));
    }
    let drafts: Vec<&Entry> = of(DataFile::Draft).collect();
    if !drafts.is_empty() {
        checks.push(Check::note(
            "unfinished_restore",
            format!(
                "a restore that did not end has left {}",
                names_and_size(&drafts)
            ),
            format!("remove it from `{}`; the next restore does", data.display()),
        ));
    }
    checks
}

pub(super) fn names_and_size(entries: &[&Entry]) -> String {
    let bytes = entries.iter().map(|entry| entry.metadata.len()).sum();
    let names = entries.iter().map(|entry| entry.name.display().to_string());
    format!("{} ({})", some_of(names), in_words(bytes))
}
