//! What has to be done before a run reaches beyond this machine.

use std::error::Error;

use async_trait::async_trait;

/// What lies between a run and the world. It is crossed once, before the first request of the run leaves.
#[async_trait]
pub trait Threshold: Send + Sync {
    /// Does what has to be done first: a host that records its runs sees to it that this one is on disk.
    ///
    /// # Errors
    /// The host cannot do it. No request leaves, and the run ends with it.
    async fn cross(&self) -> Result<(), Box<dyn Error + Send + Sync>>;
}
