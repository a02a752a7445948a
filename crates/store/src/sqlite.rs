//! The store of one machine: SQLite in a data directory, which several processes may use at once.
//!
//! One connection writes, on a thread of its own; a few read. All SQL is in the files of this folder.

mod arriving;
mod audit;
mod back_up;
mod backup_seal;
mod changes;
mod column;
mod contents;
mod credentials;
mod damage;
mod draft;
mod egress;
mod failure;
mod files;
mod history;
mod idempotency;
mod keks;
mod members;
mod migration;
mod open;
mod operations;
mod owner;
mod readers;
mod restore;
mod runs;
mod staging;
mod steps;
mod tokens;
mod workspaces;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use jiff::Timestamp;
use rusqlite::{Connection, TransactionBehavior};

use lockstep_step::RunId;
use lockstep_vault::Vault;

use crate::error::StoreError;

pub use arriving::ArrivingBackup;
pub use files::DataFile;
pub use open::OpenStoreError;
use owner::Owner;
use readers::Readers;
pub use restore::RestoreStamp;
pub use staging::{PutError, StagedBackup, Staging};
use writer::{Weight, Writer};

/// The store in a data directory.
#[derive(Debug)]
pub struct SqliteStore {
    // In the order in which they end: the writer closes the last connection, and all is written and closed before others
    // may take our runs for lost.
    readers: Readers,
    writer: Writer,
    owner: Owner,
    directory: PathBuf,
    /// What ends of chains are sealed with.
    vault: RwLock<Option<Arc<Vault>>>,
}

impl SqliteStore {
    /// Whether `directory` holds a database.
    #[must_use]
    pub fn is_in(directory: &Path) -> bool {
        directory.join(open::DATABASE).exists()
    }

    /// Opens the store in `directory`, makes it if it is not there, and marks the runs of dead processes as lost.
    ///
    /// Blocks, also while another process opens it.
    ///
    /// # Errors
    /// [`OpenStoreError`].
    pub fn open(directory: &Path, now: Timestamp) -> Result<Self, OpenStoreError> {
        open::make_directory(directory)?;
        let opening = open::lock_opening(directory)?;
        let mut connection = open::open_for_writing(directory)?;
        migration::migrate(&mut connection, now)?;
        let owner = Owner::begin(directory)?;
        let weightiest = start_over(&mut connection, directory, now)?;
        drop(opening);
        let writer =
            Writer::start(connection, weightiest).map_err(open::directory_error(directory))?;
        Ok(Self {
            writer,
            readers: Readers::new(directory.to_owned()),
            owner,
            directory: directory.to_owned(),
            vault: RwLock::default(),
        })
    }
}

/// What is done before the first caller comes. Writes nothing if there is nothing to do. Tells what may be in the
/// write-ahead log.
fn start_over(
    connection: &mut Connection,
    directory: &Path,
    now: Timestamp,
) -> Result<Weight, OpenStoreError> {
    let dead = dead_owners(connection, directory)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    workspaces::add_default(&transaction, now)?;
    let lost = runs::mark_lost(&transaction, &dead, now)?;
    transaction.commit()?;
    tell_lost(&lost);
    let found_dead = owner::remove_dead(directory).map_err(open::directory_error(directory))?;
    // Who was killed had no time to put its changes into the database.
    let has_changes = found_dead || connection.total_changes() > 0;
    Ok(if has_changes {
        Weight::Change
    } else {
        Weight::Passing
    })
}

/// The stores that have open runs and are open nowhere. The caller holds the lock of opening.
fn dead_owners(connection: &Connection, directory: &Path) -> Result<Vec<String>, OpenStoreError> {
    let mut dead = Vec::new();
    for id in runs::owners(connection)? {
        if !owner::is_alive(directory, &id).map_err(open::directory_error(directory))? {
            dead.push(id);
        }
    }
    Ok(dead)
}

fn tell_lost(lost: &[RunId]) {
    for run in lost {
        tracing::warn!(%run, "a run was left open by a process that is gone");
    }
}

impl From<OpenStoreError> for StoreError {
    fn from(error: OpenStoreError) -> Self {
        match error {
            OpenStoreError::Store(error) => error,
            other => Self::Failed(Box::new(other)),
        }
    }
}
