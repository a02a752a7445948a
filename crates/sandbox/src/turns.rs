//! Whose turn it is to compile: few at a time, and of one share one at a time, so that a share with many or slow steps
//! waits for itself, and not the others for it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::SandboxConfig;
use crate::engine::CONCURRENT_COMPILATIONS;

/// The right to compile. Given back when it is dropped.
#[must_use]
pub(crate) struct Turn {
    _place: OwnedSemaphorePermit,
    _own: OwnedSemaphorePermit,
    _share: Share,
}

/// Nobody can say soon when it is this share's turn.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NoTurn {
    /// As many wait as may wait.
    #[error("{limit} steps wait to be compiled already, which is the limit of `queued_runs`")]
    QueueFull {
        /// How many may wait.
        limit: usize,
    },
    /// The compilations before it did not end in time.
    #[error("other compilations did not end within {} s, which is the limit of `compile_wait`", .waited.as_secs())]
    Waited {
        /// How long it was waited.
        waited: Duration,
    },
}

pub(crate) struct Turns {
    places: Arc<Semaphore>,
    shares: Arc<Mutex<HashMap<String, Arc<Semaphore>>>>,
    waiting: AtomicUsize,
    queue: usize,
    wait: Duration,
}

/// One share's own semaphore, which is forgotten with the last that waits for it or holds it.
struct Share {
    name: String,
    semaphore: Arc<Semaphore>,
    shares: Arc<Mutex<HashMap<String, Arc<Semaphore>>>>,
}

/// Counts one that waits, for as long as it does.
struct Waiting<'a>(&'a AtomicUsize);

// === impl Turns ===

impl Turns {
    pub(crate) fn new(config: &SandboxConfig) -> Self {
        Self {
            places: Arc::new(Semaphore::new(CONCURRENT_COMPILATIONS as usize)),
            shares: Arc::default(),
            waiting: AtomicUsize::new(0),
            queue: config.queued_runs,
            wait: config.compile_wait,
        }
    }

    /// Waits for the turn of `share`.
    pub(crate) async fn turn(&self, share: &str) -> Result<Turn, NoTurn> {
        let waiting = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.waiting);
        if waiting >= self.queue {
            return Err(NoTurn::QueueFull { limit: self.queue });
        }
        let share = Share::of(share, &self.shares);
        if share.semaphore.available_permits() == 0 || self.places.available_permits() == 0 {
            tracing::debug!("other steps are compiled: this one waits for its turn");
        }
        let both = async {
            let own = Arc::clone(&share.semaphore).acquire_owned().await.ok()?;
            let place = Arc::clone(&self.places).acquire_owned().await.ok()?;
            Some((own, place))
        };
        match timeout(self.wait, both).await {
            Ok(Some((own, place))) => Ok(Turn {
                _place: place,
                _own: own,
                _share: share,
            }),
            // The semaphores are never closed; one that waits for ever would be no better.
            Ok(None) | Err(_) => Err(NoTurn::Waited { waited: self.wait }),
        }
    }
}

// === impl Share ===

impl Share {
    fn of(name: &str, shares: &Arc<Mutex<HashMap<String, Arc<Semaphore>>>>) -> Self {
        let mut known = shares.lock().unwrap_or_else(PoisonError::into_inner);
        let semaphore = known
            .entry(name.to_owned())
            .or_insert_with(|| Arc::new(Semaphore::new(1)));
        Self {
            name: name.to_owned(),
            semaphore: Arc::clone(semaphore),
            shares: Arc::clone(shares),
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut known = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        // One is the map's, one is ours; more are made under this lock only.
        if Arc::strong_count(&self.semaphore) <= 2 {
            known.remove(&self.name);
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns() -> Turns {
        let mut config = SandboxConfig::for_runs(1);
        config.compile_wait = Duration::from_millis(20);
        config.queued_runs = 3;
        Turns::new(&config)
    }

    #[tokio::test]
    async fn a_share_waits_for_itself_and_not_for_others() {
        let turns = turns();
        let slow = turns.turn("slow").await.unwrap();
        let waited = Duration::from_millis(20);
        assert_eq!(
            turns.turn("slow").await.err(),
            Some(NoTurn::Waited { waited })
        );
        let other = turns.turn("other").await.unwrap();
        assert_eq!(
            turns.turn("third").await.err(),
            Some(NoTurn::Waited { waited })
        );
        drop(slow);
        assert!(turns.turn("slow").await.is_ok());
        drop(other);
    }

    #[tokio::test]
    async fn no_more_wait_than_may_wait() {
        let turns = turns();
        let _held = turns.turn("a").await.unwrap();
        let (one, two, three, four) = tokio::join!(
            turns.turn("a"),
            turns.turn("a"),
            turns.turn("a"),
            turns.turn("a")
        );
        let full = [one, two, three, four]
            .into_iter()
            .filter(|turn| matches!(turn, Err(NoTurn::QueueFull { limit: 3 })))
            .count();
        assert_eq!(full, 1);
    }

    #[tokio::test]
    async fn shares_that_nobody_uses_are_forgotten() {
        let turns = turns();
        for share in 0..10 {
            drop(turns.turn(&share.to_string()).await.unwrap());
        }
        let held = turns.turn("held").await.unwrap();
        assert!(turns.turn("held").await.is_err());
        assert_eq!(turns.shares.lock().unwrap().len(), 1);
        drop(held);
        assert!(turns.shares.lock().unwrap().is_empty());
    }
}
