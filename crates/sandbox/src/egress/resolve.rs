//! Who knows the addresses of hosts.

use std::io;
use std::net::IpAddr;

use async_trait::async_trait;

/// Knows the addresses of hosts.
#[async_trait]
pub trait Resolve: Send + Sync {
    /// The addresses of `host`, which is a name, in the order in which they are to be tried.
    ///
    /// # Errors
    /// There is no such host, or nobody can be asked.
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// Asks the system, as other programs on this machine do.
#[derive(Clone, Copy, Debug)]
pub struct SystemResolver;

#[async_trait]
impl Resolve for SystemResolver {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        // The port is not looked at.
        let found = tokio::net::lookup_host((host, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}
