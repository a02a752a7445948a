//! The whole database of a server: a copy of it, and a backup that takes its place. For admins of `default`.

use std::fs::File;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use jiff::Timestamp;
use serde::Deserialize;

use crate::client::{Client, Patience};
use crate::error::ClientError;
use crate::pieces::Pieces;

/// How long a server may take to copy its database, or to check what was sent. It reads hundreds of megabytes a second:
/// this is for databases that no disk holds.
const COPY: Duration = Duration::from_secs(60 * 60);
/// How long the next piece of a backup is waited for.
const PIECE: Duration = Duration::from_secs(60);

/// A backup as it comes.
pub struct IncomingBackup {
    pieces: Pieces,
    total_bytes: u64,
}

/// A backup that was taken, and takes the place of the database when all runs have ended.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct RestoreBegun {
    /// When it was asked for. [`Client::restore_state`] tells with the same time what came of it.
    pub asked_at: Timestamp,
    /// What it holds.
    #[serde(flatten)]
    pub contents: BackupContents,
    /// Of the keys that its credentials need, those that the server does not have.
    pub keys_missing: Vec<String>,
}

/// What a backup holds.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct BackupContents {
    /// Length of the file.
    pub bytes: u64,
    /// Its schema.
    pub schema: u32,
    /// The key-encryption keys without which its credentials cannot be opened.
    pub keys: Vec<String>,
    /// How many workspaces.
    pub workspaces: u64,
    /// How many workflows.
    pub workflows: u64,
    /// How many credentials.
    pub credentials: u64,
    /// How many steps, each in all its versions.
    pub steps: u64,
    /// How many runs.
    pub runs: u64,
    /// How many of them had not ended.
    pub open_runs: u64,
}

/// How far the last restore of a server is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct RestoreState {
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// `waiting`, `restored` or `failed`.
    pub state: String,
    /// The name in the data directory of the host under which the database is kept that was there before.
    pub replaced: Option<String>,
    /// Why it failed, for programs.
    pub code: Option<String>,
    /// Why it failed, for people.
    pub detail: Option<String>,
}

impl Client {
    /// Has the server copy its database. The answer is there when the copy is.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn backup(&self) -> Result<IncomingBackup, ClientError> {
        let ask = self.get("/v1/host/backup");
        let ask = ask.accepting("application/vnd.sqlite3");
        let answer = ask.patience(Patience::Long(COPY)).send().await?;
        let pieces = Pieces::new(answer).patience(PIECE);
        match pieces.left() {
            Some(total_bytes) => Ok(IncomingBackup {
                pieces,
                total_bytes,
            }),
            None => Err(pieces.strange("a backup that does not say how long it is")),
        }
    }

    /// Sends a backup of so many bytes that is to replace the database. `sent` hears how many have gone.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn restore(
        &self,
        backup: File,
        bytes: u64,
        sent: impl FnMut(u64) + Send + 'static,
    ) -> Result<RestoreBegun, ClientError> {
        let ask = self.ask(Method::POST, "/v1/host/restore?force=true");
        let ask = ask.file("application/vnd.sqlite3", backup, bytes, Box::new(sent));
        let answer = ask.patience(Patience::Long(COPY)).send().await?;
        answer.json().await
    }

    /// How far the last restore is.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn restore_state(&self) -> Result<RestoreState, ClientError> {
        self.get("/v1/host/restore").send().await?.json().await
    }
}

impl IncomingBackup {
    /// How long it is.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    /// The next piece of it; `None`: that was all, and as long as it was to be.
    ///
    /// # Errors
    /// [`ClientError::Late`], [`ClientError::Broken`].
    pub async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        self.pieces.next().await
    }
}
