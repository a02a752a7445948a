//! Calls that are refused, on their way into the audit.
//!
//! Whoever can reach the server can have calls refused, so they share entries: what is refused first is told at once, and
//! the same within a minute of it is counted, and told in one entry when the minute is over. A call that is let in does
//! nothing here, and one that is refused does not wait for the audit.

use std::collections::HashMap;
use std::future::pending;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;

use lockstep_runner::{Refusal, Refused, Runner};

/// Each kind has at most one entry in this time.
const MOMENT: Duration = Duration::from_secs(60);
/// Kinds that are told apart: some for each token that there is. What is beyond shares one entry.
const MAX_KINDS: usize = 4_096;

/// What was refused and is not in the audit yet.
pub(crate) struct Refusals {
    table: Mutex<Table>,
    /// Something is to be told at once.
    news: Notify,
}

#[derive(Default)]
struct Table(HashMap<Refused, Counted>);

/// Refusals of one kind.
struct Counted {
    /// From then on they may be told.
    due: Instant,
    /// Those that are not told.
    times: u64,
    /// When the last of these was.
    last: Timestamp,
    /// What the first of these was.
    first: Option<String>,
}

// === impl Refusals ===

impl Refusals {
    pub(crate) fn new() -> Self {
        Self {
            table: Mutex::default(),
            news: Notify::new(),
        }
    }

    /// Notes that a call was refused. What it was is asked for where it is the first of several.
    pub(crate) fn note(&self, what: Refused, first: impl FnOnce() -> Option<String>) {
        let now = (Instant::now(), Timestamp::now());
        if self.table().note(what, first, now) {
            self.news.notify_one();
        }
    }

    /// Tells in the audit what is due, until the server ends; and then what is left.
    pub(crate) async fn tell(&self, runner: &Runner, end: &CancellationToken) {
        loop {
            let due = self.table().take_due(Instant::now());
            self.write(runner, due).await;
            let next = self.table().next_due();
            tokio::select! {
                () = end.cancelled() => break,
                () = self.news.notified() => {}
                () = at(next) => {}
            }
        }
        let left = self.table().take_all();
        self.write(runner, left).await;
    }

    async fn write(&self, runner: &Runner, refusals: Vec<Refusal>) {
        if refusals.is_empty() {
            return;
        }
        let unwritten = runner.tell_refused(refusals).await;
        self.table().put_back(unwritten);
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Nothing panics while it is held.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment.into()).await,
        None => pending().await,
    }
}

// === impl Table ===

impl Table {
    /// Counts a call. Whether it is to be told at once.
    fn note(
        &mut self,
        what: Refused,
        first: impl FnOnce() -> Option<String>,
        (now, at): (Instant, Timestamp),
    ) -> bool {
        let is_known = self.0.contains_key(&what);
        let (what, first) = if is_known || self.0.len() < MAX_KINDS {
            (what, Some(first))
        } else {
            (Refused::Others, None)
        };
        let mut is_new = false;
        let counted = self.0.entry(what).or_insert_with(|| {
            is_new = true;
            Counted {
                due: now,
                times: 0,
                last: at,
                first: None,
            }
        });
        if counted.times == 0 {
            counted.first = first.and_then(|first| first());
        }
        counted.times += 1;
        counted.last = at;
        is_new
    }

    /// Takes what may be told now, and forgets what was not refused again within its time.
    fn take_due(&mut self, now: Instant) -> Vec<Refusal> {
        self.0
            .retain(|_, counted| counted.times > 0 || counted.due > now);
        let due = self.0.iter_mut().filter(|(_, counted)| counted.due <= now);
        due.map(|(what, counted)| {
            counted.due = now + MOMENT;
            counted.take(what)
        })
        .collect()
    }

    fn take_all(&mut self) -> Vec<Refusal> {
        let untold = self.0.iter_mut().filter(|(_, counted)| counted.times > 0);
        untold.map(|(what, counted)| counted.take(what)).collect()
    }

    /// What could not be written is told when its kind is due again.
    fn put_back(&mut self, refusals: Vec<Refusal>) {
        for Refusal {
            at,
            times,
            what,
            first,
        } in refusals
        {
            // A kind that was taken is kept until it is due.
            if let Some(counted) = self.0.get_mut(&what) {
                counted.times += times;
                counted.last = counted.last.max(at);
                counted.first = first;
            }
        }
    }

    fn next_due(&self) -> Option<Instant> {
        self.0.values().map(|counted| counted.due).min()
    }
}

impl Counted {
    fn take(&mut self, what: &Refused) -> Refusal {
        Refusal {
            at: self.last,
            times: std::mem::take(&mut self.times),
            what: what.clone(),
            first: self.first.take(),
        }
    }
}

#[cfg(test)]
mod tests {
    use lockstep_runner::{Lacking, TokenRefusal};
    use lockstep_step::Right;

    use super::*;

    const UNKNOWN: Refused = Refused::Token(TokenRefusal::Unknown);

    fn access(number: usize) -> Refused {
        Refused::Access {
            workspace: "acme".parse().unwrap(),
            actor: format!("token:{number}"),
            lacking: Lacking::Right(Right::Administer),
        }
    }

    fn note(table: &mut Table, what: &Refused, now: Instant) -> bool {
        let first = || Some("GET /v1".to_owned());
        table.note(what.clone(), first, (now, Timestamp::UNIX_EPOCH))
    }

    fn times(told: &[Refusal]) -> Vec<u64> {
        told.iter().map(|refusal| refusal.times).collect()
    }

    #[test]
    fn the_first_is_told_at_once_and_the_others_of_a_minute_together() {
        let (mut table, now) = (Table::default(), Instant::now());
        assert!(note(&mut table, &UNKNOWN, now));
        assert_eq!(times(&table.take_due(now)), [1]);
        for _ in 0..1_000 {
            assert!(!note(&mut table, &UNKNOWN, now));
        }
        assert_eq!(table.take_due(now + MOMENT / 2), []);
        assert_eq!(table.next_due(), Some(now + MOMENT));
        let told = table.take_due(now + MOMENT);
        assert_eq!(times(&told), [1_000]);
        assert_eq!(told[0].first.as_deref(), Some("GET /v1"));
        // A minute later there was nothing more, and the next is the first of its kind again.
        assert_eq!(table.take_due(now + MOMENT * 2), []);
        assert_eq!(table.next_due(), None);
        assert!(note(&mut table, &UNKNOWN, now + MOMENT * 2));
    }

    #[test]
    fn each_kind_is_told_apart() {
        let (mut table, now) = (Table::default(), Instant::now());
        for what in [access(1), access(2), UNKNOWN] {
            assert!(note(&mut table, &what, now));
        }
        assert_eq!(times(&table.take_due(now)), [1; 3]);
    }

    #[test]
    fn the_table_does_not_grow_beyond_its_limit_and_nothing_is_left_out() {
        let (mut table, now) = (Table::default(), Instant::now());
        for number in 0..MAX_KINDS + 100 {
            note(&mut table, &access(number), now);
        }
        assert_eq!(table.0.len(), MAX_KINDS + 1);
        let told = table.take_due(now);
        let others = told.iter().find(|it| it.what == Refused::Others).unwrap();
        assert_eq!((others.times, &others.first), (100, &None));
        table.take_due(now + MOMENT);
        assert!(table.0.is_empty());
    }

    #[test]
    fn what_was_not_written_is_told_with_what_comes_later() {
        let (mut table, now) = (Table::default(), Instant::now());
        note(&mut table, &UNKNOWN, now);
        let unwritten = table.take_due(now);
        note(&mut table, &UNKNOWN, now);
        table.put_back(unwritten);
        assert_eq!(table.take_due(now), []);
        assert_eq!(times(&table.take_due(now + MOMENT)), [2]);
    }

    #[test]
    fn at_the_end_nothing_is_left() {
        let (mut table, now) = (Table::default(), Instant::now());
        note(&mut table, &UNKNOWN, now);
        note(&mut table, &access(1), now);
        table.take_due(now);
        note(&mut table, &access(1), now);
        assert_eq!(times(&table.take_all()), [1]);
        assert_eq!(table.take_all(), []);
    }
}
