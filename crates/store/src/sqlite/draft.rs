//! The unfinished copy of a backup: a folder beside where the backup is to be.
//!
//! Who writes it holds a lock on a file in it, which the operating system lets go of when the process ends, however it
//! ends. So the next backup into the same directory can tell what was left by one that was killed, and removes it. It is
//! not the copy itself that is locked: on network file systems that would be in the way of SQLite's own locks.

use std::fs::{self, DirEntry, File, Permissions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use tempfile::{NamedTempFile, TempDir};

/// How the name of the folder begins.
const FOLDER: &str = ".lockstep-backup-";
/// The file in it that is locked.
const LOCK: &str = "lock";

/// A copy that is being written. Dropped with all that is in its folder.
#[derive(Debug)]
pub(super) struct Draft {
    // In the order in which they end: who finds an unlocked folder may remove it.
    copy: NamedTempFile,
    folder: TempDir,
    lock: File,
}

impl Draft {
    /// Begins a copy in `directory`, after removing those that nobody writes any more.
    pub(super) fn begin(directory: &Path) -> io::Result<Self> {
        remove_abandoned(directory);
        loop {
            let folder = tempfile::Builder::new()
                .prefix(FOLDER)
                .tempdir_in(directory)?;
            // Until it is locked, another backup can take it for abandoned.
            if let Some(lock) = lock(folder.path())? {
                let copy = tempfile::Builder::new()
                    .permissions(Permissions::from_mode(0o600))
                    .tempfile_in(folder.path())?;
                return Ok(Self { copy, folder, lock });
            }
        }
    }

    pub(super) fn copy(&self) -> &NamedTempFile {
        &self.copy
    }

    /// Gives the copy another place and name by `place`, and removes the rest.
    pub(super) fn end<T>(self, place: impl FnOnce(NamedTempFile) -> T) -> T {
        let Self { copy, folder, lock } = self;
        let placed = place(copy);
        drop(folder);
        drop(lock);
        placed
    }
}

/// The lock of a folder that was just made, or `None` if it was removed meanwhile.
fn lock(folder: &Path) -> io::Result<Option<File>> {
    let file = match File::create_new(folder.join(LOCK)) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    match file.lock() {
        // Where there are no locks, nobody can take it for abandoned.
        Err(error) if error.kind() != ErrorKind::Unsupported => Err(error),
        _ => Ok((file.metadata()?.nlink() > 0).then_some(file)),
    }
}

/// Removes what backups have left that were killed. That it cannot is told, and is no reason to make no backup.
fn remove_abandoned(directory: &Path) {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    for entry in entries.filter(is_draft) {
        let path = entry.path();
        match remove_if_abandoned(&path) {
            Ok(true) => tracing::warn!(
                "removed `{}`, the unfinished copy of a backup that was killed",
                path.display()
            ),
            Ok(false) => {}
            Err(error) => tracing::warn!(
                "cannot remove `{}`, which a backup may have left that was killed: {error}",
                path.display()
            ),
        }
    }
}

/// Whether it is a folder of this name, and ours: in a directory that many can write to there may be others.
fn is_draft(entry: &DirEntry) -> bool {
    let name = entry.file_name();
    name.to_str().is_some_and(|name| name.starts_with(FOLDER))
        && entry.metadata().is_ok_and(|metadata| {
            metadata.is_dir() && metadata.uid() == rustix::process::geteuid().as_raw()
        })
}

/// Tells whether it was.
fn remove_if_abandoned(folder: &Path) -> io::Result<bool> {
    let removed = match File::open(folder.join(LOCK)) {
        Ok(lock) => match lock.try_lock() {
            // The lock is held until all is removed: whoever waits for it finds its file gone.
            Ok(()) => fs::remove_dir_all(folder),
            Err(TryLockError::WouldBlock) => return Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        },
        // It is about to be made, or never will be; whoever is about to make it then makes another folder.
        Err(error) if error.kind() == ErrorKind::NotFound => fs::remove_dir(folder),
        Err(error) => Err(error),
    };
    match removed {
        Ok(()) => Ok(true),
        // Somebody else was faster, to remove it or to lock it, or there are no locks here.
        Err(error) => match error.kind() {
            ErrorKind::NotFound | ErrorKind::DirectoryNotEmpty | ErrorKind::Unsupported => {
                Ok(false)
            }
            _ => Err(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect()
    }

    #[test]
    fn what_is_being_written_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let first = Draft::begin(directory.path()).unwrap();
        let second = Draft::begin(directory.path()).unwrap();
        assert!(first.copy().path().exists());
        let target = directory.path().join("backup");
        first.end(|copy| copy.persist(&target)).unwrap();
        assert!(second.copy().path().exists());
        drop(second);
        assert_eq!(names(directory.path()), ["backup"]);
    }

    #[test]
    fn what_nobody_writes_any_more_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        // As it is after a kill: before the lock, and in the middle of a copy.
        fs::create_dir(directory.path().join(".lockstep-backup-early")).unwrap();
        let killed = directory.path().join(".lockstep-backup-killed");
        fs::create_dir(&killed).unwrap();
        for name in [LOCK, "copy", "copy-journal"] {
            fs::write(killed.join(name), "half of it").unwrap();
        }
        drop(Draft::begin(directory.path()).unwrap());
        assert_eq!(names(directory.path()), [""; 0]);
    }

    #[test]
    fn what_is_no_draft_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::write(path(".lockstep-backup-file"), "somebody's").unwrap();
        fs::create_dir(path("folder")).unwrap();
        std::os::unix::fs::symlink(path("folder"), path(".lockstep-backup-link")).unwrap();
        let full = path(".lockstep-backup-full");
        fs::create_dir(&full).unwrap();
        fs::write(full.join("no-lock"), "somebody's").unwrap();
        drop(Draft::begin(directory.path()).unwrap());
        assert_eq!(names(directory.path()).len(), 4);
    }
}
