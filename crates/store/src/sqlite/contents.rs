//! What is in the file of a database that nobody has open: whether it is ours, whether it is whole, what it holds.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use lockstep_vault::KekId;

use crate::backup::BackupContents;
use crate::error::StoreError;

use super::column::Columns as _;
use super::damage::damage;
use super::keks;
use super::migration::{self, SCHEMA};
use super::open::OpenStoreError;

/// Why a file is not what we look for.
#[derive(Debug)]
pub(super) enum Unfit {
    Foreign,
    NewerSchema(u32),
    Damaged(Vec<String>),
    Failed(StoreError),
}

/// Opens a file that nobody writes to. SQLite takes no lock on it, looks for no journal, and makes no file beside it.
pub(super) fn open_still(path: &Path) -> Result<Connection, StoreError> {
    let uri = still_uri(path).map_err(|error| StoreError::Failed(Box::new(error)))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(uri, flags)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(connection)
}

fn still_uri(path: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    let mut uri = b"file://".to_vec();
    for &byte in path.as_os_str().as_bytes() {
        // What ends the path in a URI, and what escapes it.
        match byte {
            b'%' | b'?' | b'#' => uri.extend(format!("%{byte:02x}").bytes()),
            _ => uri.push(byte),
        }
    }
    uri.extend(b"?immutable=1");
    Ok(OsString::from_vec(uri).into())
}

/// Whether it is a database of ours that this release can read, and whole. Reads all of it. Without a seal the file has
/// `bytes`.
pub(super) fn check(connection: &Connection, bytes: u64) -> Result<(), Unfit> {
    if is_no_database(connection) {
        return Err(Unfit::Foreign);
    }
    let schema = match migration::schema(connection) {
        Ok(Some(found)) if found > SCHEMA => return Err(Unfit::NewerSchema(found)),
        Ok(Some(found)) => found,
        Ok(None) | Err(OpenStoreError::Foreign) => return Err(Unfit::Foreign),
        Err(OpenStoreError::Store(error)) => return Err(error.into()),
        Err(error) => return Err(StoreError::Failed(Box::new(error)).into()),
    };
    let mut findings = damage(connection)?;
    findings.extend(deviations(connection, schema)?);
    // SQLite takes what is missing at the end for zeros.
    let whole = length(connection)?;
    if bytes != whole {
        findings.push(format!("it has {bytes} of its {whole} bytes"));
    }
    if findings.is_empty() {
        Ok(())
    } else {
        Err(Unfit::Damaged(findings))
    }
}

/// What is damaged may have no schema that can be read.
fn deviations(connection: &Connection, schema: u32) -> Result<Vec<String>, StoreError> {
    match migration::deviations(connection, schema).map_err(StoreError::from) {
        Err(StoreError::Corrupt { what }) => Ok(vec![what]),
        told => told,
    }
}

fn is_no_database(connection: &Connection) -> bool {
    let read = connection.query_row("SELECT count(*) FROM sqlite_schema", (), |_| Ok(()));
    read.is_err_and(|error| error.sqlite_error_code() == Some(ErrorCode::NotADatabase))
}

fn length(connection: &Connection) -> Result<u64, StoreError> {
    let pragma = |name: &str| -> Result<u32, rusqlite::Error> {
        connection.pragma_query_value(None, name, |row| row.get(0))
    };
    Ok(u64::from(pragma("page_count")?) * u64::from(pragma("page_size")?))
}

/// What a database of the present schema holds.
pub(super) fn contents(connection: &Connection, bytes: u64) -> Result<BackupContents, StoreError> {
    let count = |sql: &str| -> Result<u64, StoreError> {
        connection
            .prepare(sql)?
            .query_and_then((), |row| row.count(0))?
            .next()
            .unwrap_or(Ok(0))
    };
    Ok(BackupContents {
        bytes,
        is_sealed: false,
        schema: connection.pragma_query_value(None, "user_version", |row| row.get(0))?,
        keks: needed_keks(connection)?,
        workspaces: count("SELECT count(*) FROM workspaces")?,
        workflows: count("SELECT count(*) FROM workflows")?,
        credentials: count("SELECT count(*) FROM credentials WHERE record IS NOT NULL")?,
        steps: count("SELECT count(*) FROM steps")?,
        runs: count("SELECT count(*) FROM runs")?,
        open_runs: count("SELECT count(*) FROM runs WHERE status = 'open'")?,
    })
}

fn needed_keks(connection: &Connection) -> Result<Vec<KekId>, StoreError> {
    let keks = keks::list(connection)?.into_iter();
    Ok(keks
        .filter(|kek| kek.wrapped_keys > 0)
        .map(|kek| kek.check.kek)
        .collect())
}

impl From<StoreError> for Unfit {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Corrupt { what } => Self::Damaged(vec![what]),
            other => Self::Failed(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_taken_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["plain", "a b", "50%", "%41", "what?mode=memory", "a#b", "é"] {
            let path = directory.path().join(name);
            let made = Connection::open(&path).unwrap();
            made.execute_batch("CREATE TABLE here (a)").unwrap();
            let found = open_still(&path).unwrap();
            let count: i64 = found
                .query_row("SELECT count(*) FROM here", (), |row| row.get(0))
                .unwrap();
            assert_eq!(count, 0, "{name}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_not_made() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("absent");
        assert!(open_still(&path).is_err());
        assert!(!path.exists());
    }
}
