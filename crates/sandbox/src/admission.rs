//! A place in the pool before anything else: a bounded queue with a wait limit, which shares are served from in turn.
//!
//! There are as many places as the pool has slots, so the pool itself can never be exhausted. Whoever wants one takes a
//! ticket first, which is refused at once if there are too many: so a caller can be turned away before anything is read
//! or written for it.

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::SandboxConfig;
use crate::ticker::{Ticker, Ticking};

/// The right to wait for a place. Given back when it is dropped.
#[must_use]
pub struct Ticket {
    share: Arc<str>,
    house: Arc<House>,
}

/// The right to have one instance. Given back when it is dropped.
#[must_use]
pub struct Place {
    /// How long it was waited for.
    pub queued: Duration,
    _ticking: Ticking,
    _taken: Taken,
}

/// The host has no place, and will not have one soon.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NoCapacity {
    /// As many runs wait as may wait.
    #[error(
        "{waiting} runs of the workspace wait already, as many as there is room for more; the limit of `queued_runs` is {limit}"
    )]
    QueueFull {
        /// Runs of the same share that wait.
        waiting: usize,
        /// Runs that may wait, of all shares.
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
    house: Arc<House>,
    queue_wait: Duration,
}

/// Who is in: those who run, and those who wait.
struct House {
    places: u32,
    share_places: u32,
    queued_runs: usize,
    state: Mutex<State>,
}

struct State {
    free: u32,
    tickets: usize,
    shares: HashMap<Arc<str>, Share>,
    /// Shares of which somebody waits for a place, in the order of their turns.
    turns: VecDeque<Arc<str>>,
}

/// Of one share. It is forgotten with the last that it counts.
#[derive(Default)]
struct Share {
    tickets: usize,
    running: u32,
    waiting: VecDeque<oneshot::Sender<Taken>>,
}

/// Somebody in the queue.
struct Waiting<'a> {
    ticket: &'a Ticket,
    place: oneshot::Receiver<Taken>,
    is_over: bool,
}

/// A place that somebody has.
struct Taken {
    share: Arc<str>,
    house: Arc<House>,
}

// === impl Admission ===

impl Admission {
    pub(crate) fn new(config: &SandboxConfig) -> Self {
        let house = House {
            places: config.concurrent_runs,
            share_places: config.share_runs,
            queued_runs: config.queued_runs,
            state: Mutex::new(State {
                free: config.concurrent_runs,
                tickets: 0,
                shares: HashMap::new(),
                turns: VecDeque::new(),
            }),
        };
        Self {
            house: Arc::new(house),
            queue_wait: config.queue_wait,
        }
    }

    /// A share may have as many tickets as are left for others: so whoever floods the queue takes half of it at most, two
    /// who do a third each, and there is always room for one who comes new.
    pub(crate) fn ticket(&self, share: &str) -> Result<Ticket, NoCapacity> {
        let house = &self.house;
        let mut state = house.lock();
        let running = (house.places - state.free) as usize;
        let all = house.places as usize + house.queued_runs;
        let room = all.saturating_sub(running + state.tickets);
        let waiting = state.shares.get(share).map_or(0, |share| share.tickets);
        if waiting >= room {
            return Err(NoCapacity::QueueFull {
                waiting,
                limit: house.queued_runs,
            });
        }
        state.tickets += 1;
        let name = state.name(share);
        state.share(&name).tickets += 1;
        drop(state);
        Ok(Ticket {
            share: name,
            house: Arc::clone(house),
        })
    }

    pub(crate) fn occupancy(&self) -> Occupancy {
        let state = self.house.lock();
        Occupancy {
            running: (self.house.places - state.free) as usize,
            waiting: state.shares.values().map(|it| it.waiting.len()).sum(),
        }
    }

    /// Waits for a place.
    pub(crate) async fn admit(&self, ticket: Ticket, ticker: &Ticker) -> Result<Place, NoCapacity> {
        let began = Instant::now();
        let taken = match ticket.take_or_wait() {
            Ok(taken) => taken,
            Err(waiting) => {
                tracing::debug!("all places are taken: the run queues for one");
                let waited = self.queue_wait;
                let served = timeout(waited, waiting).await.ok().flatten();
                served.ok_or(NoCapacity::Waited { waited })?
            }
        };
        // Where it runs it does not wait any more.
        drop(ticket);
        Ok(Place {
            queued: began.elapsed(),
            _ticking: ticker.ticking(),
            _taken: taken,
        })
    }
}

// === impl Ticket ===

impl Ticket {
    fn take_or_wait(&self) -> Result<Taken, Waiting<'_>> {
        let mut state = self.house.lock();
        let share_places = self.house.share_places;
        // Whenever a place becomes free, those who wait and may have it come first: if one is free, they may not.
        if state.free > 0 && state.share(&self.share).running < share_places {
            state.free -= 1;
            state.share(&self.share).running += 1;
            return Ok(Taken::new(&self.share, &self.house));
        }
        let (sender, receiver) = oneshot::channel();
        let share = state.share(&self.share);
        share.waiting.push_back(sender);
        if share.waiting.len() == 1 {
            state.turns.push_back(Arc::clone(&self.share));
        }
        Err(Waiting {
            ticket: self,
            place: receiver,
            is_over: false,
        })
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.house.lock();
        state.tickets -= 1;
        state.share(&self.share).tickets -= 1;
        state.forget_if_gone(&self.share);
    }
}

// === impl Waiting ===

impl Future for Waiting<'_> {
    /// `None` would be a place that was promised to nobody.
    type Output = Option<Taken>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Taken>> {
        let polled = Pin::new(&mut self.place).poll(context);
        self.is_over = polled.is_ready();
        polled.map(Result::ok)
    }
}

impl Drop for Waiting<'_> {
    /// Whoever leaves before its turn is taken out of the queue. If it was served at this moment, its place goes on to the
    /// next when the receiver is dropped.
    fn drop(&mut self) {
        if !self.is_over {
            self.place.close();
            self.ticket.house.lock().let_go(&self.ticket.share);
        }
    }
}

// === impl Taken ===

impl Taken {
    fn new(share: &Arc<str>, house: &Arc<House>) -> Self {
        Self {
            share: Arc::clone(share),
            house: Arc::clone(house),
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut state = self.house.lock();
        state.free += 1;
        state.share(&self.share).running -= 1;
        state.forget_if_gone(&self.share);
        let next = state.next(self.house.share_places);
        drop(state);
        if let Some((share, waiting)) = next {
            // Whoever leaves at this moment drops it, and so the next is served.
            drop(waiting.send(Self::new(&share, &self.house)));
        }
    }
}

// === impl House ===

impl House {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl State ===

impl State {
    fn name(&self, share: &str) -> Arc<str> {
        let known = self.shares.get_key_value(share);
        known.map_or_else(|| Arc::from(share), |(name, _)| Arc::clone(name))
    }

    fn share(&mut self, name: &Arc<str>) -> &mut Share {
        self.shares.entry(Arc::clone(name)).or_default()
    }

    fn forget_if_gone(&mut self, name: &Arc<str>) {
        let is_gone = |share: &Share| share.tickets == 0 && share.running == 0;
        if self.shares.get(name).is_some_and(is_gone) {
            self.shares.remove(name);
        }
    }

    /// Those of a share who do not wait any more.
    fn let_go(&mut self, name: &Arc<str>) {
        let share = self.share(name);
        share.waiting.retain(|waiting| !waiting.is_closed());
        if share.waiting.is_empty() {
            self.turns.retain(|turn| turn != name);
        }
    }

    /// Takes a free place for whoever is next: of the share that has the fewest, and of those of which it is the turn.
    fn next(&mut self, share_places: u32) -> Option<(Arc<str>, oneshot::Sender<Taken>)> {
        if self.free == 0 {
            return None;
        }
        let may_have = self.turns.iter().enumerate().filter_map(|(turn, name)| {
            let running = self.shares.get(name)?.running;
            (running < share_places).then_some((running, turn))
        });
        let (_, turn) = may_have.min()?;
        let name = self.turns.remove(turn)?;
        let share = self.shares.get_mut(&name)?;
        let waiting = share.waiting.pop_front()?;
        share.running += 1;
        self.free -= 1;
        if !share.waiting.is_empty() {
            self.turns.push_back(Arc::clone(&name));
        }
        Some((name, waiting))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::{join_all, poll_immediate};

    use super::*;

    struct Hall {
        admission: Admission,
        ticker: Ticker,
    }

    fn hall(places: u32, queued: usize) -> Hall {
        let mut config = SandboxConfig::for_runs(places);
        config.queued_runs = queued;
        config.queue_wait = Duration::from_secs(20);
        with(&config)
    }

    fn with(config: &SandboxConfig) -> Hall {
        let engine = wasmtime::Engine::default();
        Hall {
            admission: Admission::new(config),
            ticker: Ticker::start(&engine).unwrap(),
        }
    }

    impl Hall {
        fn ticket(&self, share: &str) -> Result<Ticket, NoCapacity> {
            self.admission.ticket(share)
        }

        async fn place(&self, share: &str) -> Place {
            let ticket = self.ticket(share).unwrap();
            self.admission.admit(ticket, &self.ticker).await.unwrap()
        }
    }

    #[tokio::test]
    async fn one_who_comes_late_is_served_before_the_flood() {
        let hall = hall(1, 100);
        let held = hall.place("flood").await;
        let order = Mutex::new(Vec::new());
        let served = async |share| {
            let place = hall.place(share).await;
            order.lock().unwrap().push(share);
            tokio::task::yield_now().await;
            drop(place);
        };
        let mut waiting: Vec<_> = (0..20).map(|_| Box::pin(served("flood"))).collect();
        waiting.push(Box::pin(served("late")));
        for one in &mut waiting {
            assert!(poll_immediate(one).await.is_none());
        }
        drop(held);
        join_all(waiting).await;
        let order = order.into_inner().unwrap();
        assert_eq!(order[..3], ["flood", "late", "flood"]);
    }

    #[tokio::test]
    async fn the_share_that_has_the_fewest_places_is_next() {
        let hall = hall(3, 100);
        let _held = (hall.place("a").await, hall.place("a").await);
        let of_b = hall.place("b").await;
        let mut next_of_a = Box::pin(hall.place("a"));
        let mut next_of_b = Box::pin(hall.place("b"));
        assert!(poll_immediate(&mut next_of_a).await.is_none());
        assert!(poll_immediate(&mut next_of_b).await.is_none());
        drop(of_b);
        assert!(poll_immediate(&mut next_of_a).await.is_none());
        let of_b = poll_immediate(&mut next_of_b).await;
        assert!(of_b.is_some());
        drop(of_b);
        assert!(poll_immediate(&mut next_of_a).await.is_some());
    }

    #[tokio::test]
    async fn a_flood_leaves_room_for_those_who_come_after() {
        let hall = hall(1, 30);
        let _held = hall.place("flood").await;
        let flood: Vec<_> = std::iter::from_fn(|| hall.ticket("flood").ok()).collect();
        assert_eq!(flood.len(), 15);
        let refused = hall.ticket("flood").err();
        let (waiting, limit) = (15, 30);
        assert_eq!(refused, Some(NoCapacity::QueueFull { waiting, limit }));
        let second: Vec<_> = std::iter::from_fn(|| hall.ticket("second").ok()).collect();
        assert_eq!(second.len(), 8);
        assert!(hall.ticket("third").is_ok());
    }

    #[tokio::test]
    async fn a_share_has_no_more_places_than_it_may_have() {
        let mut config = SandboxConfig::for_runs(3);
        config.share_runs = 2;
        let hall = with(&config);
        let (one, _two) = (hall.place("a").await, hall.place("a").await);
        let mut third = Box::pin(hall.place("a"));
        assert!(poll_immediate(&mut third).await.is_none());
        let _other = hall.place("b").await;
        assert!(poll_immediate(&mut third).await.is_none());
        drop(one);
        assert!(poll_immediate(&mut third).await.is_some());
    }

    #[tokio::test]
    async fn those_who_leave_are_not_served_and_nothing_is_left_of_them() {
        let hall = hall(1, 100);
        let held = hall.place("a").await;
        let mut leaving = Box::pin(hall.place("a"));
        let mut served_and_leaving = Box::pin(hall.place("b"));
        let mut staying = Box::pin(hall.place("c"));
        assert!(poll_immediate(&mut leaving).await.is_none());
        assert!(poll_immediate(&mut served_and_leaving).await.is_none());
        assert!(poll_immediate(&mut staying).await.is_none());
        drop(leaving);
        drop(held);
        drop(served_and_leaving);
        let place = poll_immediate(&mut staying).await.unwrap();
        drop((place, staying));
        let state = hall.admission.house.lock();
        assert!(state.shares.is_empty() && state.turns.is_empty());
        assert_eq!((state.free, state.tickets), (1, 0));
    }

    #[tokio::test]
    async fn who_waits_for_too_long_is_told() {
        let mut config = SandboxConfig::for_runs(1);
        config.queue_wait = Duration::from_millis(20);
        let hall = with(&config);
        let _held = hall.place("a").await;
        let ticket = hall.ticket("b").unwrap();
        let refused = hall.admission.admit(ticket, &hall.ticker).await.err();
        let waited = config.queue_wait;
        assert_eq!(refused, Some(NoCapacity::Waited { waited }));
    }
}
