//! The cache of compiled code: whether it can be used, and what in it cannot be any more.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::files::{Entry, names_and_size};
use super::{Check, WRITTEN_BY_OTHERS, is_ours, some_of};
use crate::host::CACHE;
use crate::quantity::in_words;

/// How a folder of compiled code begins.
const ENGINE: &str = "engine-";
/// How a file begins that is being written.
const DRAFT: &str = ".tmp";

pub(super) fn state(data: &Path) -> Check {
    const NAME: &str = "code_cache";
    let directory = data.join(CACHE);
    let path = directory.display();
    match fs::metadata(&directory) {
        Err(_) => Check::ok(NAME, "there is none yet; the first run makes it"),
        Ok(metadata) if metadata.mode() & WRITTEN_BY_OTHERS != 0 || !is_ours(&metadata) => {
            Check::warn(
                NAME,
                format!("others can write to `{path}`, so it is not used and every run compiles"),
                format!("remove `{path}`"),
            )
        }
        Ok(_) => Check::ok(NAME, format!("only we can write to `{path}`")),
    }
}

/// What takes room and is of no use. `present` is the folder of this release's engine.
pub(super) fn useless(data: &Path, entries: &[Entry], present: &str) -> Vec<Check> {
    let mut checks = Vec::new();
    checks.extend(other_engines(data, entries, present));
    checks.extend(drafts(data, entries));
    checks
}

fn other_engines(data: &Path, entries: &[Entry], present: &str) -> Option<Check> {
    let (mut folders, mut bytes) = (Vec::new(), 0);
    for entry in entries {
        let Some((folder, is_folder)) = engine_folder(entry) else {
            continue;
        };
        if folder == present {
            continue;
        }
        if is_folder {
            folders.push(folder);
        } else {
            bytes += entry.metadata.len();
        }
    }
    if folders.is_empty() {
        return None;
    }
    folders.sort_unstable();
    let (size, cache) = (in_words(bytes), data.join(CACHE));
    Some(Check::note(
        "old_code",
        format!(
            "compiled code of other engine versions takes {size}: {}",
            some_of(&folders)
        ),
        format!(
            "remove them from `{}`, unless another release of Lockstep uses it",
            cache.display()
        ),
    ))
}

/// The folder of an engine that this is, or is in.
fn engine_folder(entry: &Entry) -> Option<(&str, bool)> {
    let below = entry.name.strip_prefix(CACHE).ok()?;
    let folder = below.iter().next()?.to_str()?;
    let is_folder = below.iter().nth(1).is_none() && entry.metadata.is_dir();
    folder.starts_with(ENGINE).then_some((folder, is_folder))
}

fn drafts(data: &Path, entries: &[Entry]) -> Option<Check> {
    let is_draft = |entry: &&Entry| {
        let name = entry.name.file_name().unwrap_or_default().to_string_lossy();
        entry.name.starts_with(CACHE) && name.starts_with(DRAFT)
    };
    let drafts: Vec<&Entry> = entries.iter().filter(is_draft).collect();
    if drafts.is_empty() {
        return None;
    }
    Some(Check::note(
        "unfinished_code",
        format!(
            "unfinished files of compiled code: {}",
            names_and_size(&drafts)
        ),
        format!(
            "remove them from `{}`, unless a step is being compiled now",
            data.display()
        ),
    ))
}
