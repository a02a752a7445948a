//! What the operator lets requests reach, and how.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use lockstep_step::{Destination, HostPattern};

use super::address;
use super::resolve::{Resolve, SystemResolver};

/// What the operator lets requests reach, and how. [`EgressConfig::default`] allows public addresses and nothing else.
#[derive(Clone)]
pub struct EgressConfig {
    /// What may be reached beyond what is listed below. Default: public addresses.
    pub reach: Reach,
    /// Hosts that may be reached whatever their address is.
    pub hosts: Vec<HostPattern>,
    /// Networks that may be reached, by whatever name.
    pub networks: Vec<IpNet>,
    /// Where a sealed credential may go without TLS.
    pub sealed_in_the_clear: Vec<Destination>,
    /// Certificates of authorities that are trusted beside those of the platform.
    pub roots: Vec<CertificateDer<'static>>,
    /// Who knows the addresses of hosts. Default: the system.
    pub resolver: Arc<dyn Resolve>,
    /// How long connecting may take: name, TCP and TLS together. Default 10 s.
    pub connect_timeout: Duration,
    /// How long a connection that nobody uses is kept. Default 60 s.
    pub idle: Duration,
    /// Connections that nobody uses, per workspace and origin. Default 64: as many as a run may have requests at once.
    pub idle_connections: usize,
}

/// What may be reached though nobody has listed it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Reach {
    /// Public addresses.
    #[default]
    Public,
    /// Nothing.
    Nothing,
}

/// Why an address may be dialled.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ground<'a> {
    Public,
    Host(&'a HostPattern),
    Network(&'a IpNet),
}

impl fmt::Display for Ground<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Public => f.write_str("a public address"),
            Self::Host(pattern) => write!(f, "the operator lists the host as `{pattern}`"),
            Self::Network(network) => write!(f, "the operator lists the network `{network}`"),
        }
    }
}

/// A text has no certificates that can be read.
#[derive(Debug, thiserror::Error)]
pub enum InvalidRoots {
    /// It is no PEM.
    #[error("it is not PEM (RFC 7468): {0}")]
    NotPem(String),
    /// There is none in it.
    #[error("it has no certificate: one begins with `-----BEGIN CERTIFICATE-----`")]
    None,
}

impl EgressConfig {
    /// Trusts the certificates in `pem`, too. Returns how many.
    ///
    /// # Errors
    /// [`InvalidRoots`], if it has none. Whether a certificate is one of an authority is seen when the sandbox is made.
    pub fn trust(&mut self, pem: &[u8]) -> Result<usize, InvalidRoots> {
        let read = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
        let roots = read.map_err(|error| InvalidRoots::NotPem(error.to_string()))?;
        if roots.is_empty() {
            return Err(InvalidRoots::None);
        }
        let count = roots.len();
        self.roots.extend(roots);
        Ok(count)
    }

    /// Why a request to `host` may go to `address`. `None`: it may not.
    pub(super) fn ground(&self, host: &str, address: IpAddr) -> Option<Ground<'_>> {
        let address = address::plain(address);
        if self.reach == Reach::Public && address::is_public(address) {
            return Some(Ground::Public);
        }
        let host = self.listed_host(host).map(Ground::Host);
        host.or_else(|| {
            let network = self.networks.iter().find(|net| net.contains(&address));
            network.map(Ground::Network)
        })
    }

    /// Whether an address of `host` may be one that a request may go to.
    pub(super) fn may_reach_some(&self, host: &str) -> bool {
        self.reach == Reach::Public || self.listed_host(host).is_some() || !self.networks.is_empty()
    }

    /// What is said of `host` before it is resolved.
    pub(super) fn in_words(&self, host: &str) -> String {
        if let Some(pattern) = self.listed_host(host) {
            return format!("the operator lists the host as `{pattern}`");
        }
        match (self.reach, self.networks.is_empty()) {
            (Reach::Public, true) => "the operator allows public addresses".to_owned(),
            (Reach::Public, false) => {
                "the operator allows public addresses and those of listed networks".to_owned()
            }
            (Reach::Nothing, true) => "the operator does not list the host".to_owned(),
            (Reach::Nothing, false) => {
                "the operator allows addresses of listed networks".to_owned()
            }
        }
    }

    /// What the operator has listed that is this host.
    fn listed_host(&self, host: &str) -> Option<&HostPattern> {
        self.hosts.iter().find(|pattern| pattern.matches(host))
    }
}

impl Default for EgressConfig {
    fn default() -> Self {
        Self {
            reach: Reach::Public,
            hosts: Vec::new(),
            networks: Vec::new(),
            sealed_in_the_clear: Vec::new(),
            roots: Vec::new(),
            resolver: Arc::new(SystemResolver),
            connect_timeout: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            idle_connections: 64,
        }
    }
}

impl fmt::Debug for EgressConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EgressConfig")
            .field("reach", &self.reach)
            .field("hosts", &self.hosts)
            .field("networks", &self.networks)
            .field("sealed_in_the_clear", &self.sealed_in_the_clear)
            .field("roots", &self.roots.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_public_or_listed_may_be_reached() {
        let config = EgressConfig {
            hosts: vec!["intranet.test".parse().unwrap()],
            networks: vec!["10.1.0.0/16".parse().unwrap()],
            ..EgressConfig::default()
        };
        let allows =
            |host: &str, address: &str| config.ground(host, address.parse().unwrap()).is_some();
        assert!(allows("a.test", "8.8.8.8"));
        assert!(!allows("a.test", "10.0.0.1"));
        assert!(allows("a.test", "10.1.2.3"));
        assert!(allows("a.test", "::ffff:10.1.2.3"));
        assert!(!allows("a.test", "::ffff:10.2.2.3"));
        assert!(allows("intranet.test", "192.168.0.1"));
        assert!(!allows("other.test", "192.168.0.1"));
        let closed = EgressConfig {
            reach: Reach::Nothing,
            ..config
        };
        let allows = |address: &str| closed.ground("a.test", address.parse().unwrap()).is_some();
        assert!(!allows("8.8.8.8"));
        assert!(allows("10.1.2.3"));
    }
}
