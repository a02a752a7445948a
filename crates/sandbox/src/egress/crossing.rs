//! What is done before something leaves a run: the host hears which credentials are in it, and the threshold is crossed.

use std::sync::Arc;

use lockstep_step::CredentialKey;

use super::error::{EgressError, HostFault};
use super::sealed::Sealed;
use super::target::Target;
use crate::Threshold;
use crate::credentials::Purpose;

/// The way over the threshold of one run.
#[derive(Clone)]
pub(super) struct Crossing {
    sealed: Arc<Sealed>,
    threshold: Option<Arc<dyn Threshold>>,
}

impl Crossing {
    pub(super) fn new(sealed: &Arc<Sealed>, threshold: Option<Arc<dyn Threshold>>) -> Self {
        Self {
            sealed: Arc::clone(sealed),
            threshold,
        }
    }

    /// Tells which credentials go to `target`.
    pub(super) fn tell(&self, keys: &[CredentialKey], target: &Target) {
        if keys.is_empty() {
            return;
        }
        let host = target.host_and_port();
        for key in keys {
            self.sealed.tell(key, Purpose::Request(&host));
        }
    }

    /// Nothing of what was told leaves before this has returned.
    pub(super) async fn cross(&self) -> Result<(), EgressError> {
        let Some(threshold) = &self.threshold else {
            return Ok(());
        };
        let crossed = threshold.cross().await;
        crossed.map_err(|error| EgressError::of_the_host(HostFault::Threshold(error)))
    }
}
