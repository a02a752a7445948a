//! Hosts with a port: where a sealed credential may go.

use std::fmt;
use std::num::NonZeroU16;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{HostPattern, InvalidHostPattern};

/// `api.example.com`, `*.example.com:8443` or `[::1]:8443`: hosts, on one port.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Destination {
    /// The hosts.
    pub host: HostPattern,
    /// The port. `None`: the port of the scheme, 443 for `https`.
    pub port: Option<NonZeroU16>,
}

/// Why a text is no destination.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidDestination {
    /// What stands before the port.
    #[error(transparent)]
    Host(#[from] InvalidHostPattern),
    /// What stands behind the colon.
    #[error("a port is a number from 1 to 65535, as in `api.example.com:8443`")]
    Port,
}

impl Destination {
    /// Whether a request to `host` (as for [`HostPattern::matches`]) and `port` goes there; `usual_port` is that of its
    /// scheme.
    #[must_use]
    pub fn matches(&self, host: &str, port: u16, usual_port: u16) -> bool {
        self.port.map_or(usual_port, NonZeroU16::get) == port && self.host.matches(host)
    }
}

impl FromStr for Destination {
    type Err = InvalidDestination;

    fn from_str(text: &str) -> Result<Self, InvalidDestination> {
        // The colons of an IPv6 address without brackets are no port.
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if host.ends_with(']') || !host.contains(':') => (host, Some(port)),
            _ => (text, None),
        };
        if host.ends_with("//") || host == "https" || host == "http" {
            return Err(InvalidHostPattern::NotAlone.into());
        }
        let port = port
            .map(|port| port.parse().map_err(|_| InvalidDestination::Port))
            .transpose()?;
        Ok(Self {
            host: host.parse()?,
            port,
        })
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            None => write!(f, "{}", self.host),
            Some(port) if self.host.to_string().contains(':') => {
                write!(f, "[{}]:{port}", self.host)
            }
            Some(port) => write!(f, "{}:{port}", self.host),
        }
    }
}

impl From<Destination> for String {
    fn from(destination: Destination) -> Self {
        destination.to_string()
    }
}

impl TryFrom<String> for Destination {
    type Error = InvalidDestination;

    fn try_from(text: String) -> Result<Self, InvalidDestination> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_without_a_port_is_the_port_of_the_scheme() {
        let usual: Destination = "api.example.com".parse().unwrap();
        assert!(usual.matches("api.example.com", 443, 443));
        assert!(!usual.matches("api.example.com", 8443, 443));
        let other: Destination = "api.example.com:8443".parse().unwrap();
        assert!(other.matches("api.example.com", 8443, 443));
        assert!(!other.matches("api.example.com", 443, 443));
    }

    #[test]
    fn each_destination_reads_as_it_is_written() {
        for text in [
            "a.test",
            "*.a.test:8443",
            "127.0.0.1:80",
            "::1",
            "[::1]:8443",
        ] {
            let read: Destination = text.parse().unwrap();
            assert_eq!(read.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_port_and_what_is_a_url_is_refused() {
        for (text, error) in [
            ("a.test:", InvalidDestination::Port),
            ("a.test:0", InvalidDestination::Port),
            ("a.test:65536", InvalidDestination::Port),
            ("a.test:x", InvalidDestination::Port),
            ("https://a.test", InvalidHostPattern::NotAlone.into()),
            ("a.test:80/x", InvalidDestination::Port),
            ("a.test/x", InvalidHostPattern::NotAlone.into()),
        ] {
            assert_eq!(text.parse::<Destination>(), Err(error), "{text}");
        }
    }
}
