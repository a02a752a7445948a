//! The whole database: a copy of it for whoever carries it away, and a backup that is to take its place.

use std::fs::File;
use std::io;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task;

use lockstep_step::Caller;
use lockstep_store::{
    BackupContents, BackupCopy, BackupError, OpenStoreError, RestoreError, RestoreStamp,
    StagedBackup, Staging, StoreError,
};
use lockstep_vault::{Forbidden, HostPermit, KekId};

use crate::runner::Runner;

/// Why the database was not copied or replaced. It is as it was.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The caller may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// Another copy is made, carried away or sent: each takes as much of the disk as the database.
    #[error("another copy of the database is on its way")]
    Copying,
    /// There is no copy.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// What was sent is no backup, or has no room.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// It could not be told in the audit.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was sent could not be written.
    #[error("what was sent cannot be written")]
    Write(#[from] io::Error),
}

/// As long as it is there, no other copy is on its way.
#[derive(Debug)]
pub struct CopyTurn(#[expect(dead_code, reason = "it is held")] OwnedSemaphorePermit);

/// A copy of the database. While it is there, no other is made.
#[derive(Debug)]
pub struct TakenBackup {
    /// To be read from its beginning. It has no name, and is gone when it is dropped.
    pub file: File,
    /// What it holds.
    pub contents: BackupContents,
    /// Kept for as long as the file is.
    pub turn: CopyTurn,
}

/// A backup that is being sent. Dropped, it leaves nothing.
#[derive(Debug)]
pub struct IncomingBackup {
    staging: Staging,
    by: Caller,
    turn: CopyTurn,
}

/// A backup that can take the place of the database, when this runner and all that has the database open is gone.
#[derive(Debug)]
pub struct ReadyBackup {
    /// What is put in place.
    pub staged: StagedBackup,
    /// Of the keys that it needs, those that are not at hand.
    pub keys_missing: Vec<KekId>,
    /// Kept until it is in place.
    pub turn: CopyTurn,
}

impl Runner {
    /// A copy of the database, of one moment. Nobody waits for it. The audit of the host tells who took it. Who drops the
    /// future ends it.
    ///
    /// # Errors
    /// [`CopyError::Forbidden`], [`CopyError::Copying`], [`CopyError::Backup`].
    pub async fn take_backup(&self, caller: &Caller) -> Result<TakenBackup, CopyError> {
        let permit = HostPermit::check(caller)?;
        let turn = self.turn_to_copy()?;
        let copy = self.store().take_backup(&permit, Timestamp::now());
        let BackupCopy { file, contents } = copy.await?;
        let bytes = contents.bytes;
        tracing::info!(caller = caller.name, bytes, "a backup was taken");
        Ok(TakenBackup {
            file,
            contents,
            turn,
        })
    }

    /// Room for a backup of so many bytes, that is to take the place of the database.
    ///
    /// # Errors
    /// [`CopyError::Forbidden`], [`CopyError::Copying`], [`CopyError::Restore`] if there is no room for it or another
    /// process has the database open.
    pub async fn begin_restore(
        &self,
        caller: &Caller,
        bytes: u64,
    ) -> Result<IncomingBackup, CopyError> {
        let permit = HostPermit::check(caller)?;
        let turn = self.turn_to_copy()?;
        let staging = self.store().stage_backup(&permit, bytes).await?;
        Ok(IncomingBackup {
            staging,
            by: caller.clone(),
            turn,
        })
    }

    /// Checks what was sent, and tells in the host's audit that it takes the place of the database: the last entry there
    /// of this kind, as whoever has the answer ends this runner.
    ///
    /// # Errors
    /// [`CopyError::Forbidden`], [`CopyError::Restore`], [`CopyError::Store`].
    pub async fn finish_restore(&self, incoming: IncomingBackup) -> Result<ReadyBackup, CopyError> {
        let IncomingBackup { staging, by, turn } = incoming;
        let permit = HostPermit::check(&by)?;
        let name = by.name.clone();
        let checked = task::spawn_blocking(move || {
            let at = Timestamp::now();
            staging.finish(RestoreStamp { at, by: &name })
        });
        let staged = checked.await.map_err(failed)??;
        let keys_missing = self.not_at_hand(&staged.contents().keks);
        self.store().tell_restore(&permit, Timestamp::now()).await?;
        let bytes = staged.contents().bytes;
        tracing::info!(
            caller = by.name,
            bytes,
            "a backup is to take the place of the database"
        );
        Ok(ReadyBackup {
            staged,
            keys_missing,
            turn,
        })
    }

    fn not_at_hand(&self, needed: &[KekId]) -> Vec<KekId> {
        let ring = self.parts.vault.ring().ok();
        let mut missing = needed.to_vec();
        missing.retain(|kek| !ring.as_ref().is_some_and(|ring| ring.holds(*kek)));
        missing
    }

    /// One copy is on its way at a time.
    fn turn_to_copy(&self) -> Result<CopyTurn, CopyError> {
        let turn = Arc::clone(&self.parts.copying).try_acquire_owned();
        turn.map(CopyTurn).map_err(|_| CopyError::Copying)
    }
}

impl IncomingBackup {
    /// Where its bytes go, from the first to the last.
    ///
    /// # Errors
    /// [`CopyError::Write`].
    pub fn file(&self) -> Result<File, CopyError> {
        Ok(self.staging.file()?)
    }
}

fn failed(error: task::JoinError) -> RestoreError {
    OpenStoreError::Store(StoreError::Failed(Box::new(error))).into()
}
