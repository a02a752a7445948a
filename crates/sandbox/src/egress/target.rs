//! Where a request goes, read once from its URL.

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU16;

use url::{Host, Url};

use lockstep_step::{RequestTarget, Scheme};

use super::error::EgressError;

/// Where a request goes. The host is in one spelling: lower case, `xn--`, no dot at its end, an IPv4 address in four
/// decimal numbers, as the URL standard reads it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Target {
    pub(super) scheme: Scheme,
    pub(super) host: String,
    /// The host, if it is an address.
    pub(super) address: Option<IpAddr>,
    pub(super) port: u16,
}

impl Target {
    /// The host, and the port if it is not the usual one.
    pub(super) fn host_and_port(&self) -> String {
        let Self { host, port, .. } = self;
        if *port == self.scheme.usual_port() {
            host.clone()
        } else if host.contains(':') {
            format!("[{host}]:{port}")
        } else {
            format!("{host}:{port}")
        }
    }

    /// Reads the target of `url`, and gives it back with the host in its one spelling and without a fragment.
    pub(super) fn of(url: &Url) -> Result<(Self, Url), EgressError> {
        let scheme = match url.scheme() {
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            other => {
                let message = format!("a request goes to `https` or `http`, not to `{other}`");
                return Err(EgressError::denied(message));
            }
        };
        if !url.username().is_empty() || url.password().is_some() {
            let message = "a URL with a user name or a password in it cannot be requested: use the header `Authorization`";
            return Err(EgressError::denied(message));
        }
        let mut url = url.clone();
        url.set_fragment(None);
        let (host, address) = match url.host() {
            // One dot at the end is that of the root. With more it is a name that nobody has, and might become an address.
            Some(Host::Domain(name)) => (name.strip_suffix('.').unwrap_or(name).to_owned(), None),
            Some(Host::Ipv4(address)) => (address.to_string(), Some(address.into())),
            Some(Host::Ipv6(address)) => (address.to_string(), Some(address.into())),
            None => (String::new(), None),
        };
        if host.is_empty() {
            return Err(EgressError::denied("the URL has no host"));
        }
        let is_empty = |label: &str| label.is_empty();
        if address.is_none()
            && (host.split('.').any(is_empty) || url.set_host(Some(&host)).is_err())
        {
            return Err(EgressError::denied(
                "the URL has a host that cannot be read",
            ));
        }
        let port = url.port_or_known_default().and_then(NonZeroU16::new);
        let port = port.ok_or_else(|| EgressError::denied("the URL has the port 0").at(&host))?;
        let target = Self {
            scheme,
            host,
            address,
            port: port.get(),
        };
        Ok((target, url))
    }

    /// What a URL that is no target comes next to, for the record: `None` if it has no host, or no scheme of ours.
    pub(super) fn nearest(url: &Url) -> Option<Self> {
        let scheme = match url.scheme() {
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            _ => return None,
        };
        let host = url.host_str()?.trim_end_matches('.');
        Some(Self {
            scheme,
            host: host.to_owned(),
            address: None,
            port: url.port_or_known_default()?,
        })
    }

    /// As the rules of a workflow look at it.
    pub(super) fn with<'a>(&'a self, method: &'a str, path: &'a str) -> RequestTarget<'a> {
        RequestTarget {
            scheme: self.scheme,
            host: &self.host,
            port: self.port,
            method,
            path,
        }
    }
}

/// The origin: two requests of one origin share cookies, credentials and connections.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            scheme, host, port, ..
        } = self;
        let scheme = scheme.as_str();
        match self.address {
            Some(IpAddr::V6(_)) => write!(f, "{scheme}://[{host}]:{port}"),
            _ => write!(f, "{scheme}://{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> Result<Target, String> {
        let url = Url::parse(url).map_err(|error| error.to_string())?;
        Target::of(&url)
            .map(|(target, _)| target)
            .map_err(|error| error.message)
    }

    #[test]
    fn every_spelling_of_a_host_is_one_host() {
        for (url, host) in [
            ("https://API.Example.COM/", "api.example.com"),
            ("https://api.example.com./", "api.example.com"),
            ("https://bücher.example/", "xn--bcher-kva.example"),
            ("https://ｅxample.com/", "example.com"),
            ("http://2130706433/", "127.0.0.1"),
            ("http://0x7f.1/", "127.0.0.1"),
            ("http://0177.0.0.01/", "127.0.0.1"),
            ("http://127.0.0.1./", "127.0.0.1"),
            ("http://[::FFFF:169.254.169.254]/", "::ffff:169.254.169.254"),
            ("http://%31%32%37.0.0.1/", "127.0.0.1"),
        ] {
            let target = target(url).unwrap();
            assert_eq!(target.host, host, "{url}");
            let is_address = host.parse::<IpAddr>().is_ok();
            assert_eq!(target.address.is_some(), is_address, "{url}");
        }
    }

    #[test]
    fn what_is_sent_names_the_host_in_that_spelling() {
        let url = Url::parse("https://Example.com.:8443/a?b#c").unwrap();
        let (target, url) = Target::of(&url).unwrap();
        assert_eq!(url.as_str(), "https://example.com:8443/a?b");
        assert_eq!(target.to_string(), "https://example.com:8443");
    }

    #[test]
    fn what_is_no_target_is_refused() {
        for (url, part) in [
            ("ftp://a.test/", "`ftp`"),
            ("file:///etc/passwd", "`file`"),
            ("https://me@a.test/", "user name"),
            ("https://:secret@a.test/", "password"),
            ("https://a.test:0/", "port 0"),
            ("https://./", "no host"),
            ("https://2../", "cannot be read"),
            ("https://127.0.0.1../", "cannot be read"),
            ("https://a..test/", "cannot be read"),
        ] {
            let message = target(url).unwrap_err();
            assert!(message.contains(part), "{url}: {message}");
        }
    }
}
