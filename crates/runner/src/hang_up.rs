//! A caller that goes away: the run is cancelled, and the audit tells why.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::CancellationToken;

/// What the caller of a run holds while it waits. Dropped, it cancels the run.
#[must_use]
pub(crate) struct HangUp {
    cancel: CancellationToken,
    hung_up: HungUp,
}

/// Whether the caller of a run hung up, and nobody had cancelled it before. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct HungUp(Arc<AtomicBool>);

impl HangUp {
    pub(crate) fn of(cancel: CancellationToken, hung_up: HungUp) -> Self {
        Self { cancel, hung_up }
    }
}

impl Drop for HangUp {
    fn drop(&mut self) {
        if !self.cancel.is_cancelled() {
            self.hung_up.0.store(true, Ordering::Release);
            self.cancel.cancel();
        }
    }
}

impl HungUp {
    pub(crate) fn is_true(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
