//! What the files in a data directory are, by their names.

use super::open::{DATABASE, OPEN_LOCK};
use super::owner::OWNERS;
use super::restore::{DRAFT, REPLACED};

/// What a file in a data directory is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DataFile {
    /// The database, or what SQLite keeps beside it.
    Database,
    /// A database that a restore has replaced, or what was beside it.
    Replaced,
    /// The unfinished copy of a restore. If nobody restores, it was left by one who was killed.
    Draft,
    /// What tells processes of each other.
    Lock,
    /// Not the store's.
    Other,
}

impl DataFile {
    /// What the entry `name` of a data directory is.
    #[must_use]
    pub fn of(name: &str) -> Self {
        match name {
            OPEN_LOCK | OWNERS => Self::Lock,
            _ if name.starts_with(DATABASE) => Self::Database,
            _ if name.starts_with(REPLACED) => Self::Replaced,
            _ if name.starts_with(DRAFT) => Self::Draft,
            _ => Self::Other,
        }
    }
}
