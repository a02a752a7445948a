//! Connections that read, each on a thread for blocking work. In write-ahead mode they wait for nobody.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;
use tokio::task;

use crate::error::StoreError;

use super::open::open_for_reading;

/// Readers at once: SQLite reads from memory mostly, so more than a few only take turns on the processors.
const CONNECTIONS: usize = 4;

/// Connections that are opened when they are needed, and kept.
#[derive(Clone, Debug)]
pub(super) struct Readers {
    directory: PathBuf,
    idle: Arc<Mutex<Vec<Connection>>>,
    places: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(directory: PathBuf) -> Self {
        Self {
            directory,
            idle: Arc::default(),
            places: Arc::new(Semaphore::new(CONNECTIONS)),
        }
    }

    /// Runs `work` on one state of the database.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let place = Arc::clone(&self.places)
            .acquire_owned()
            .await
            .map_err(|_| StoreError::Closed)?;
        let readers = self.clone();
        let reading = task::spawn_blocking(move || {
            let result = readers.read_now(work);
            drop(place);
            result
        });
        reading
            .await
            .map_err(|error| StoreError::Failed(Box::new(error)))?
    }

    fn read_now<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let idle = self.lock_idle().pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => open_for_reading(&self.directory)?,
        };
        // All that `work` reads is of one moment. There is nothing to commit.
        let transaction = connection.transaction()?;
        let result = work(&transaction);
        drop(transaction);
        self.lock_idle().push(connection);
        result
    }

    fn lock_idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
