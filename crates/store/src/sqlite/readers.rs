//! Connections that read. In write-ahead mode they wait for nobody.
//!
//! Most work is done on a thread for blocking work. What looks one row up is done in less time than it takes to wake one,
//! and so on the thread that asks.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;
use tokio::task;

use crate::error::StoreError;

use super::open::{open_for_glancing, open_for_reading};

/// Readers at once: SQLite reads from memory mostly, so more than a few only take turns on the processors.
const CONNECTIONS: usize = 4;

/// Connections that are opened when they are needed, and kept.
#[derive(Clone, Debug)]
pub(super) struct Readers {
    directory: PathBuf,
    idle: Arc<Mutex<Vec<Connection>>>,
    /// Those that look something up. They wait for no lock.
    glancing: Arc<Mutex<Vec<Connection>>>,
    places: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(directory: PathBuf) -> Self {
        Self {
            directory,
            idle: Arc::default(),
            glancing: Arc::default(),
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

    /// Looks something up, of which SQLite finds each row by its key, and nothing is sorted or counted. If there is a lock
    /// to wait for, it is read as other things are.
    pub(super) async fn glance<T: Send + 'static>(
        &self,
        work: impl Fn(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        // Apart, so that the connection is not in the way of being sent while it is waited for.
        match self.glance_now(&work) {
            Some(found) => found,
            None => {
                let readers = self.clone();
                let reading = self.read(move |connection| {
                    readers.open_glancing()?;
                    work(connection)
                });
                reading.await
            }
        }
    }

    /// `None` if it would have to wait.
    fn glance_now<T>(
        &self,
        work: &impl Fn(&Connection) -> Result<T, StoreError>,
    ) -> Option<Result<T, StoreError>> {
        let connection = self.lock_glancing().pop()?;
        let found = work(&connection);
        self.lock_glancing().push(connection);
        match found {
            Err(StoreError::Busy) => None,
            found => Some(found),
        }
    }

    /// One more, unless there are enough.
    fn open_glancing(&self) -> Result<(), StoreError> {
        if self.lock_glancing().len() < CONNECTIONS {
            let connection = open_for_glancing(&self.directory)?;
            self.lock_glancing().push(connection);
        }
        Ok(())
    }

    fn lock_glancing(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.glancing.lock().unwrap_or_else(PoisonError::into_inner)
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
