//! How many connections there may be: of all peers together, and of one.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::peer::Peer;

/// Counts connections. Clones share the count.
#[derive(Clone)]
pub(crate) struct Gate(Arc<Counted>);

struct Counted {
    limit: u32,
    limit_per_peer: u32,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    all: u32,
    /// Connections that were not let in, ever.
    refused: u64,
    /// Only peers that have some: never more entries than connections.
    by_peer: HashMap<Peer, u32>,
}

/// The right to have a connection. Given back when it is dropped.
#[must_use]
pub(crate) struct Admitted {
    gate: Gate,
    peer: Peer,
}

/// Why a connection is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Full {
    /// There are as many as there may be.
    #[error("the host has {limit} connections, which is its limit")]
    Host { limit: u32 },
    /// The peer has as many as one may have.
    #[error("the peer has {limit} connections, which is the limit for one")]
    Peer { limit: u32 },
}

impl Gate {
    pub(crate) fn new(limit: u32, limit_per_peer: u32) -> Self {
        Self(Arc::new(Counted {
            limit,
            limit_per_peer,
            open: Mutex::default(),
        }))
    }

    /// Lets one more connection in. A proxy on this machine speaks for many: for it only the limit of all counts.
    pub(crate) fn admit(&self, peer: Peer) -> Result<Admitted, Full> {
        let Counted {
            limit,
            limit_per_peer,
            ..
        } = *self.0;
        let mut open = self.open();
        if open.all >= limit {
            open.refused += 1;
            return Err(Full::Host { limit });
        }
        let of_peer = open.by_peer.get(&peer).copied().unwrap_or_default();
        if of_peer >= limit_per_peer && !peer.is_loopback() {
            open.refused += 1;
            return Err(Full::Peer {
                limit: limit_per_peer,
            });
        }
        open.all += 1;
        open.by_peer.insert(peer, of_peer + 1);
        Ok(Admitted {
            gate: self.clone(),
            peer,
        })
    }

    fn open(&self) -> std::sync::MutexGuard<'_, Open> {
        // Nothing panics while it is held.
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collector for Gate {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (all, refused) = {
            let open = self.open();
            (u64::from(open.all), open.refused)
        };
        let all = ConstGauge::new(all);
        all.encode(encoder.encode_descriptor(
            "connections",
            "Connections that are open",
            None,
            all.metric_type(),
        )?)?;
        let refused = ConstCounter::new(refused);
        refused.encode(encoder.encode_descriptor(
            "connections_refused",
            "Connections beyond a limit",
            None,
            refused.metric_type(),
        )?)
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gate")
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut open = self.gate.open();
        open.all -= 1;
        if let Some(count) = open.by_peer.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                open.by_peer.remove(&self.peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(text: &str) -> Peer {
        Peer::of(text.parse().unwrap())
    }

    #[test]
    fn a_peer_has_its_limit_and_all_together_have_theirs() {
        let gate = Gate::new(3, 2);
        let (one, other) = (peer("192.0.2.1"), peer("192.0.2.2"));
        let first = gate.admit(one).unwrap();
        let _second = gate.admit(one).unwrap();
        assert_eq!(gate.admit(one).err(), Some(Full::Peer { limit: 2 }));
        let _third = gate.admit(other).unwrap();
        assert_eq!(gate.admit(other).err(), Some(Full::Host { limit: 3 }));
        drop(first);
        assert_eq!(gate.open().all, 2);
        let _fourth = gate.admit(one).unwrap();
    }

    #[test]
    fn a_proxy_on_this_machine_has_the_limit_of_all() {
        let gate = Gate::new(3, 1);
        let proxy = peer("127.0.0.1");
        let _all = [(); 3].map(|()| gate.admit(proxy).unwrap());
        assert_eq!(gate.admit(proxy).err(), Some(Full::Host { limit: 3 }));
    }

    #[test]
    fn a_peer_that_went_away_is_forgotten() {
        let gate = Gate::new(10, 10);
        let admitted = [(); 5].map(|()| gate.admit(peer("192.0.2.1")).unwrap());
        drop(admitted);
        assert!(gate.open().by_peer.is_empty());
    }
}
