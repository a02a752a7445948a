//! A copy of the database while it is in use.
//!
//! SQLite's backup interface copies page by page what one read transaction sees, so the copy is of one moment, nobody
//! waits for it, and it starts over for nobody who writes meanwhile. `VACUUM INTO` would give the same, but sorts all
//! tables anew and cannot say how far it is.

use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, ErrorCode};
use tempfile::NamedTempFile;

use crate::backup::{BackupContents, BackupError, IfThere, Progress};
use crate::error::StoreError;

use super::SqliteStore;
use super::contents::{self, Unfit};
use super::draft::Draft;

/// Pages between two reports of progress: 4 MiB, some milliseconds.
const PAGES_PER_STEP: i32 = 1024;

impl SqliteStore {
    /// Writes a copy of the database to `target`, which is there when it is complete, checked and on disk, or not at
    /// all. Nobody who works with the database waits for it. `progress` can break it off.
    ///
    /// # Errors
    /// [`BackupError`].
    pub async fn back_up(
        &self,
        target: &Path,
        if_there: IfThere,
        mut progress: impl FnMut(Progress) -> ControlFlow<()> + Send + 'static,
    ) -> Result<BackupContents, BackupError> {
        let place = Place::find(target, if_there, &self.directory)?;
        self.readers
            .read(move |connection| Ok(place.fill(connection, &mut progress)))
            .await?
    }
}

/// Where a backup is to be.
struct Place {
    path: PathBuf,
    directory: PathBuf,
    if_there: IfThere,
}

impl Place {
    fn find(target: &Path, if_there: IfThere, data: &Path) -> Result<Self, BackupError> {
        let failed = target_error(target);
        let path = std::path::absolute(target).map_err(&failed)?;
        let directory = path.parent().unwrap_or(&path).to_owned();
        let real = directory.canonicalize().map_err(&failed)?;
        if real.starts_with(data.canonicalize().map_err(&failed)?) {
            return Err(BackupError::InDataDirectory {
                path: target.to_owned(),
            });
        }
        let place = Self {
            path: target.to_owned(),
            directory,
            if_there,
        };
        match place.path.symlink_metadata() {
            Ok(there) if there.is_dir() || if_there == IfThere::Refuse => Err(place.exists()),
            _ => Ok(place),
        }
    }

    fn exists(&self) -> BackupError {
        BackupError::Exists {
            path: self.path.clone(),
        }
    }

    fn fill(
        &self,
        source: &Connection,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<BackupContents, BackupError> {
        let failed = target_error(&self.path);
        let draft = Draft::begin(&self.directory).map_err(&failed)?;
        let path = draft.copy().path();
        copy(source, path, progress).map_err(|error| self.copy_error(error))?;
        draft.copy().as_file().sync_all().map_err(&failed)?;
        let contents = self.check(path)?;
        draft.end(|copy| self.publish(copy))?;
        Ok(contents)
    }

    /// Reads back what was written.
    fn check(&self, draft: &Path) -> Result<BackupContents, BackupError> {
        let bytes = draft.metadata().map_err(target_error(&self.path))?.len();
        let written = contents::open_still(draft)?;
        match contents::check(&written, bytes) {
            Ok(()) => Ok(contents::contents(&written, bytes)?),
            Err(Unfit::Damaged(findings)) => Err(BackupError::Damaged { findings }),
            Err(Unfit::Failed(error)) => Err(error.into()),
            Err(Unfit::Foreign | Unfit::NewerSchema(_)) => Err(BackupError::Damaged {
                findings: vec!["the copy is not what was copied".to_owned()],
            }),
        }
    }

    fn publish(&self, copy: NamedTempFile) -> Result<(), BackupError> {
        let placed = match self.if_there {
            IfThere::Refuse => copy.persist_noclobber(&self.path),
            IfThere::Replace => copy.persist(&self.path),
        };
        match placed {
            Ok(_) => sync(&self.directory).map_err(target_error(&self.path)),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Err(self.exists()),
            Err(error) => Err(target_error(&self.path)(error.error)),
        }
    }

    /// Reading the database fills no disk, so that is about the target.
    fn copy_error(&self, error: CopyError) -> BackupError {
        let error = match error {
            CopyError::BrokenOff => return BackupError::BrokenOff,
            CopyError::Busy => {
                return target_error(&self.path)(io::Error::from(io::ErrorKind::ResourceBusy));
            }
            CopyError::Sqlite(error) => error,
        };
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => {
                target_error(&self.path)(io::Error::from(io::ErrorKind::StorageFull))
            }
            Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly) => {
                target_error(&self.path)(io::Error::other(error))
            }
            _ => StoreError::from(error).into(),
        }
    }
}

enum CopyError {
    BrokenOff,
    Busy,
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for CopyError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// Copies what the transaction that `source` is in sees.
fn copy(
    source: &Connection,
    target: &Path,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<(), CopyError> {
    // A transaction begins when it first reads.
    source.query_row("SELECT count(*) FROM sqlite_schema", (), |_| Ok(()))?;
    let page_bytes: u32 = source.pragma_query_value(None, "page_size", |row| row.get(0))?;
    let mut written = Connection::open(target)?;
    // Who breaks it off throws it away, and it is synced as a whole.
    written.pragma_update(None, "journal_mode", "off")?;
    written.pragma_update(None, "synchronous", "off")?;
    let backup = Backup::new(source, &mut written)?;
    loop {
        let step = backup.step(PAGES_PER_STEP)?;
        let pages = backup.progress();
        let bytes = |pages: i32| u64::try_from(pages).unwrap_or(0) * u64::from(page_bytes);
        let report = Progress {
            done_bytes: bytes(pages.pagecount - pages.remaining),
            total_bytes: bytes(pages.pagecount),
        };
        if progress(report).is_break() {
            return Err(CopyError::BrokenOff);
        }
        match step {
            StepResult::More => {}
            StepResult::Done => break,
            // Who reads in write-ahead mode waits for nobody, so somebody else has opened the copy.
            _ => return Err(CopyError::Busy),
        }
    }
    drop(backup);
    drop(written);
    make_still(target)?;
    Ok(())
}

/// Makes the file stand for itself: without write-ahead mode, so that it can be read where nothing can be written.
fn make_still(path: &Path) -> Result<(), rusqlite::Error> {
    let connection = Connection::open(path)?;
    // Without a shared index, which not all file systems can have.
    connection.pragma_update(None, "locking_mode", "exclusive")?;
    connection.pragma_update(None, "journal_mode", "delete")
}

pub(super) fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

fn target_error(path: &Path) -> impl Fn(io::Error) -> BackupError {
    move |source| BackupError::Target {
        path: path.to_owned(),
        source,
    }
}
