//! Where a server is.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use http::Uri;
use http::uri::{Authority, Scheme};

/// Where a server is: a scheme, a host with a port, and a path that stands before each of the API.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ServerAddress {
    scheme: Scheme,
    authority: Authority,
    /// Without the slash at its end.
    path: String,
}

/// Whether a token may go to another machine without TLS.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum InTheClear {
    /// To this machine only.
    #[default]
    Loopback,
    /// To any: whoever is between reads the token and all values.
    Anywhere,
}

/// Why a text is no address of a server. The text is not repeated: a token may be in it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidAddress {
    /// Not a URL, or one without host.
    #[error("it is no URL such as `https://lockstep.example.com`")]
    Form,
    /// Neither `https` nor `http`.
    #[error("it begins with `https://`, or `http://` for this machine")]
    Scheme,
    /// With a user.
    #[error("it has no user and no password: the token is given beside it")]
    User,
    /// With a query.
    #[error("it has no query")]
    Query,
    /// In the clear over a network.
    #[error("`http` to another machine shows the token and all values to whoever is between")]
    InTheClear,
}

impl ServerAddress {
    /// The same, if a token may go there.
    ///
    /// # Errors
    /// [`InvalidAddress::InTheClear`].
    pub fn checked(self, clear: InTheClear) -> Result<Self, InvalidAddress> {
        match clear {
            InTheClear::Anywhere => Ok(self),
            InTheClear::Loopback if self.scheme == Scheme::HTTPS || self.is_loopback() => Ok(self),
            InTheClear::Loopback => Err(InvalidAddress::InTheClear),
        }
    }

    /// Whether it is over TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// The URI of something of the API.
    pub(crate) fn uri(&self, path_and_query: &str) -> Result<Uri, http::Error> {
        Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(format!("{}{path_and_query}", self.path))
            .build()
    }

    /// Whether it is on this machine. `localhost` is, by RFC 6761.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let host = self.authority.host();
        let address = host.trim_start_matches('[').trim_end_matches(']');
        let is_loopback = |address: IpAddr| address.to_canonical().is_loopback();
        host.eq_ignore_ascii_case("localhost") || address.parse().is_ok_and(is_loopback)
    }
}

impl FromStr for ServerAddress {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let uri: Uri = text.trim().parse().map_err(|_| InvalidAddress::Form)?;
        let parts = uri.into_parts();
        let scheme = parts.scheme.ok_or(InvalidAddress::Form)?;
        if scheme != Scheme::HTTPS && scheme != Scheme::HTTP {
            return Err(InvalidAddress::Scheme);
        }
        let authority = parts.authority.ok_or(InvalidAddress::Form)?;
        if authority.as_str().contains('@') {
            return Err(InvalidAddress::User);
        }
        if authority.host().is_empty() {
            return Err(InvalidAddress::Form);
        }
        let path = parts.path_and_query;
        if path.as_ref().is_some_and(|path| path.query().is_some()) {
            return Err(InvalidAddress::Query);
        }
        let path = path.as_ref().map_or("", |path| path.path());
        Ok(Self {
            scheme,
            authority,
            path: path.trim_end_matches('/').to_owned(),
        })
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&str, InvalidAddress>) {
        let parsed = text.parse::<ServerAddress>();
        let checked = parsed.and_then(|address| address.checked(InTheClear::Loopback));
        let told = checked.map(|address| address.to_string());
        assert_eq!(told.as_deref().map_err(|error| *error), expected, "{text}");
    }

    #[test]
    fn a_server_is_over_tls_or_on_this_machine() {
        check("https://a.test", Ok("https://a.test"));
        check("https://a.test:8443/", Ok("https://a.test:8443"));
        check("https://a.test/lockstep/", Ok("https://a.test/lockstep"));
        check("http://127.0.0.1:7070", Ok("http://127.0.0.1:7070"));
        check("http://localhost:7070", Ok("http://localhost:7070"));
        check("http://[::1]:7070", Ok("http://[::1]:7070"));
        check("http://[::ffff:127.0.0.1]", Ok("http://[::ffff:127.0.0.1]"));
        check("http://a.test", Err(InvalidAddress::InTheClear));
        check("http://10.0.0.1:7070", Err(InvalidAddress::InTheClear));
        check("http://127.0.0.1.a.test", Err(InvalidAddress::InTheClear));
        check("http://localhost.a.test", Err(InvalidAddress::InTheClear));
    }

    #[test]
    fn what_is_no_address_is_refused_and_not_repeated() {
        check("", Err(InvalidAddress::Form));
        check("a.test:7070", Err(InvalidAddress::Form));
        check("/v1", Err(InvalidAddress::Form));
        check("ftp://a.test", Err(InvalidAddress::Scheme));
        check("https://lsk_x@a.test", Err(InvalidAddress::User));
        check("https://me:lsk_x@a.test", Err(InvalidAddress::User));
        check("https://a.test/?token=lsk_x", Err(InvalidAddress::Query));
    }

    #[test]
    fn who_says_so_speaks_in_the_clear() {
        let address: ServerAddress = "http://a.test".parse().unwrap();
        assert!(address.checked(InTheClear::Anywhere).is_ok());
    }
}
