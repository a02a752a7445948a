//! Places for the requests of a run that go on at the same time.
//!
//! An answer keeps its place until it has arrived or nobody wants it. A guest that has all places taken by answers which it
//! does not read, and waits for a further one, waits for itself: then a request that has no place is given up.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::pending;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::sleep;

/// No number of moves.
const NEVER: u64 = u64::MAX;

/// The places of one run.
pub(super) struct Slots {
    count: usize,
    free: Arc<Semaphore>,
    /// Places of answers that nobody reads.
    unread: AtomicUsize,
    /// How often one of these was read again or let go of, or more of a request was sent.
    moves: AtomicU64,
    /// [`moves`](Self::moves) when patience was lost.
    lost_at: AtomicU64,
    /// Who waits for a place, the one that came first in front.
    waiting: Mutex<VecDeque<oneshot::Sender<()>>>,
    /// All places may be of answers that nobody reads.
    stuck: Notify,
}

/// A place, which is free again when this is dropped.
pub(super) struct Slot {
    slots: Arc<Slots>,
    is_unread: bool,
    _permit: OwnedSemaphorePermit,
}

/// No place will be free.
pub(super) struct GivenUp;

// === impl Slots ===

impl Slots {
    pub(super) fn new(count: u32) -> Arc<Self> {
        let count = count.max(1) as usize;
        Arc::new(Self {
            count,
            free: Arc::new(Semaphore::new(count)),
            unread: AtomicUsize::new(0),
            moves: AtomicU64::new(0),
            lost_at: AtomicU64::new(NEVER),
            waiting: Mutex::default(),
            stuck: Notify::new(),
        })
    }

    /// A place; waits for one.
    pub(super) async fn take(self: &Arc<Self>) -> Result<Slot, GivenUp> {
        let free = Arc::clone(&self.free);
        if let Ok(permit) = free.clone().try_acquire_owned() {
            return Ok(self.slot(permit));
        }
        let given_up = self.queue();
        tokio::select! {
            biased;
            permit = free.acquire_owned() => permit.map(|it| self.slot(it)).map_err(|_| GivenUp),
            _ = given_up => Err(GivenUp),
        }
    }

    /// Is told when it is given up.
    fn queue(&self) -> oneshot::Receiver<()> {
        let (give_up, given_up) = oneshot::channel();
        let mut waiting = self.waiting();
        waiting.retain(|it| !it.is_closed());
        waiting.push_back(give_up);
        drop(waiting);
        self.stuck.notify_waiters();
        given_up
    }

    /// Gives up a request that has no place, once nothing has moved for so long. To be polled while the guest waits.
    pub(super) async fn give_up(&self, patience: Duration) -> Infallible {
        loop {
            let stuck = self.stuck.notified();
            if !self.is_stuck() {
                stuck.await;
                continue;
            }
            let moves = self.moves.load(Ordering::Acquire);
            if !patience.is_zero() && moves != self.lost_at.load(Ordering::Acquire) {
                sleep(patience).await;
                if moves == self.moves.load(Ordering::Acquire) {
                    self.lost_at.store(moves, Ordering::Release);
                }
                continue;
            }
            let first = self.waiting().pop_front();
            if first.is_some_and(|it| it.send(()).is_ok()) {
                // The guest is told, and may do something about it before it waits again.
                pending::<()>().await;
            }
        }
    }

    /// Something goes on.
    pub(super) fn moved(&self) {
        self.moves.fetch_add(1, Ordering::AcqRel);
    }

    fn is_stuck(&self) -> bool {
        self.unread.load(Ordering::Acquire) == self.count
            && self.waiting().iter().any(|it| !it.is_closed())
    }

    fn slot(self: &Arc<Self>, permit: OwnedSemaphorePermit) -> Slot {
        Slot {
            slots: Arc::clone(self),
            is_unread: false,
            _permit: permit,
        }
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<oneshot::Sender<()>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Slot ===

impl Slot {
    /// Nobody reads the answer, for now.
    pub(super) fn rests(&mut self) {
        if self.is_unread {
            return;
        }
        self.is_unread = true;
        let unread = self.slots.unread.fetch_add(1, Ordering::AcqRel) + 1;
        if unread == self.slots.count {
            self.slots.stuck.notify_waiters();
        }
    }

    /// Somebody waits for more of the answer.
    pub(super) fn moves(&mut self) {
        if self.is_unread {
            self.is_unread = false;
            self.slots.unread.fetch_sub(1, Ordering::AcqRel);
            self.slots.moved();
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.moves();
    }
}
