//! A place in the pool before anything else: a bounded queue with a wait limit.
//!
//! There are as many places as the pool has slots, so the pool itself can never be exhausted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::SandboxConfig;
use crate::ticker::{Ticker, Ticking};

/// The right to have one instance. Given back when it is dropped.
#[must_use]
pub struct Place {
    /// How long it was waited for.
    pub queued: Duration,
    _ticking: Ticking,
    _permit: OwnedSemaphorePermit,
}

/// The host has no place, and will not have one soon.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NoCapacity {
    /// As many runs wait as may wait.
    #[error("{limit} runs are waiting already, which is the limit of `queued_runs`")]
    QueueFull {
        /// Runs that may wait.
        limit: usize,
    },
    /// No run ended in time.
    #[error("no place within {} s, which is the limit of `queue_wait`", .waited.as_secs())]
    Waited {
        /// How long it was waited.
        waited: Duration,
    },
}

/// How full a sandbox is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Occupancy {
    /// Places that are taken.
    pub running: usize,
    /// Runs that wait for one.
    pub waiting: usize,
}

pub(crate) struct Admission {
    places: Arc<Semaphore>,
    concurrent_runs: usize,
    waiting: AtomicUsize,
    queued_runs: usize,
    queue_wait: Duration,
}

/// Counts a run that waits, for as long as it does.
struct Waiting<'a>(&'a AtomicUsize);

impl Admission {
    pub(crate) fn new(config: &SandboxConfig) -> Self {
        Self {
            places: Arc::new(Semaphore::new(config.concurrent_runs as usize)),
            concurrent_runs: config.concurrent_runs as usize,
            waiting: AtomicUsize::new(0),
            queued_runs: config.queued_runs,
            queue_wait: config.queue_wait,
        }
    }

    pub(crate) async fn admit(&self, ticker: &Ticker) -> Result<Place, NoCapacity> {
        let began = Instant::now();
        let permit = match Arc::clone(&self.places).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => self.wait().await?,
        };
        Ok(Place {
            queued: began.elapsed(),
            _ticking: ticker.ticking(),
            _permit: permit,
        })
    }

    pub(crate) fn occupancy(&self) -> Occupancy {
        Occupancy {
            running: self.concurrent_runs - self.places.available_permits(),
            waiting: self.waiting.load(Ordering::Relaxed),
        }
    }

    async fn wait(&self) -> Result<OwnedSemaphorePermit, NoCapacity> {
        let waiting = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.waiting);
        if waiting >= self.queued_runs {
            return Err(NoCapacity::QueueFull {
                limit: self.queued_runs,
            });
        }
        tracing::debug!("all places are taken: the run queues for one");
        match timeout(self.queue_wait, Arc::clone(&self.places).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            // The semaphore is never closed; a run that waits for ever would be no better.
            Ok(Err(_)) | Err(_) => Err(NoCapacity::Waited {
                waited: self.queue_wait,
            }),
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
