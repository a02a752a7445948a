//! Failed authentications: how many there may be before whoever shows unknown tokens is put off.
//!
//! Nobody guesses 32 random bytes; what is limited is the work that tokens make which are none. A token that was good a
//! while ago is never put off, whoever else is behind its address. One that is not known yet is still looked up while its
//! address is put off, but only so many are, of all such addresses together: it may have to be shown again under a flood.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use lockstep_step::Digest;

use crate::peer::Peer;

/// A peer may fail so often at once: an engine with a token that has expired does, for each run that it tries to start.
const OF_PEER: Rate = Rate {
    burst: 20,
    every: Duration::from_secs(6),
};
/// All together: many addresses with a few failures each are put off, too.
const OF_ALL: Rate = Rate {
    burst: 1_000,
    every: Duration::from_millis(10),
};
/// Look-ups for those who are put off: a few per cent of what the database can do.
const LOOKED_UP: Rate = Rate {
    burst: 200,
    every: Duration::from_millis(5),
};
/// Peers that are remembered. Beyond these only the rate of all counts.
const MAX_PEERS: usize = 16_384;
/// Good tokens that are remembered, and for how long after their last use.
const MAX_GOOD: usize = 4_096;
const GOOD_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// So many at once, and then one in this time.
#[derive(Clone, Copy)]
struct Rate {
    burst: u32,
    every: Duration,
}

/// What is left of a rate: the moment at which all of it is there again (the generic cell rate algorithm).
///
/// Of our own because a table of a library's keeps every peer that it ever saw.
#[derive(Clone, Copy)]
struct Bucket(Instant);

/// Who failed, and who did not.
pub(crate) struct Failures(Mutex<Table>);

struct Table {
    all: Bucket,
    looked_up: Bucket,
    by_peer: HashMap<Peer, Bucket>,
    good: HashMap<Digest, Instant>,
}

/// Whether a token is looked up, and what is said if it is none.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Standing {
    /// It is, and who shows it is told.
    Heard,
    /// It is, and who shows it is told to wait so long.
    PutOff(Duration),
    /// It is not.
    Unheard(Duration),
}

// === impl Failures ===

impl Failures {
    pub(crate) fn new(now: Instant) -> Self {
        Self(Mutex::new(Table {
            all: Bucket(now),
            looked_up: Bucket(now),
            by_peer: HashMap::new(),
            good: HashMap::new(),
        }))
    }

    /// How a token of this digest stands that this peer shows.
    pub(crate) fn standing(&self, peer: Peer, token: &Digest, now: Instant) -> Standing {
        let mut table = self.table();
        if table.good.contains_key(token) {
            return Standing::Heard;
        }
        let of_peer = table.by_peer.get(&peer);
        let of_peer = of_peer.map_or(Duration::ZERO, |bucket| bucket.empty_for(OF_PEER, now));
        let wait = of_peer.max(table.all.empty_for(OF_ALL, now));
        if wait.is_zero() {
            return Standing::Heard;
        }
        if table.looked_up.empty_for(LOOKED_UP, now).is_zero() {
            table.looked_up.take(LOOKED_UP, now);
            return Standing::PutOff(wait);
        }
        Standing::Unheard(wait)
    }

    /// A token was good.
    pub(crate) fn is_good(&self, token: &Digest, now: Instant) {
        let good = &mut self.table().good;
        if good.len() >= MAX_GOOD && !good.contains_key(token) {
            good.retain(|_, used| now.saturating_duration_since(*used) < GOOD_FOR);
            if good.len() >= MAX_GOOD {
                good.clear();
            }
        }
        good.insert(*token, now);
    }

    /// A token was none, or is none any more.
    pub(crate) fn has_failed(&self, peer: Peer, token: &Digest, now: Instant) {
        let mut table = self.table();
        table.good.remove(token);
        table.all.take(OF_ALL, now);
        if table.by_peer.len() >= MAX_PEERS {
            table.by_peer.retain(|_, bucket| bucket.0 > now);
        }
        let has_room = table.by_peer.len() < MAX_PEERS;
        if let Some(bucket) = table.by_peer.get_mut(&peer) {
            bucket.take(OF_PEER, now);
        } else if has_room {
            let mut bucket = Bucket(now);
            bucket.take(OF_PEER, now);
            table.by_peer.insert(peer, bucket);
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Bucket ===

impl Bucket {
    /// How long there will be nothing left.
    fn empty_for(self, rate: Rate, now: Instant) -> Duration {
        let taken = self.0.saturating_duration_since(now) + rate.every;
        taken.saturating_sub(rate.every * rate.burst)
    }

    /// Takes one. It never owes more than one: who goes on asking is not put off for ever.
    fn take(&mut self, rate: Rate, now: Instant) {
        let full = now + rate.every * rate.burst;
        self.0 = (self.0.max(now) + rate.every).min(full);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(number: u32) -> Peer {
        Peer::of(std::net::Ipv4Addr::from(number).into())
    }

    fn token(number: u32) -> Digest {
        Digest::of(&number.to_be_bytes())
    }

    fn fail(failures: &Failures, who: u32, times: u32, now: Instant) {
        for number in 0..times {
            failures.has_failed(peer(who), &token(number), now);
        }
    }

    #[test]
    fn a_peer_that_failed_often_is_put_off_and_heard_again_later() {
        let now = Instant::now();
        let failures = Failures::new(now);
        fail(&failures, 1, OF_PEER.burst - 1, now);
        let asked = token(7);
        assert_eq!(failures.standing(peer(1), &asked, now), Standing::Heard);
        fail(&failures, 1, 100, now);
        let standing = failures.standing(peer(1), &asked, now);
        assert_eq!(standing, Standing::PutOff(OF_PEER.every));
        assert_eq!(failures.standing(peer(2), &asked, now), Standing::Heard);
        let later = now + OF_PEER.every;
        assert_eq!(failures.standing(peer(1), &asked, later), Standing::Heard);
    }

    #[test]
    fn a_token_that_was_good_is_heard_from_any_address_until_it_fails() {
        let now = Instant::now();
        let failures = Failures::new(now);
        let good = token(1_000);
        failures.is_good(&good, now);
        fail(&failures, 1, 100, now);
        assert_eq!(failures.standing(peer(1), &good, now), Standing::Heard);
        failures.has_failed(peer(1), &good, now);
        assert_ne!(failures.standing(peer(1), &good, now), Standing::Heard);
    }

    #[test]
    fn who_is_put_off_has_no_more_than_a_share_of_the_look_ups() {
        let now = Instant::now();
        let failures = Failures::new(now);
        fail(&failures, 1, 100, now);
        let heard = (0..1_000)
            .filter(|number| {
                let standing = failures.standing(peer(1), &token(*number), now);
                matches!(standing, Standing::PutOff(_))
            })
            .count();
        assert_eq!(heard, LOOKED_UP.burst as usize);
        let standing = failures.standing(peer(1), &token(7), now);
        assert_eq!(standing, Standing::Unheard(OF_PEER.every));
    }

    #[test]
    fn many_addresses_that_fail_a_little_are_put_off_together() {
        let now = Instant::now();
        let failures = Failures::new(now);
        for who in 0..OF_ALL.burst {
            fail(&failures, who, 1, now);
        }
        let standing = failures.standing(peer(1_000_000), &token(7), now);
        assert_eq!(standing, Standing::PutOff(OF_ALL.every));
    }

    #[test]
    fn the_tables_do_not_grow_beyond_their_limits() {
        let now = Instant::now();
        let failures = Failures::new(now);
        let more = u32::try_from(MAX_PEERS).unwrap() + 100;
        for who in 0..more {
            fail(&failures, who, 1, now);
            failures.is_good(&token(who), now);
        }
        assert_eq!(failures.table().by_peer.len(), MAX_PEERS);
        assert!(failures.table().good.len() <= MAX_GOOD);
        let later = now + OF_PEER.every * 2;
        failures.has_failed(peer(0), &token(0), later);
        assert_eq!(failures.table().by_peer.len(), 1);
    }
}
