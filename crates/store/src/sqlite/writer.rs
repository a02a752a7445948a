//! The one thread that writes: it takes all jobs that wait, runs them in one transaction, and answers once it is written
//! as safely as the weightiest of them asks. So the callers of one moment share one sync of the disk.

use std::ffi::{OsString, c_int};
use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use rusqlite::Connection;
use rusqlite::hooks::Wal;
use tokio::runtime::{self, Runtime};
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout_at;

use crate::error::StoreError;

use super::open;

/// How many jobs may wait before callers do: enough for a burst, not enough to hide that the disk is too slow.
const QUEUE_JOBS: usize = 1024;
/// How many jobs share a transaction at most, so that the first of them is not kept waiting by the last.
const BATCH_JOBS: usize = 256;
/// How long a thread stays awake for what is likely to come: a few times of what it takes to wake it.
const AWAKE: Duration = Duration::from_micros(50);
/// Pages of the write-ahead log at which a commit also writes them into the database, 16 MiB: a page that many runs
/// changed is written once.
const LOG_PAGES: c_int = 4096;
/// How long what is answered before it is on disk may be on its way there: a few dozen runs share the sync.
const SOON: Duration = Duration::from_millis(5);

/// What a change means, and so how it is written. Each holds what the ones before it promise.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Weight {
    /// A run that goes on. When it is answered the operating system has it: it outlives this process, not a loss of
    /// power. The next sync takes it to the disk.
    Passing,
    /// A run that is over and reached nothing beyond this machine. The same, but it is on disk [`SOON`].
    Soon,
    /// A run that is over. When it is answered it is on disk, with all that was written before it.
    Record,
    /// Anything else: credentials, keys, steps. On disk, too; and when the store is closed it is in the file of the
    /// database itself, and what it replaced is nowhere.
    Change,
}

/// A hold on the writer thread. When it is dropped, what waits is still done.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
    /// Whether the thread waits for jobs.
    is_idle: Arc<AtomicBool>,
    /// How long callers waited for what they wrote.
    seconds: Histogram,
    /// How long the disk took for what was answered before.
    sync_seconds: Histogram,
}

/// What the thread does for one caller.
trait Job: Send {
    fn weight(&self) -> Weight;

    /// Does it, in a transaction that is open. Its own failure is kept for the caller, and told here: what it wrote is
    /// still there. `Err` is a failure that took the whole transaction with it.
    fn attempt(&mut self, connection: &Connection) -> Result<Attempt, StoreError>;

    /// Tells the caller how it went, given how the transaction did.
    fn answer(self: Box<Self>, committed: Result<(), &StoreError>);
}

/// How a job went.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Attempt {
    Done,
    Failed,
}

/// A job that has a result. It can be attempted again, as a transaction may be lost through another's fault.
struct Work<T, F> {
    weight: Weight,
    work: F,
    result: Option<Result<T, StoreError>>,
    caller: oneshot::Sender<Result<T, StoreError>>,
}

// === impl Writer ===

impl Writer {
    /// `weightiest` is what the log holds already.
    pub(super) fn start(mut connection: Connection, weightiest: Weight) -> io::Result<Self> {
        let (sender, mut receiver) = mpsc::channel(QUEUE_JOBS);
        let clock = runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        let is_idle = Arc::new(AtomicBool::new(false));
        let has_no_job = Arc::clone(&is_idle);
        // From 50 us, which is a change that waits for no disk, to 26 s.
        let buckets = || Histogram::new(exponential_buckets(0.000_05, 2.0, 20));
        let (seconds, sync_seconds) = (buckets(), buckets());
        let is_logged = Arc::new(AtomicBool::new(false));
        watch_log(&mut connection, Arc::clone(&is_logged)).map_err(io::Error::other)?;
        let told_sync_seconds = sync_seconds.clone();
        let thread = thread::Builder::new()
            .name("lockstep-writer".to_owned())
            .spawn(move || {
                let hand = Hand {
                    connection,
                    is_hasty: false,
                    is_logged,
                    is_behind: false,
                    weightiest,
                    owed: None,
                    clock,
                    sync_seconds: told_sync_seconds,
                    is_idle: has_no_job,
                };
                hand.write_all(&mut receiver);
            })?;
        Ok(Self {
            queue: Some(sender),
            thread: Some(thread),
            is_idle,
            seconds,
            sync_seconds,
        })
    }

    /// Runs `work` in a transaction, and returns when it is written as its weight promises.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        weight: Weight,
        work: impl FnMut(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let began = Instant::now();
        let written = self.hand_in(weight, work).await;
        self.seconds.observe(began.elapsed().as_secs_f64());
        written
    }

    /// Has the registry tell how long callers wait for what they write.
    pub(super) fn register_metrics(&self, registry: &mut Registry) {
        let help = "Time until a change was written as safely as it has to be";
        registry.register_with_unit("store_write", help, Unit::Seconds, self.seconds.clone());
        let help = "Time that the disk took for what was answered before";
        let seconds = self.sync_seconds.clone();
        registry.register_with_unit("store_sync", help, Unit::Seconds, seconds);
    }

    async fn hand_in<T: Send + 'static>(
        &self,
        weight: Weight,
        work: impl FnMut(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (caller, mut answer) = oneshot::channel();
        let job = Work {
            weight,
            work,
            result: None,
            caller,
        };
        let queue = self.queue.as_ref().ok_or(StoreError::Closed)?;
        let is_soon = weight <= Weight::Soon && self.is_idle.load(Ordering::Acquire);
        queue
            .send(Box::new(job))
            .await
            .map_err(|_| StoreError::Closed)?;
        // It is there sooner than this thread could be woken, unless others are before it or it waits for the disk.
        if is_soon {
            let answered = awake(|| match answer.try_recv() {
                Err(oneshot::error::TryRecvError::Empty) => None,
                answered => Some(answered),
            });
            if let Some(answered) = answered {
                return answered.map_err(|_| StoreError::Closed)?;
            }
        }
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

/// The thread's own: the connection, and how it is set.
struct Hand {
    connection: Connection,
    /// Whether a commit returns before it is on disk.
    is_hasty: bool,
    /// Whether the last commit wrote to the log. One that changes nothing does not, and waits for no disk.
    is_logged: Arc<AtomicBool>,
    /// Whether something in the log may not be on disk.
    is_behind: bool,
    /// Of all that was written.
    weightiest: Weight,
    /// Until when something that was answered has to be on disk.
    owed: Option<Instant>,
    /// Wakes the thread for that.
    clock: Runtime,
    sync_seconds: Histogram,
    is_idle: Arc<AtomicBool>,
}

/// What the thread does next.
enum Next {
    Job(Box<dyn Job>),
    /// Something that was answered has to be on disk now.
    Owed,
    /// Everybody is gone.
    Closed,
}

// === impl Hand ===

impl Hand {
    fn write_all(mut self, queue: &mut mpsc::Receiver<Box<dyn Job>>) {
        loop {
            match self.next(queue) {
                Next::Job(first) => {
                    let mut batch = vec![first];
                    while batch.len() < BATCH_JOBS
                        && let Ok(next) = queue.try_recv()
                    {
                        batch.push(next);
                    }
                    self.write_batch(batch);
                }
                Next::Owed => self.sync_owed(),
                Next::Closed => break,
            }
        }
        if self.owed.is_some() {
            self.sync_owed();
        }
        open::finish_writing(self.connection, self.weightiest == Weight::Change);
    }

    /// Waits for a job: at first awake, as who opened a run often closes it soon, and to be woken takes longer than to write.
    fn next(&self, queue: &mut mpsc::Receiver<Box<dyn Job>>) -> Next {
        self.is_idle.store(true, Ordering::Release);
        let job = awake(|| match queue.try_recv() {
            Err(TryRecvError::Empty) => None,
            job => Some(job.ok()),
        });
        let next = match (job, self.owed) {
            (Some(job), _) => job.into(),
            (None, None) => queue.blocking_recv().into(),
            (None, Some(owed)) => self
                .clock
                .block_on(async { timeout_at(owed.into(), queue.recv()).await })
                .map_or(Next::Owed, Next::from),
        };
        self.is_idle.store(false, Ordering::Release);
        next
    }

    /// Takes to the disk what runs that were answered have left for it.
    fn sync_owed(&mut self) {
        if let Err(error) = self.sync() {
            tracing::error!("the end of a run that was answered may not be on disk: {error}");
        }
    }

    /// Takes to the disk what was committed without waiting for it.
    fn sync(&mut self) -> io::Result<()> {
        self.owed = None;
        let began = Instant::now();
        // All changes are in the write-ahead log, and who syncs a file syncs it for everybody.
        if let Some(log) = self.log_path() {
            File::open(log)?.sync_data()?;
        }
        self.is_behind = false;
        self.sync_seconds.observe(began.elapsed().as_secs_f64());
        Ok(())
    }

    fn log_path(&self) -> Option<PathBuf> {
        let mut path = OsString::from(self.connection.path()?);
        path.push("-wal");
        Some(path.into())
    }

    fn write_batch(&mut self, mut batch: Vec<Box<dyn Job>>) {
        match self.write_together(&mut batch) {
            // One that does not fit on the disk shall not take the others with it.
            Err(StoreError::Full | StoreError::Failed(_)) if batch.len() > 1 => {
                for job in batch {
                    self.write_batch(vec![job]);
                }
            }
            written => {
                let is_safe = written.and_then(|due| self.reach_disk(due));
                for job in batch {
                    job.answer(is_safe.as_ref().copied());
                }
            }
        }
    }

    /// Commits what a batch does, and tells until when it has to be on disk, if that is not now.
    fn write_together(
        &mut self,
        batch: &mut [Box<dyn Job>],
    ) -> Result<Option<Instant>, StoreError> {
        let due = self.take_care_for(batch)?;
        // Few jobs fail, and a savepoint for each would copy every page that it changes.
        let attempt = self.transact(|connection| attempt_all(connection, batch))?;
        if attempt == Attempt::Failed && batch.len() > 1 {
            self.transact(|connection| attempt_each(connection, batch))?;
        }
        Ok(due)
    }

    /// Has all on disk that was written, unless nobody waits for that: then what was is `due`.
    fn reach_disk(&mut self, due: Option<Instant>) -> Result<(), StoreError> {
        let is_logged = self.is_logged.swap(false, Ordering::Relaxed);
        if self.is_hasty {
            if is_logged {
                self.is_behind = true;
                self.owed = self.owed.or(due);
            }
            return Ok(());
        }
        // A commit that was logged has waited, for what was before it in the log, too.
        if self.is_behind && !is_logged {
            self.sync()
                .map_err(|error| StoreError::Failed(Box::new(error)))?;
        }
        self.owed = None;
        self.is_behind = false;
        Ok(())
    }

    /// Does `work` in a transaction. If it fails, nothing of it is left.
    fn transact(
        &self,
        work: impl FnOnce(&Connection) -> Result<Attempt, StoreError>,
    ) -> Result<Attempt, StoreError> {
        let connection = &self.connection;
        // The lock is taken at once: a transaction that reads first and writes later may find that it cannot.
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute(())?;
        let attempt = work(connection).and_then(|attempt| {
            if attempt == Attempt::Done {
                connection.prepare_cached("COMMIT")?.execute(())?;
            }
            Ok(attempt)
        });
        if !connection.is_autocommit() {
            // What failed is told; that there is nothing left to roll back is no news.
            drop(connection.execute_batch("ROLLBACK"));
        }
        attempt
    }

    /// Has the next commit wait for the disk, if any job of the batch needs that, or what was answered before it. Tells until
    /// when the batch has to be there otherwise, if it has to.
    fn take_care_for(&mut self, batch: &[Box<dyn Job>]) -> Result<Option<Instant>, StoreError> {
        let weight = batch
            .iter()
            .map(|job| job.weight())
            .max()
            .unwrap_or(Weight::Passing);
        self.weightiest = self.weightiest.max(weight);
        let now = Instant::now();
        let is_hasty = weight <= Weight::Soon && self.owed.is_none_or(|owed| now < owed);
        if self.is_hasty != is_hasty {
            open::set_synchronous(&self.connection, is_hasty)?;
            self.is_hasty = is_hasty;
        }
        Ok((is_hasty && weight == Weight::Soon).then_some(now + SOON))
    }
}

/// Tells when a commit has written to the log, and writes a long one into the database.
fn watch_log(connection: &mut Connection, is_logged: Arc<AtomicBool>) -> rusqlite::Result<()> {
    connection.wal_hook(Some(move |log: &mut Wal, pages| {
        is_logged.store(true, Ordering::Relaxed);
        if pages >= LOG_PAGES {
            // The commit stands. Readers may still need the log, and the next commit tries again.
            drop(log.checkpoint());
        }
        Ok(())
    }))
}

impl From<Option<Box<dyn Job>>> for Next {
    fn from(job: Option<Box<dyn Job>>) -> Self {
        job.map_or(Self::Closed, Self::Job)
    }
}

/// Asks again and again, for a while. Whoever else can use the processor gets it in between.
fn awake<T>(mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        let answer = ask();
        if answer.is_some() || start.elapsed() > AWAKE {
            return answer;
        }
        thread::yield_now();
    }
}

/// Stops at the first that fails.
fn attempt_all(connection: &Connection, batch: &mut [Box<dyn Job>]) -> Result<Attempt, StoreError> {
    for job in batch {
        if job.attempt(connection)? == Attempt::Failed {
            return Ok(Attempt::Failed);
        }
    }
    Ok(Attempt::Done)
}

/// Undoes those that fail, and keeps the others.
fn attempt_each(
    connection: &Connection,
    batch: &mut [Box<dyn Job>],
) -> Result<Attempt, StoreError> {
    for job in batch {
        connection.prepare_cached("SAVEPOINT job")?.execute(())?;
        if job.attempt(connection)? == Attempt::Failed {
            connection.prepare_cached("ROLLBACK TO job")?.execute(())?;
        }
        connection.prepare_cached("RELEASE job")?.execute(())?;
    }
    Ok(Attempt::Done)
}

// === impl Work ===

impl<T, F> Job for Work<T, F>
where
    T: Send,
    F: FnMut(&Connection) -> Result<T, StoreError> + Send,
{
    fn weight(&self) -> Weight {
        self.weight
    }

    fn attempt(&mut self, connection: &Connection) -> Result<Attempt, StoreError> {
        // A panic would take the thread along, and with it everybody's store.
        let result = catch_unwind(AssertUnwindSafe(|| (self.work)(connection)))
            .unwrap_or_else(|_| Err(StoreError::Failed("the change panicked".into())));
        // SQLite ends the whole transaction on some failures, such as a full disk. What follows would be written without
        // one, even if the job itself had a use for the failure.
        if connection.is_autocommit() {
            return Err(match &result {
                Ok(_) => StoreError::Failed("the transaction was ended by a failure".into()),
                Err(error) => error.again(),
            });
        }
        let attempt = match &result {
            Ok(_) => Attempt::Done,
            Err(_) => Attempt::Failed,
        };
        self.result = Some(result);
        Ok(attempt)
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
    use std::pin::Pin;
    use std::sync::mpsc as blocking;
    use std::task::{Context, Waker};

    use prometheus_client::encoding::text::encode;
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
            writer: Writer::start(connection, Weight::Passing).unwrap(),
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

    /// Keeps the writer busy, from now on until the sender is dropped, so that what is written next waits together.
    fn hold(writer: &Writer) -> (blocking::Sender<()>, Pin<Box<impl Future<Output = ()>>>) {
        let (release, held) = blocking::channel::<()>();
        let (begin, begun) = blocking::channel();
        let mut waiting = Box::pin(async move {
            let holding = writer.write(Weight::Passing, move |_| {
                begin.send(()).unwrap();
                // It ends with an error when the sender is gone.
                held.recv().ok();
                Ok(())
            });
            holding.await.unwrap();
        });
        let nobody = &mut Context::from_waker(Waker::noop());
        assert!(waiting.as_mut().poll(nobody).is_pending());
        begun.recv().unwrap();
        (release, waiting)
    }

    /// Starts all at once, and lets the writer go on when all of them wait.
    async fn together<T>(
        setup: &Setup,
        weights: &[Weight],
        work: Vec<impl FnMut(&Connection) -> Result<T, StoreError> + Send + 'static>,
    ) -> Vec<Result<T, StoreError>>
    where
        T: Send + 'static,
    {
        let (release, mut held) = hold(&setup.writer);
        let mut waiting: Vec<_> = work
            .into_iter()
            .zip(weights.iter().cycle())
            .map(|(work, weight)| Box::pin(setup.writer.write(*weight, work)))
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

    fn syncs(writer: &Writer) -> u64 {
        counted(writer.sync_seconds.clone())
    }

    fn counted(seconds: Histogram) -> u64 {
        let mut registry = Registry::default();
        registry.register("counted", "", seconds);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        let (_, count) = text.split_once("counted_count ").unwrap();
        count.lines().next().unwrap().parse().unwrap()
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
        let seen: Vec<i64> = together(&setup, &[Weight::Change], work)
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
        let results = together(&setup, &[Weight::Change], work).await;
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
        let results = together(&setup, &[Weight::Change], work).await;
        assert!(matches!(results[2], Err(StoreError::Full)), "{results:?}");
        let failed = results.iter().filter(|result| result.is_err()).count();
        assert_eq!((failed, count(&setup.observer).unwrap()), (1, 4));
    }

    #[tokio::test]
    async fn one_that_takes_the_transaction_with_it_and_says_nothing_leaves_the_others() {
        let setup = setup("PRAGMA max_page_count = 10");
        let work = (0..5)
            .map(|index| {
                let value = vec![0; if index == 2 { 1_000_000 } else { 1 }];
                move |connection: &Connection| match insert(connection, &value) {
                    Err(StoreError::Full) => Ok(()),
                    result => result,
                }
            })
            .collect();
        let results = together(&setup, &[Weight::Change], work).await;
        let failed: Vec<bool> = results.iter().map(Result::is_err).collect();
        assert_eq!(failed, [false, false, true, false, false]);
        assert_eq!(count(&setup.observer).unwrap(), 4, "each is written once");
    }

    #[tokio::test]
    async fn one_that_panics_leaves_the_others_and_those_that_come_after() {
        let setup = setup("");
        let work = (0..3)
            .map(|index| {
                move |connection: &Connection| {
                    insert(connection, b"x")?;
                    assert_ne!(index, 1, "this job panics");
                    Ok(())
                }
            })
            .collect();
        let results = together(&setup, &[Weight::Change], work).await;
        let failed: Vec<bool> = results.iter().map(Result::is_err).collect();
        assert_eq!(failed, [false, true, false]);
        let next = |connection: &Connection| insert(connection, b"x");
        setup.writer.write(Weight::Record, next).await.unwrap();
        assert_eq!(count(&setup.observer).unwrap(), 3);
    }

    #[tokio::test]
    async fn a_commit_waits_for_the_disk_if_one_of_its_jobs_does() {
        const NORMAL: i64 = 1;
        const FULL: i64 = 2;
        let setup = setup("");
        for (weights, expected) in [
            ([Weight::Passing, Weight::Passing], NORMAL),
            ([Weight::Passing, Weight::Soon], NORMAL),
            ([Weight::Soon, Weight::Record], FULL),
            ([Weight::Change, Weight::Passing], FULL),
            ([Weight::Passing, Weight::Passing], NORMAL),
        ] {
            let level = |connection: &Connection| {
                let level = connection.query_row("PRAGMA synchronous", (), |row| row.get(0));
                Ok(level?)
            };
            for found in together(&setup, &weights, vec![level; 2]).await {
                let found: i64 = found.unwrap();
                assert_eq!(found, expected, "{weights:?}");
            }
        }
    }

    #[tokio::test]
    async fn what_has_to_be_on_disk_soon_is_with_what_is_written_then() {
        let setup = setup("");
        let level = |connection: &Connection| {
            insert(connection, b"x")?;
            let level = connection.query_row("PRAGMA synchronous", (), |row| row.get(0));
            Ok(level?)
        };
        let (began, has_begun) = oneshot::channel();
        let (release, held) = blocking::channel::<()>();
        let mut began = Some(began);
        let late = setup.writer.write(Weight::Soon, move |connection| {
            began.take().unwrap().send(()).unwrap();
            // It ends with an error when the sender is gone.
            held.recv().ok();
            level(connection)
        });
        let next = async {
            has_begun.await.unwrap();
            thread::sleep(SOON);
            let mut next = Box::pin(setup.writer.write(Weight::Passing, level));
            std::future::poll_fn(|context| {
                assert!(next.as_mut().poll(context).is_pending());
                std::task::Poll::Ready(())
            })
            .await;
            drop(release);
            next.await
        };
        let (late, next) = tokio::join!(late, next);
        let after: i64 = setup.writer.write(Weight::Passing, level).await.unwrap();
        let levels: [i64; 3] = [late.unwrap(), next.unwrap(), after];
        assert_eq!(levels, [1, 2, 1]);
        assert_eq!(syncs(&setup.writer), 0, "the commit was one");
    }

    #[tokio::test]
    async fn what_has_to_be_on_disk_soon_is_when_nothing_else_is_written() {
        let setup = setup("");
        for (weight, expected) in [(Weight::Passing, 0), (Weight::Soon, 1), (Weight::Record, 1)] {
            let written = |connection: &Connection| insert(connection, b"x");
            setup.writer.write(weight, written).await.unwrap();
            tokio::time::sleep(SOON * 10).await;
            assert_eq!(syncs(&setup.writer), expected, "{weight:?}");
        }
        let seconds = setup.writer.sync_seconds.clone();
        let written = |connection: &Connection| insert(connection, b"x");
        setup.writer.write(Weight::Soon, written).await.unwrap();
        drop(setup.writer);
        assert_eq!(counted(seconds), 2, "nothing is left behind");
    }

    #[tokio::test]
    async fn who_waits_for_the_disk_has_all_there_that_was_written_before() {
        type Job = fn(&Connection) -> Result<(), StoreError>;
        // SQLite syncs nothing for a commit that changes no page.
        let same: Job = |connection| {
            connection.execute("UPDATE written SET value = value", ())?;
            Ok(())
        };
        let written: Job = |connection| insert(connection, b"x");
        let fails: Job = |connection| insert(connection, b"x").and(Err(StoreError::Closed));
        for (name, job, expected) in [
            ("writes", written, 0),
            ("writes nothing", |_| Ok(()), 1),
            ("writes what is there", same, 1),
            ("fails", fails, 1),
        ] {
            let setup = setup("");
            setup.writer.write(Weight::Passing, written).await.unwrap();
            for _ in 0..2 {
                drop(setup.writer.write(Weight::Record, job).await);
                assert_eq!(syncs(&setup.writer), expected, "who {name}");
            }
        }
    }

    #[tokio::test]
    async fn what_has_to_be_on_disk_soon_is_synced_once_whoever_needs_that_first() {
        type Job = fn(&Connection) -> Result<(), StoreError>;
        let nothing: Job = |_| Ok(());
        let fails: Job = |connection| insert(connection, b"x").and(Err(StoreError::Closed));
        for (name, job) in [("writes nothing", nothing), ("fails", fails)] {
            let setup = setup("");
            for round in 1..5 {
                let written = |connection: &Connection| insert(connection, b"x");
                setup.writer.write(Weight::Soon, written).await.unwrap();
                drop(setup.writer.write(Weight::Record, job).await);
                assert_eq!(syncs(&setup.writer), round, "after a job that {name}");
            }
            tokio::time::sleep(SOON * 10).await;
            assert_eq!(syncs(&setup.writer), 4, "after jobs that {name}");
        }
    }

    #[tokio::test]
    async fn who_writes_nothing_leaves_nothing_for_the_disk() {
        let setup = setup("");
        let nothing = setup.writer.write(Weight::Soon, |_| Ok(()));
        nothing.await.unwrap();
        tokio::time::sleep(SOON * 10).await;
        assert_eq!(syncs(&setup.writer), 0);
    }

    #[tokio::test]
    async fn a_long_log_is_written_into_the_database_and_begun_again() {
        let setup = setup("");
        let log = setup.observer.path().unwrap().to_owned() + "-wal";
        let bytes = || std::fs::metadata(&log).unwrap().len();
        // A page has 4 KiB, and with each come 24 bytes of a frame.
        let longest = u64::try_from(LOG_PAGES).unwrap() * (4096 + 24);
        let mebibyte = |connection: &Connection| insert(connection, &[7; 1 << 20]);
        for _ in 0..16 {
            setup.writer.write(Weight::Change, mebibyte).await.unwrap();
        }
        let long = bytes();
        assert!((longest..2 * longest).contains(&long), "{long}");
        for _ in 0..15 {
            setup.writer.write(Weight::Change, mebibyte).await.unwrap();
            assert_eq!(bytes(), long);
        }
    }

    #[tokio::test]
    async fn what_is_answered_is_committed() {
        let setup = setup("");
        for rows in 1..20 {
            setup
                .writer
                .write(Weight::Change, |connection| insert(connection, b"x"))
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
        let (release, mut held) = hold(&writer);
        let mut leaving =
            Box::pin(writer.write(Weight::Change, |connection| insert(connection, b"x")));
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
