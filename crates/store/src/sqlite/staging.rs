//! A backup that is sent to a store which is open, to take its place when that is closed.
//!
//! It is written beside the database and checked while everybody goes on. Then the store is closed, and what is left to
//! do is a rename.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use tempfile::NamedTempFile;

use lockstep_vault::Vault;

use crate::backup::{BackupContents, IfThere, RestoreError, Restored};

use super::SqliteStore;
use super::backup_seal;
use super::open::{self, directory_error};
use super::restore::{self, Place, RestoreStamp};

/// What is left free on the disk for the database that goes on meanwhile.
const RESERVE_BYTES: u64 = 64 << 20;

/// The place of a backup that is on its way. Dropped, it leaves nothing.
#[derive(Debug)]
pub struct Staging {
    draft: NamedTempFile,
    directory: PathBuf,
    /// What the end of the host's chain is sealed with.
    vault: Option<Arc<Vault>>,
}

/// A backup that is checked, and waits for the store to be closed. Dropped, it leaves nothing.
#[derive(Debug)]
pub struct StagedBackup {
    draft: NamedTempFile,
    directory: PathBuf,
    contents: BackupContents,
}

impl SqliteStore {
    /// Room for a backup of so many bytes. Nobody else may have the database open. Blocks.
    pub(super) fn stage(
        directory: PathBuf,
        own: &str,
        vault: Option<Arc<Vault>>,
        bytes: u64,
    ) -> Result<Staging, RestoreError> {
        let opening = open::lock_opening(&directory)?;
        let place = Place::of(&directory);
        place.check_free(IfThere::Replace, Some(own))?;
        place.remove_old_drafts(None)?;
        let disk = rustix::fs::statvfs(&directory)
            .map_err(|error| directory_error(&directory)(error.into()))?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        if bytes.saturating_add(RESERVE_BYTES) > free {
            return Err(RestoreError::NoRoom {
                bytes,
                free,
                reserve: RESERVE_BYTES,
            });
        }
        let draft = place.draft()?;
        drop(opening);
        Ok(Staging {
            draft,
            directory,
            vault,
        })
    }
}

impl Staging {
    /// Where its bytes go, from the first to the last.
    ///
    /// # Errors
    /// When the operating system gives no second handle to the file.
    pub fn file(&self) -> std::io::Result<File> {
        self.draft.as_file().try_clone()
    }

    /// Checks what has come, and first of all that a host of our key has made it; brings it to the present schema, and tells in its audit who restored it. Blocks.
    ///
    /// # Errors
    /// [`RestoreError`]. The database is as it was.
    pub fn finish(self, stamp: RestoreStamp<'_>) -> Result<StagedBackup, RestoreError> {
        let Self {
            draft,
            directory,
            vault,
        } = self;
        let path = draft.path();
        draft.as_file().sync_all().map_err(directory_error(path))?;
        backup_seal::check(path, vault.as_deref())
            .map_err(directory_error(path))?
            .map_err(RestoreError::Unsealed)?;
        restore::check(path, path)?;
        let contents = restore::make_ready(path, stamp, vault.as_deref())?;
        draft.as_file().sync_all().map_err(directory_error(path))?;
        Ok(StagedBackup {
            draft,
            directory,
            contents,
        })
    }
}

impl StagedBackup {
    /// What it holds.
    #[must_use]
    pub fn contents(&self) -> &BackupContents {
        &self.contents
    }

    /// Puts it in the place of the database, which nobody may have open. The one that is replaced is kept beside it.
    /// Blocks.
    ///
    /// # Errors
    /// [`RestoreError`], with itself to try again if the database is still in use. The database is as it was.
    pub fn put_in_place(self, now: Timestamp) -> Result<Restored, PutError> {
        let opening = match open::lock_opening(&self.directory) {
            Ok(opening) => opening,
            Err(error) => return Err(PutError::Failed(error.into())),
        };
        let place = Place::of(&self.directory);
        match place.check_free(IfThere::Replace, None) {
            Ok(()) => {}
            Err(RestoreError::InUse { .. }) => return Err(PutError::InUse(Box::new(self))),
            Err(error) => return Err(PutError::Failed(error)),
        }
        let Self {
            draft, contents, ..
        } = &self;
        place.remove_old_drafts(Some(draft.path()))?;
        let contents = contents.clone();
        let replaced = place.put(self.draft, now)?;
        drop(opening);
        Ok(Restored { contents, replaced })
    }
}

/// Why a backup was not put in the place of the database, which is as it was.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// Somebody has the database open. It can be tried again.
    #[error("the database is in use")]
    InUse(Box<StagedBackup>),
    /// It cannot be done.
    #[error(transparent)]
    Failed(#[from] RestoreError),
}

impl From<open::OpenStoreError> for PutError {
    fn from(error: open::OpenStoreError) -> Self {
        Self::Failed(error.into())
    }
}
