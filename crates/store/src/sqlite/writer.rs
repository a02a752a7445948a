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

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::mpsc as blocking;

    use tempfile::TempDir;

    use super::*;

    /// A writer, and a connection that sees what it committed.
    struct Setup {
        writer: Writer,
        observer: Connection,
        _directory: TempDir,
    }

    fn connect(directory: &Path) -> Connection {
        let connection = Connection::open(directory.join("test.db")).unwrap();
        connection
            .pragma_update(None, "journal_mode", "wal")
            .unwrap();
        connection
    }

    fn setup(sql: &str) -> Setup {
        let directory = TempDir::new().unwrap();
        let connection = connect(directory.path());
        connection
            .execute_batch("CREATE TABLE written (value ANY)")
            .unwrap();
        connection.execute_batch(sql).unwrap();
        Setup {
            writer: Writer::start(connection).unwrap(),
            observer: connect(directory.path()),
            _directory: directory,
        }
    }

    fn insert(connection: &Connection, value: &[u8]) -> Result<(), StoreError> {
        connection.execute("INSERT INTO written VALUES (?1)", [value])?;
        Ok(())
    }

    fn count(connection: &Connection) -> Result<i64, StoreError> {
        let count = connection.query_row("SELECT count(*) FROM written", (), |row| row.get(0))?;
        Ok(count)
    }

    /// Keeps the writer busy until the sender is dropped, so that what is written next waits together.
    fn hold(writer: &Writer) -> (blocking::Sender<()>, impl Future<Output = ()>) {
        let (release, held) = blocking::channel::<()>();
        let waiting = writer.write(move |_| {
            // It ends with an error when the sender is gone.
            held.recv().ok();
            Ok(())
        });
        (release, async { waiting.await.unwrap() })
    }

    /// Starts all at once, and lets the writer go on when all of them wait.
    async fn together<T>(
        setup: &Setup,
        work: Vec<impl FnMut(&Connection) -> Result<T, StoreError> + Send + 'static>,
    ) -> Vec<Result<T, StoreError>>
    where
        T: Send + 'static,
    {
        let (release, held) = hold(&setup.writer);
        let mut held = Box::pin(held);
        let mut waiting: Vec<_> = work
            .into_iter()
            .map(|work| Box::pin(setup.writer.write(work)))
            .collect();
        std::future::poll_fn(|context| {
            assert!(held.as_mut().poll(context).is_pending());
            for one in &mut waiting {
                assert!(one.as_mut().poll(context).is_pending());
            }
            std::task::Poll::Ready(())
        })
        .await;
        drop(release);
        held.await;
        let mut results = Vec::new();
        for one in waiting {
            results.push(one.await);
        }
        results
    }

    #[tokio::test]
    async fn those_who_wait_share_a_commit() {
        let setup = setup("");
        let path = setup.observer.path().unwrap().to_owned();
        let work = (0..10)
            .map(|_| {
                let path = path.clone();
                move |connection: &Connection| {
                    insert(connection, b"x")?;
                    count(&Connection::open(&path)?)
                }
            })
            .collect();
        let seen: Vec<i64> = together(&setup, work)
            .await
            .into_iter()
            .map(Result::unwrap)
            .collect();
        assert_eq!(
            seen, [0; 10],
            "nobody's row was committed before the others'"
        );
        assert_eq!(count(&setup.observer).unwrap(), 10);
    }

    #[tokio::test]
    async fn one_that_fails_leaves_the_others() {
        let setup = setup("");
        let work = (0..5)
            .map(|index| {
                move |connection: &Connection| {
                    insert(connection, b"x")?;
                    if index == 2 {
                        return Err(StoreError::Closed);
                    }
                    Ok(())
                }
            })
            .collect();
        let results = together(&setup, work).await;
        let failed: Vec<bool> = results.iter().map(Result::is_err).collect();
        assert_eq!(failed, [false, false, true, false, false]);
        assert_eq!(count(&setup.observer).unwrap(), 4);
    }

    #[tokio::test]
    async fn one_that_does_not_fit_on_the_disk_leaves_the_others() {
        let setup = setup("PRAGMA max_page_count = 10");
        let work = (0..5)
            .map(|index| {
                let value = vec![0; if index == 2 { 1_000_000 } else { 1 }];
                move |connection: &Connection| insert(connection, &value)
            })
            .collect();
        let results = together(&setup, work).await;
        assert!(matches!(results[2], Err(StoreError::Full)), "{results:?}");
        let failed = results.iter().filter(|result| result.is_err()).count();
        assert_eq!((failed, count(&setup.observer).unwrap()), (1, 4));
    }

    #[tokio::test]
    async fn what_is_answered_is_committed() {
        let setup = setup("");
        for rows in 1..20 {
            setup
                .writer
                .write(|connection| insert(connection, b"x"))
                .await
                .unwrap();
            assert_eq!(count(&setup.observer).unwrap(), rows);
        }
    }

    #[tokio::test]
    async fn a_caller_that_goes_away_does_not_stop_its_work() {
        let Setup {
            writer, observer, ..
        } = setup("");
        let (release, held) = hold(&writer);
        let mut held = Box::pin(held);
        let mut leaving = Box::pin(writer.write(|connection| insert(connection, b"x")));
        std::future::poll_fn(|context| {
            assert!(held.as_mut().poll(context).is_pending());
            assert!(leaving.as_mut().poll(context).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
        drop((leaving, held, release));
        // What waits is done before the writer ends.
        drop(writer);
        assert_eq!(count(&observer).unwrap(), 1);
    }
}
