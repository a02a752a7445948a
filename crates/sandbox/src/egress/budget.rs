//! What the requests of one run may use, all together.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use lockstep_step::Limits;

use super::error::EgressError;
use super::slots::{Slot, Slots};

/// What the requests of one run may use, and have used.
pub(super) struct Budget {
    limits: Limits,
    requests: AtomicU32,
    transferred: AtomicU64,
    slots: Arc<Slots>,
}

impl Budget {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            limits: *limits,
            requests: AtomicU32::new(0),
            transferred: AtomicU64::new(0),
            slots: Slots::new(limits.concurrent_requests),
        }
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(super) fn slots(&self) -> &Slots {
        &self.slots
    }

    /// A place among the requests that go on at the same time; waits for one.
    pub(super) async fn slot(&self) -> Result<Slot, EgressError> {
        let limit = self.limits.concurrent_requests;
        self.slots.take().await.map_err(|_| {
            EgressError::denied(format!(
                "this request would wait for ever: the step holds {limit} answers that it does not read, the limit `concurrent_requests`; read each answer to its end, or cancel it, before asking for more"
            ))
        })
    }

    /// Lets one more request out.
    pub(super) fn request(&self) -> Result<(), EgressError> {
        let limit = self.limits.requests;
        let counted = self
            .requests
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
                (count < limit).then(|| count + 1)
            });
        counted.map(|_| ()).map_err(|_| {
            EgressError::denied(format!(
                "this run has made {limit} requests, the limit `requests`"
            ))
        })
    }

    /// `more` bytes of a request's body leave, which has `length` bytes with them.
    pub(super) fn send(&self, length: u64, more: u64) -> Result<(), EgressError> {
        self.slots.moved();
        let limit = self.limits.request_body_bytes;
        if length > limit {
            return Err(EgressError::body(format!(
                "the body of the request has more than {limit} bytes, the limit `request_body_bytes`"
            )));
        }
        self.transfer(more)
    }

    /// `more` bytes of a response's body arrived.
    pub(super) fn receive(&self, more: u64) -> Result<(), EgressError> {
        self.transfer(more)
    }

    fn transfer(&self, more: u64) -> Result<(), EgressError> {
        let limit = self.limits.transfer_bytes;
        if self.transferred.fetch_add(more, Ordering::Relaxed) + more > limit {
            return Err(EgressError::body(format!(
                "the bodies of this run's requests and answers have more than {limit} bytes together, the limit `transfer_bytes`"
            )));
        }
        Ok(())
    }
}
