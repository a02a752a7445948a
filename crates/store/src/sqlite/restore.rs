//! A backup, put in the place of the database.
//!
//! It is copied beside the database and checked there, and then renamed: whoever is killed meanwhile leaves the old
//! database or the new one. The lock of opening is held all the time, so that nobody opens the one or the other.

use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io::{self, Read as _, Write as _};
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode};
use tempfile::NamedTempFile;

use lockstep_vault::Vault;

use crate::audit::{AuditAction, Fields};
use crate::backup::{BackupContents, IfThere, Progress, RestoreError, Restored};
use crate::error::StoreError;

use super::audit;
use super::back_up::sync;
use super::backup_seal;
use super::contents::{self, Unfit};
use super::credentials::Stamp;
use super::files::DataFile;
use super::migration::{self, SCHEMA};
use super::open::{self, DATABASE, OpenStoreError, directory_error};
use super::{SqliteStore, owner};

/// What SQLite keeps beside a database.
const JOURNALS: [&str; 3] = ["-wal", "-journal", "-shm"];
/// Those that hold changes.
const WITH_CHANGES: [&str; 2] = ["-wal", "-journal"];

/// How the name of a copy begins that is not yet checked. One that is there while nobody restores was left by one who
/// was killed.
pub(super) const DRAFT: &str = ".restore-";

/// How the name of a database begins that was replaced.
pub(super) const REPLACED: &str = "replaced-";

/// Bytes that are copied between two reports of progress.
const CHUNK_BYTES: u64 = 4 << 20;

impl SqliteStore {
    /// Puts the backup `file` in the place of the database in `directory`, which is made if it is not there. A database
    /// that is replaced is kept beside it. Nobody may have it open. `progress` can break it off.
    ///
    /// Runs that were open in the backup are marked as lost when the store is opened.
    ///
    /// # Errors
    /// [`RestoreError`]. Whatever it is, the database that was there is as it was.
    pub fn restore(
        file: &Path,
        directory: &Path,
        if_there: IfThere,
        stamp: RestoreStamp<'_>,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Restored, RestoreError> {
        // Before the data directory is touched; what was copied is checked once more, as that is what will be used.
        Self::check_backup(file)?;
        open::make_directory(directory)?;
        let opening = open::lock_opening(directory)?;
        let place = Place::of(directory);
        place.check_free(if_there, None)?;
        place.remove_old_drafts(None)?;
        let draft = place.copy(file, progress)?;
        check(draft.path(), file)?;
        let contents = make_ready(draft.path(), stamp, None)?;
        let replaced = place.put(draft, stamp.at)?;
        drop(opening);
        Ok(Restored { contents, replaced })
    }

    /// Whether `file` is a backup that this release can restore, and whole. Reads all of it.
    ///
    /// # Errors
    /// [`RestoreError`].
    pub fn check_backup(file: &Path) -> Result<(), RestoreError> {
        check_source(file)?;
        check(file, file)
    }
}

/// What the audit of a database tells of a backup that is to replace it, if it was open when that was sent.
pub(super) const RESTORE_BEGUN: &str = "begun";
/// What that of the restored database tells.
const RESTORE_DONE: &str = "done";

/// An entry about a restore.
pub(super) fn restoring(detail: &str) -> Fields<'_> {
    Fields {
        detail: Some(detail),
        ..Fields::of(AuditAction::BackupRestored)
    }
}

/// Who restores, and when: the audit of the restored database tells it.
#[derive(Clone, Copy, Debug)]
pub struct RestoreStamp<'a> {
    /// When.
    pub at: Timestamp,
    /// Who, as the record of runs names callers.
    pub by: &'a str,
}

/// Refuses what only looks like a backup.
fn check_source(file: &Path) -> Result<(), RestoreError> {
    let failed = |source| RestoreError::File {
        path: file.to_owned(),
        source,
    };
    let metadata = fs::metadata(file).map_err(failed)?;
    if !metadata.is_file() {
        return Err(failed(io::Error::other("it is not a file")));
    }
    File::open(file).map_err(failed)?;
    for suffix in WITH_CHANGES {
        let journal = beside(file, suffix);
        if fs::metadata(&journal).is_ok_and(|metadata| metadata.len() > 0) {
            return Err(RestoreError::Incomplete {
                path: file.to_owned(),
                journal,
            });
        }
    }
    Ok(())
}

/// Checks the database `copy`; `file` is what the user knows it as.
pub(super) fn check(copy: &Path, file: &Path) -> Result<(), RestoreError> {
    let path = file.to_owned();
    let parts = backup_seal::parts(copy).map_err(directory_error(copy))?;
    let bytes = parts.database_bytes;
    let checked = contents::open_still(copy)
        .map_err(Unfit::from)
        .and_then(|connection| contents::check(&connection, bytes));
    checked.map_err(|unfit| match unfit {
        Unfit::Foreign => RestoreError::Foreign { path },
        Unfit::NewerSchema(found) => RestoreError::NewerSchema {
            path,
            found,
            known: SCHEMA,
        },
        Unfit::Damaged(findings) => RestoreError::Damaged { path, findings },
        Unfit::Failed(error) => OpenStoreError::Store(error).into(),
    })
}

/// Brings a copy to the present schema, and tells in it that it was restored, so that what could fail has failed before
/// the old database is touched.
pub(super) fn make_ready(
    draft: &Path,
    stamp: RestoreStamp<'_>,
    vault: Option<&Vault>,
) -> Result<BackupContents, RestoreError> {
    backup_seal::cut(draft).map_err(directory_error(draft))?;
    let mut connection = Connection::open(draft).map_err(OpenStoreError::from)?;
    connection
        .pragma_update(None, "trusted_schema", false)
        .map_err(OpenStoreError::from)?;
    // No second file beside it, which the rename would leave behind.
    stand_alone(&connection).map_err(OpenStoreError::from)?;
    migration::migrate(&mut connection, stamp.at)?;
    tell(&mut connection, stamp, vault).map_err(OpenStoreError::Store)?;
    let bytes = fs::metadata(draft).map_err(directory_error(draft))?.len();
    contents::contents(&connection, bytes).map_err(|error| OpenStoreError::Store(error).into())
}

/// Without a vault the new end of the chain is not sealed here: that is done with the next entry.
fn tell(
    connection: &mut Connection,
    stamp: RestoreStamp<'_>,
    vault: Option<&Vault>,
) -> Result<(), StoreError> {
    let transaction = connection.transaction()?;
    let RestoreStamp { at, by } = stamp;
    audit::append_to_host(&transaction, Stamp { at, by }, restoring(RESTORE_DONE))?;
    audit::seal_host(&transaction, vault)?;
    Ok(transaction.commit()?)
}

/// Ends write-ahead mode, in which a database has its last changes in a second file. Nobody else may have it open.
fn stand_alone(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.busy_timeout(Duration::ZERO)?;
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "delete", |row| row.get(0))?;
    if mode == "delete" {
        return Ok(());
    }
    let busy = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
    Err(rusqlite::Error::SqliteFailure(busy, None))
}

/// Where the backup is to be. The lock of opening is held.
pub(super) struct Place<'a> {
    directory: &'a Path,
    database: PathBuf,
}

impl<'a> Place<'a> {
    pub(super) fn of(directory: &'a Path) -> Self {
        Self {
            directory,
            database: directory.join(DATABASE),
        }
    }

    /// Nobody may have the database open, but for the store `own`.
    pub(super) fn check_free(
        &self,
        if_there: IfThere,
        own: Option<&str>,
    ) -> Result<(), RestoreError> {
        let directory = self.directory;
        if owner::is_any_alive(directory, own).map_err(directory_error(directory))? {
            return Err(self.in_use());
        }
        if self.database.exists() && if_there == IfThere::Refuse {
            return Err(RestoreError::Exists {
                directory: directory.to_owned(),
            });
        }
        Ok(())
    }

    fn in_use(&self) -> RestoreError {
        RestoreError::InUse {
            directory: self.directory.to_owned(),
        }
    }

    /// Gives the draft the name of the database. The one that was there is kept under the name that is told.
    pub(super) fn put(
        &self,
        draft: NamedTempFile,
        now: Timestamp,
    ) -> Result<Option<PathBuf>, RestoreError> {
        let replaced = self.set_aside(now)?;
        if let Err(error) = draft.persist(&self.database) {
            if let Some(aside) = &replaced {
                Self::leave(aside);
            }
            return Err(directory_error(&self.database)(error.error).into());
        }
        sync(self.directory).map_err(directory_error(self.directory))?;
        Ok(replaced)
    }

    /// Takes back the second name of a database that keeps its first, unless there are changes beside it.
    fn leave(aside: &Path) {
        let has_changes = JOURNALS.iter().any(|suffix| beside(aside, suffix).exists());
        if !has_changes && let Err(error) = fs::remove_file(aside) {
            tracing::warn!("cannot remove `{}`: {error}", aside.display());
        }
    }

    /// Removes the drafts of those who were killed: all but `own`.
    pub(super) fn remove_old_drafts(&self, own: Option<&Path>) -> Result<(), OpenStoreError> {
        let failed = || directory_error(self.directory);
        for entry in fs::read_dir(self.directory).map_err(failed())? {
            let name = entry.map_err(failed())?.file_name();
            if own.and_then(Path::file_name) != Some(&name)
                && name
                    .to_str()
                    .is_some_and(|name| DataFile::of(name) == DataFile::Draft)
            {
                fs::remove_file(self.directory.join(&name)).map_err(failed())?;
            }
        }
        Ok(())
    }

    /// Where a backup is until it is checked.
    pub(super) fn draft(&self) -> Result<NamedTempFile, OpenStoreError> {
        tempfile::Builder::new()
            .prefix(DRAFT)
            .permissions(Permissions::from_mode(0o600))
            .tempfile_in(self.directory)
            .map_err(directory_error(self.directory))
    }

    fn copy(
        &self,
        file: &Path,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<NamedTempFile, RestoreError> {
        let unreadable = |source| RestoreError::File {
            path: file.to_owned(),
            source,
        };
        let unwritable = || directory_error(self.directory);
        let mut source = File::open(file).map_err(unreadable)?;
        let total_bytes = source.metadata().map_err(unreadable)?.len();
        let mut draft = self.draft()?;
        let mut chunk = Vec::new();
        let mut done_bytes = 0;
        loop {
            chunk.clear();
            let read = (&mut source).take(CHUNK_BYTES).read_to_end(&mut chunk);
            if read.map_err(unreadable)? == 0 {
                break;
            }
            draft.write_all(&chunk).map_err(unwritable())?;
            done_bytes += chunk.len() as u64;
            let report = Progress {
                done_bytes,
                total_bytes,
            };
            if progress(report).is_break() {
                return Err(RestoreError::BrokenOff);
            }
        }
        draft.as_file().sync_all().map_err(unwritable())?;
        Ok(draft)
    }

    /// Gives the database that is there a second name, and takes away what would be read as changes to the new one.
    fn set_aside(&self, now: Timestamp) -> Result<Option<PathBuf>, RestoreError> {
        self.fold()?;
        let aside = self.free_name(now)?;
        if self.database.exists() {
            // A link, not a move: until the new one has its name, the old one has, too.
            fs::hard_link(&self.database, &aside).map_err(directory_error(&aside))?;
        }
        for suffix in JOURNALS {
            let (from, to) = (beside(&self.database, suffix), beside(&aside, suffix));
            match fs::rename(&from, &to) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(directory_error(&from)(error).into());
                }
                _ => {}
            }
        }
        sync(self.directory).map_err(directory_error(self.directory))?;
        Ok(aside.exists().then_some(aside))
    }

    /// Puts the last changes into the file of the database. One that is damaged stays as it is.
    fn fold(&self) -> Result<(), RestoreError> {
        if !self.database.exists() {
            return Ok(());
        }
        let folded = Connection::open(&self.database).and_then(|old| stand_alone(&old));
        let Err(error) = folded else { return Ok(()) };
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Ok(()),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Err(self.in_use()),
            _ => Err(OpenStoreError::Store(StoreError::from(error)).into()),
        }
    }

    fn free_name(&self, now: Timestamp) -> Result<PathBuf, RestoreError> {
        let at = now.strftime("%Y%m%dT%H%M%SZ");
        let numbered = |number: u32| match number {
            0 => format!("{REPLACED}{at}.db"),
            _ => format!("{REPLACED}{at}-{number}.db"),
        };
        let mut names = (0..100).map(|number| self.directory.join(numbered(number)));
        let free = names.find(|path| path.symlink_metadata().is_err());
        free.ok_or_else(|| {
            let taken = io::Error::from(io::ErrorKind::AlreadyExists);
            directory_error(&self.directory.join(numbered(0)))(taken).into()
        })
    }
}

/// A file that SQLite keeps beside a database.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}
