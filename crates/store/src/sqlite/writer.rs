//! The one thread that writes: it takes all jobs that wait, runs them in one transaction, and answers once it is on
//! disk. So the callers of one moment share one sync of the disk.

use std::io;
use std::thread::{self, JoinHandle};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::error::StoreError;

/// How many jobs may wait before callers do: enough for a burst, not enough to hide that the disk is too slow.
const QUEUE_JOBS: usize = 1024;
/// How many jobs share a transaction at most, so that the first of them is not kept waiting by the last.
const BATCH_JOBS: usize = 256;

/// A hold on the writer thread. When it is dropped, what waits is still done.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread does for one caller.
trait Job: Send {
    /// Does it, in a transaction that is open. Its own failure is kept for the caller, and undone; `Err` is a failure
    /// that took the whole transaction with it.
    fn attempt(&mut self, connection: &Connection) -> Result<(), StoreError>;

    /// Tells the caller how it went, given how the transaction did.
    fn answer(self: Box<Self>, committed: Result<(), &StoreError>);
}

/// A job that has a result. It can be attempted again, as a transaction may be lost through another's fault.
struct Work<T, F> {
    work: F,
    result: Option<Result<T, StoreError>>,
    caller: oneshot::Sender<Result<T, StoreError>>,
}

// === impl Writer ===

impl Writer {
    pub(super) fn start(mut connection: Connection) -> io::Result<Self> {
        let (sender, mut receiver) = mpsc::channel(QUEUE_JOBS);
        let thread = thread::Builder::new()
            .name("lockstep-writer".to_owned())
            .spawn(move || write_all(&mut connection, &mut receiver))?;
        Ok(Self {
            queue: Some(sender),
            thread: Some(thread),
        })
    }

    /// Runs `work` in a transaction, and returns when it is on disk.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnMut(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (caller, answer) = oneshot::channel();
        let job = Work {
            work,
            result: None,
            caller,
        };
        let queue = self.queue.as_ref().ok_or(StoreError::Closed)?;
        queue
            .send(Box::new(job))
            .await
            .map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            // It only fails if the thread panicked: its callers have been told then.
            drop(thread.join());
        }
    }
}

fn write_all(connection: &mut Connection, queue: &mut mpsc::Receiver<Box<dyn Job>>) {
    while let Some(first) = queue.blocking_recv() {
        let mut batch = vec![first];
        while batch.len() < BATCH_JOBS
            && let Ok(next) = queue.try_recv()
        {
            batch.push(next);
        }
        write_batch(connection, batch);
    }
}

fn write_batch(connection: &Connection, mut batch: Vec<Box<dyn Job>>) {
    match write_together(connection, &mut batch) {
        // One that does not fit on the disk shall not take the others with it.
        Err(StoreError::Full | StoreError::Failed(_)) if batch.len() > 1 => {
            for job in batch {
                write_batch(connection, vec![job]);
            }
        }
        written => {
            for job in batch {
                job.answer(written.as_ref().copied());
            }
        }
    }
}

fn write_together(connection: &Connection, batch: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
    // The lock is taken at once: a transaction that reads first and writes later may find that it cannot.
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute(())?;
    let written = batch
        .iter_mut()
        .try_for_each(|job| job.attempt(connection))
        .and_then(|()| Ok(connection.prepare_cached("COMMIT")?.execute(()).map(drop)?));
    if written.is_err() && !connection.is_autocommit() {
        // What failed is told; that there is nothing left to roll back is no news.
        drop(connection.execute_batch("ROLLBACK"));
    }
    written
}

// === impl Work ===

impl<T, F> Job for Work<T, F>
where
    T: Send,
    F: FnMut(&Connection) -> Result<T, StoreError> + Send,
{
    fn attempt(&mut self, connection: &Connection) -> Result<(), StoreError> {
        connection.prepare_cached("SAVEPOINT job")?.execute(())?;
        let result = (self.work)(connection);
        if let Err(error) = &result {
            // SQLite ends the whole transaction on some failures, such as a full disk.
            if connection.is_autocommit() {
                return Err(error.again());
            }
            connection.prepare_cached("ROLLBACK TO job")?.execute(())?;
        }
        connection.prepare_cached("RELEASE job")?.execute(())?;
        self.result = Some(result);
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<(), &StoreError>) {
        let result = match (committed, self.result) {
            (_, Some(Err(error))) => Err(error),
            (Ok(()), Some(Ok(value))) => Ok(value),
            (Ok(()), None) => Err(StoreError::Closed),
            (Err(error), _) => Err(error.again()),
        };
        // A caller that went away does not want to know.
        drop(self.caller.send(result));
    }
}
