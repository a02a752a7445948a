//! What has to be done before a run reaches beyond this machine.

use std::error::Error;

use async_trait::async_trait;

/// What lies between a run and the world. It is crossed before each request of the run leaves, and before a part of a
/// body with another credential in it does. Requests that leave at the same time cross it at the same time.
#[async_trait]
pub trait Threshold: Send + Sync {
    /// Does what has to be done first: a host that records its runs sees to it that this one is on disk, and each use of a
    /// credential that was told before.
    ///
    /// # Errors
    /// The host cannot do it. No request leaves, and the run ends with it.
    async fn cross(&self) -> Result<(), Box<dyn Error + Send + Sync>>;
}
