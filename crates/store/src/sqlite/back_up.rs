//! A copy of the database while it is in use.
//!
//! SQLite's backup interface copies page by page what one read transaction sees, so the copy is of one moment, nobody
//! waits for it, and it starts over for nobody who writes meanwhile. `VACUUM INTO` would give the same, but sorts all
//! tables anew and cannot say how far it is.

use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, ErrorCode};
use tempfile::NamedTempFile;

use lockstep_vault::Vault;

use crate::backup::{BackupContents, BackupCopy, BackupError, IfThere, Progress};
use crate::error::StoreError;

use super::SqliteStore;
use super::backup_seal::{self, SEAL_BYTES};
use super::contents::{self, Unfit};
use super::draft::Draft;
use super::migration::SCHEMA;

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
        let place = Place::find(target, if_there)?;
        place.refuse_below(&self.directory)?;
        let vault = self.vault();
        self.readers
            .read(move |connection| Ok(place.fill(connection, vault.as_deref(), &mut progress)))
            .await?
    }

    /// The same, as a file without a name, which takes as much room in the data directory while it is open. Who drops the
    /// future ends it.
    pub(super) async fn copy_out(&self) -> Result<BackupCopy, BackupError> {
        let (directory, vault, waits) = (self.directory.clone(), self.vault(), Arc::new(()));
        // It is gone as soon as this future is.
        let wanted = Arc::downgrade(&waits);
        let copied = self.readers.read(move |connection| {
            let vault = vault.as_deref();
            Ok(nameless(connection, directory.clone(), vault, &wanted))
        });
        let copied = copied.await?;
        drop(waits);
        copied
    }
}

fn nameless(
    source: &Connection,
    directory: PathBuf,
    vault: Option<&Vault>,
    wanted: &Weak<()>,
) -> Result<BackupCopy, BackupError> {
    let place = Place {
        path: directory.clone(),
        directory,
        if_there: IfThere::Refuse,
    };
    let mut progress = |_| match wanted.strong_count() {
        0 => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    let draft = place.draft()?;
    let contents = place.write(source, &draft, vault, &mut progress)?;
    let file = draft.end(NamedTempFile::into_file);
    Ok(BackupCopy { file, contents })
}

/// Where a backup is to be.
pub(super) struct Place {
    path: PathBuf,
    directory: PathBuf,
    if_there: IfThere,
}

impl Place {
    pub(super) fn find(target: &Path, if_there: IfThere) -> Result<Self, BackupError> {
        let failed = target_error(target);
        let path = std::path::absolute(target).map_err(&failed)?;
        let directory = path.parent().unwrap_or(&path).to_owned();
        directory.canonicalize().map_err(&failed)?;
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

    /// A copy that is in the data directory is lost with it.
    fn refuse_below(&self, data: &Path) -> Result<(), BackupError> {
        let failed = target_error(&self.path);
        let real = self.directory.canonicalize().map_err(&failed)?;
        if real.starts_with(data.canonicalize().map_err(&failed)?) {
            return Err(BackupError::InDataDirectory {
                path: self.path.clone(),
            });
        }
        Ok(())
    }

    fn exists(&self) -> BackupError {
        BackupError::Exists {
            path: self.path.clone(),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn fill(
        &self,
        source: &Connection,
        vault: Option<&Vault>,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<BackupContents, BackupError> {
        let draft = self.draft()?;
        let contents = self.write(source, &draft, vault, progress)?;
        draft.end(|copy| self.publish(copy))?;
        Ok(contents)
    }

    /// Where it is written until it is complete.
    pub(super) fn draft(&self) -> Result<Draft, BackupError> {
        Draft::begin(&self.directory).map_err(target_error(&self.path))
    }

    fn write(
        &self,
        source: &Connection,
        draft: &Draft,
        vault: Option<&Vault>,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<BackupContents, BackupError> {
        let path = draft.copy().path();
        copy(source, path, progress).map_err(|error| self.copy_error(error))?;
        let contents = self.check(draft)?;
        let is_sealed = backup_seal::append(path, vault).map_err(target_error(&self.path))?;
        let seal_bytes = if is_sealed { SEAL_BYTES as u64 } else { 0 };
        Ok(BackupContents {
            bytes: contents.bytes + seal_bytes,
            is_sealed,
            ..contents
        })
    }

    /// Reads back what was written, once it is on disk.
    pub(super) fn check(&self, draft: &Draft) -> Result<BackupContents, BackupError> {
        let failed = target_error(&self.path);
        let copy = draft.copy();
        copy.as_file().sync_all().map_err(&failed)?;
        let bytes = copy.path().metadata().map_err(&failed)?.len();
        let parts = backup_seal::parts(copy.path()).map_err(&failed)?;
        let written = contents::open_still(copy.path())?;
        match contents::check(&written, parts.database_bytes) {
            Ok(()) => Ok(BackupContents {
                is_sealed: parts.is_sealed(),
                ..contents::contents(&written, bytes)?
            }),
            Err(Unfit::Damaged(findings)) => Err(BackupError::Damaged { findings }),
            Err(Unfit::Failed(error)) => Err(error.into()),
            Err(Unfit::NewerSchema(found)) => Err(BackupError::NewerSchema {
                found,
                known: SCHEMA,
            }),
            Err(Unfit::Foreign) => Err(BackupError::Damaged {
                findings: vec!["the copy is not what was copied".to_owned()],
            }),
        }
    }

    pub(super) fn publish(&self, copy: NamedTempFile) -> Result<(), BackupError> {
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
