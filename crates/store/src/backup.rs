//! What the store tells about backups: copies of the whole database in one file.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use lockstep_vault::KekId;

use crate::error::StoreError;

/// What to do with what stands in the way.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum IfThere {
    /// Leave it, and fail.
    Refuse,
    /// Put the new one in its place.
    Replace,
}

/// How far a copy is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Progress {
    /// Bytes that are copied.
    pub done_bytes: u64,
    /// Bytes that there are to copy.
    pub total_bytes: u64,
}

/// What a backup holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BackupContents {
    /// Length of the file.
    pub bytes: u64,
    /// Whether it has the seal of a host, without which no server restores it.
    pub is_sealed: bool,
    /// Its schema.
    pub schema: u32,
    /// The key-encryption keys without which its credentials cannot be opened.
    pub keks: Vec<KekId>,
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

/// A copy of the database for whoever carries it away.
#[derive(Debug)]
pub struct BackupCopy {
    /// It has no name any more, and is gone when this is closed.
    pub file: File,
    /// What it holds.
    pub contents: BackupContents,
}

/// Why nobody can tell who made a backup.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unsealed {
    /// It was made where no key was at hand, or by an earlier release.
    #[error("it has no seal of the host that made it")]
    NoSeal,
    /// Its seal is of a key that is not here.
    #[error("its seal is of key `{0}`, which is not at hand")]
    UnknownKek(KekId),
    /// It is not as it was when it was sealed, or the seal was never one.
    #[error("its seal does not fit: it was altered")]
    Altered,
    /// There is no key here.
    #[error("there is no key at hand that its seal could be checked with")]
    NoKey,
}

/// A backup that was put in place.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Restored {
    /// What it holds.
    pub contents: BackupContents,
    /// Where the database is kept that was there before.
    pub replaced: Option<PathBuf>,
}

/// Why there is no backup. Nothing was written to its place.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Something is there, and it was not to be replaced.
    #[error("`{}` exists already", path.display())]
    Exists {
        /// What is there.
        path: PathBuf,
    },
    /// It would be lost with what it is a copy of.
    #[error("`{}` is in the data directory", path.display())]
    InDataDirectory {
        /// Where it was to be.
        path: PathBuf,
    },
    /// It cannot be written there.
    #[error("cannot write `{}`", path.display())]
    Target {
        /// Where it was to be.
        path: PathBuf,
        /// What the operating system, or SQLite, said.
        source: io::Error,
    },
    /// What was written is not whole: what it was copied from is not.
    #[error("the database is damaged: {}", findings.join("; "))]
    Damaged {
        /// What SQLite found.
        findings: Vec<String>,
    },
    /// A later release of Lockstep wrote what came from elsewhere.
    #[error(
        "what came has schema {found}, and this release knows schema {known}: use a later release"
    )]
    NewerSchema {
        /// Of what came.
        found: u32,
        /// Of this release.
        known: u32,
    },
    /// Whoever wanted it broke it off.
    #[error("the backup was broken off")]
    BrokenOff,
    /// The database cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a backup was not put in place. The database that was there is as it was.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The backup cannot be read.
    #[error("cannot read `{}`", path.display())]
    File {
        /// The backup.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// It is something else.
    #[error("`{}` is not a database of Lockstep", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A later release of Lockstep wrote it.
    #[error(
        "`{}` has schema {found}, and this release knows schema {known}: use a later release",
        path.display()
    )]
    NewerSchema {
        /// The backup.
        path: PathBuf,
        /// Of the backup.
        found: u32,
        /// Of this release.
        known: u32,
    },
    /// It is cut off, or was altered.
    #[error("`{}` is damaged: {}", path.display(), findings.join("; "))]
    Damaged {
        /// The backup.
        path: PathBuf,
        /// What SQLite found.
        findings: Vec<String>,
    },
    /// It is the file of a database in use, and the last changes are in the file beside it.
    #[error("`{}` is not a backup: its last changes are in `{}`", path.display(), journal.display())]
    Incomplete {
        /// The file.
        path: PathBuf,
        /// What belongs to it.
        journal: PathBuf,
    },
    /// There is a database, and it was not to be replaced.
    #[error("`{}` holds a database already", directory.display())]
    Exists {
        /// The data directory.
        directory: PathBuf,
    },
    /// It was sent by somebody who could have written it, and nothing says that a host of this key has.
    #[error("no server restores this backup: {0}")]
    Unsealed(Unsealed),
    /// The disk has no room for it beside the database.
    #[error(
        "a backup of {bytes} bytes has no room on the disk: {free} bytes are free, and {reserve} of them are kept"
    )]
    NoRoom {
        /// Of the backup.
        bytes: u64,
        /// What is free.
        free: u64,
        /// What is kept for the database that goes on meanwhile.
        reserve: u64,
    },
    /// Another process has the database open.
    #[error("the database in `{}` is in use by another process", directory.display())]
    InUse {
        /// The data directory.
        directory: PathBuf,
    },
    /// Whoever wanted it broke it off.
    #[error("the restore was broken off")]
    BrokenOff,
    /// The data directory, or the database in it, cannot be used.
    #[error(transparent)]
    Store(#[from] crate::OpenStoreError),
}
