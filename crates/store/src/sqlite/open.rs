//! Opening the database: its files, its connections, its schema.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use crate::error::StoreError;

/// The file of the database in the data directory.
pub(super) const DATABASE: &str = "lockstep.db";
/// Held while a process opens the database.
pub(super) const OPEN_LOCK: &str = "open.lock";

/// How long we wait for another process: far longer than any transaction of ours, far shorter than people wait.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Pages of the write-ahead log that a store leaves behind when it is closed. The next one reads them all when it opens:
/// some hundred microseconds, where writing them into the database waits for the disk thrice.
const LEFT_PAGES: i64 = 256;

/// Prepared statements that a connection keeps: more than we have.
const STATEMENTS: usize = 128;

/// Why a database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenStoreError {
    /// The data directory, or a file in it, cannot be used.
    #[error("cannot use `{}`", path.display())]
    Directory {
        /// Which one.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A later release of Lockstep wrote it.
    #[error(
        "the database has schema {found}, and this release knows schema {known}: use a later release"
    )]
    NewerSchema {
        /// Of the database.
        found: u32,
        /// Of this release.
        known: u32,
    },
    /// It is a database of something else.
    #[error("`{DATABASE}` is not a database of Lockstep")]
    Foreign,
    /// The database itself fails.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for OpenStoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

/// The data directory, made for us alone if it is not there.
pub(super) fn make_directory(path: &Path) -> Result<(), OpenStoreError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(directory_error(path))
}

/// Waits until no other process opens or looks for the dead; the lock ends with the file.
pub(super) fn lock_opening(directory: &Path) -> Result<File, OpenStoreError> {
    let path = directory.join(OPEN_LOCK);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(directory_error(&path))?;
    file.lock().map_err(directory_error(&path))?;
    Ok(file)
}

/// The connection that writes. Makes the database file if it is not there.
pub(super) fn open_for_writing(directory: &Path) -> Result<Connection, OpenStoreError> {
    let path = directory.join(DATABASE);
    make_database(&path).map_err(directory_error(&path))?;
    let connection = connect(&path)?;
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    if mode != "wal" {
        return Err(OpenStoreError::Store(StoreError::ReadOnly));
    }
    set_synchronous(&connection, false)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // What is deleted or written over is zeroed, sealed though it is.
    connection.pragma_update(None, "secure_delete", true)?;
    Ok(connection)
}

/// A commit is on disk when it returns (FULL); or, if it `is_hasty`, when the next one is that is not (NORMAL).
pub(super) fn set_synchronous(
    connection: &Connection,
    is_hasty: bool,
) -> Result<(), rusqlite::Error> {
    let level = if is_hasty { "normal" } else { "full" };
    connection.pragma_update(None, "synchronous", level)
}

/// Closes the connection that writes. The write-ahead log goes into the database if it `has_changes` of more than runs, or
/// has become long. If that fails the log stays, and the next store reads it.
pub(super) fn finish_writing(connection: Connection, has_changes: bool) {
    let pages = |mode| -> Result<i64, _> {
        connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), (), |row| {
            row.get(1)
        })
    };
    let is_long = |pages: i64| pages > LEFT_PAGES;
    if has_changes || pages("NOOP").is_ok_and(is_long) {
        // Not left to the closing, which does it only where no other process has the database open.
        drop(pages("TRUNCATE"));
    }
    if pages("NOOP").is_ok_and(|pages| pages <= 0) {
        // Who is the last to close it removes the empty file.
        drop(connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false));
    }
    drop(connection.close());
}

/// A connection that only reads.
pub(super) fn open_for_reading(directory: &Path) -> Result<Connection, StoreError> {
    let connection = connect(&directory.join(DATABASE))?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// For what does not wait: `Busy` at once if there is a lock in the way.
pub(super) fn open_for_glancing(directory: &Path) -> Result<Connection, StoreError> {
    let connection = open_for_reading(directory)?;
    connection.busy_timeout(Duration::ZERO)?;
    Ok(connection)
}

fn connect(path: &Path) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // A plan does not depend on the values that are bound: else SQLite compiles some kept statements anew for each use,
    // as rusqlite clears their bindings in between.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    Ok(connection)
}

/// Makes the file with its mode, which SQLite gives to its other files, too.
///
/// One that is there is not opened: closing it again would drop the locks that another store of this process has on it
/// (<https://sqlite.org/howtocorrupt.html>, section 2.2).
fn make_database(path: &Path) -> io::Result<()> {
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match made {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

pub(super) fn directory_error(path: &Path) -> impl FnOnce(io::Error) -> OpenStoreError {
    move |source| match source.kind() {
        io::ErrorKind::ReadOnlyFilesystem => StoreError::ReadOnly.into(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full.into(),
        _ => OpenStoreError::Directory {
            path: path.to_owned(),
            source,
        },
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_kept_statement_is_not_compiled_again_when_it_is_used_again() {
        let directory = TempDir::new().unwrap();
        let connection = open_for_writing(directory.path()).unwrap();
        // As logs have it. Its plan would depend on the value.
        connection
            .execute_batch(
                "CREATE TABLE things (place INTEGER, number INTEGER, PRIMARY KEY (place, number))
                 WITHOUT ROWID",
            )
            .unwrap();
        for place in 0..5 {
            let mut last = connection
                .prepare_cached("SELECT max(number) FROM things WHERE place = ?1")
                .unwrap();
            assert!(last.exists([place]).unwrap());
            assert_eq!(last.get_status(StatementStatus::RePrepare), 0);
        }
    }
}
