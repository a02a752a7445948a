//! Keys where no key should be: in the data directory, and in drafts beside the key file.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use lockstep_secret::{Secret, Zeroizing};
use lockstep_store::DataFile;
use lockstep_vault::{KekId, Keyring};

use super::files::Entry;
use super::{Check, WRITTEN_BY_OTHERS, some_of};
use crate::config::{Config, KeySource};

/// No key file is larger.
const MAX_KEY_FILE_BYTES: usize = 64 * 1024;

/// Keys that lie in the data directory, whether they are used from there or not. Who copies the one has the other.
///
/// To be called before the database is opened: its locks do not survive that another handle on its file is closed.
pub(super) fn in_data_directory(config: &Config, entries: &[Entry]) -> Check {
    const NAME: &str = "stray_keys";
    let told_elsewhere = match &config.key {
        KeySource::File(path) => path.canonicalize().ok(),
        KeySource::Text(_) => None,
    };
    let mut found = Vec::new();
    for entry in entries.iter().filter(|entry| may_hold_key(entry)) {
        let path = config.data.join(&entry.name);
        if path.canonicalize().ok() == told_elsewhere {
            continue;
        }
        found.extend(
            keys_in(&path)
                .into_iter()
                .map(|id| (id, entry.name.display())),
        );
    }
    if found.is_empty() {
        return Check::ok(NAME, "no key is in the data directory");
    }
    let mut told: Vec<_> = found
        .iter()
        .map(|(id, name)| format!("{id}` in `{name}"))
        .collect();
    told.sort_unstable();
    Check::fail(
        NAME,
        format!("a key is next to the database: {}", some_of(told)),
        format!("move it out of `{}`", config.data.display()),
    )
}

fn may_hold_key(entry: &Entry) -> bool {
    let is_foreign = match entry.kind {
        DataFile::Other => true,
        DataFile::Database | DataFile::Replaced | DataFile::Draft | DataFile::Lock => false,
    };
    is_foreign && entry.metadata.is_file() && entry.metadata.len() <= MAX_KEY_FILE_BYTES as u64
}

/// The keys in a file, if it is a key file.
fn keys_in(path: &Path) -> Vec<KekId> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_KEY_FILE_BYTES));
    let read = File::open(path)
        .and_then(|file| file.take(MAX_KEY_FILE_BYTES as u64).read_to_end(&mut bytes));
    if read.is_err() {
        return Vec::new();
    }
    let text = Secret::from_utf8(std::mem::take(&mut *bytes));
    let ring = text.ok().and_then(|text| Keyring::parse(&text).ok());
    ring.map(|ring| ring.ids()).unwrap_or_default()
}

/// The directory of the key file: who else can put another key there, and what was left beside it.
pub(super) fn beside_key_file(config: &Config) -> Vec<Check> {
    let KeySource::File(path) = &config.key else {
        return Vec::new();
    };
    let mut checks = Vec::new();
    let directory = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        Some(_) | None => Path::new("."),
    };
    let shown = directory.display();
    if let Ok(metadata) = fs::metadata(directory)
        && metadata.mode() & WRITTEN_BY_OTHERS != 0
    {
        let mode = metadata.mode() & 0o7777;
        checks.push(Check::warn(
            "key_directory",
            format!(
                "`{shown}` has mode {mode:04o}: others can put another key in the place of ours"
            ),
            format!("run `chmod go-w {shown}`"),
        ));
    }
    let drafts = drafts_of(path, directory);
    if !drafts.is_empty() {
        checks.push(Check::warn(
            "unfinished_key_file",
            format!(
                "one who was killed while a key was written has left {}",
                some_of(drafts)
            ),
            format!("remove it from `{shown}`: it may hold a key"),
        ));
    }
    checks
}

/// Drafts of the key file: its name, and `.new` or 16 hex digits.
fn drafts_of(key_file: &Path, directory: &Path) -> Vec<String> {
    let name = key_file.file_name().unwrap_or_default().to_string_lossy();
    let is_draft = |entry: &PathBuf| {
        let entry = entry.file_name().unwrap_or_default().to_string_lossy();
        let suffix = entry
            .strip_prefix(&*name)
            .and_then(|rest| rest.strip_prefix('.'));
        suffix.is_some_and(|suffix| {
            suffix == "new"
                || suffix.len() == 16 && suffix.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
    };
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut drafts: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(is_draft)
        .map(|path| {
            path.file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    drafts.sort();
    drafts
}
