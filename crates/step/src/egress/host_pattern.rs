//! Which hosts: one, or all below a name.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::public_suffix;

/// Longest name of a host, in bytes (RFC 1035, section 2.3.4).
const MAX_HOST_BYTES: usize = 253;
/// Longest label of it, in bytes.
const MAX_LABEL_BYTES: usize = 63;

/// A host: `api.example.com` is that one, `*.example.com` any below `example.com` and never itself.
///
/// A name is written as it is in the domain name system: letters, digits, `-` and `_`, an international one in its
/// `xn--` form; upper case counts as lower case. An IP address is written in its usual form, IPv6 with or without
/// brackets.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostPattern {
    /// The host, or the name that it is below, in lower case.
    name: String,
    reach: Reach,
}

/// What a pattern stands for.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
enum Reach {
    Exact,
    Below,
}

/// Why a text is no pattern of a host.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidHostPattern {
    /// No character at all.
    #[error("a host cannot be empty")]
    Empty,
    /// Longer than the limit.
    #[error("a host has {length} bytes, over the limit of {MAX_HOST_BYTES}")]
    TooLong {
        /// What was given, in bytes.
        length: usize,
    },
    /// A star that is not alone in front.
    #[error("`*` can only stand in front, as in `*.example.com`, and only before a name")]
    Star,
    /// A URL, a path or a port.
    #[error("a host has no scheme, path, port or user: write `api.example.com`")]
    NotAlone,
    /// A label that is empty, too long, or has a character that is not allowed.
    #[error(
        "each part of a host has 1 to {MAX_LABEL_BYTES} letters, digits, `-` or `_`; an international name is written in its `xn--` form"
    )]
    Label,
    /// Numbers that are no address in its usual form.
    #[error("a host that ends in a number is an IPv4 address, such as `192.0.2.1`")]
    Address,
}

impl HostPattern {
    /// Whether `host` is meant: in lower case, without a dot at its end, IPv6 without brackets.
    #[must_use]
    pub fn matches(&self, host: &str) -> bool {
        match self.reach {
            Reach::Exact => self.name == host,
            Reach::Below => host
                .strip_suffix(self.name.as_str())
                .is_some_and(|below| below.len() > 1 && below.ends_with('.')),
        }
    }

    /// The one host that is meant, if it is one.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        (self.reach == Reach::Exact).then_some(&self.name)
    }

    /// The name of which all names below are meant, if anybody can have one there: `com` of `*.com`, `github.io` of
    /// `*.github.io`.
    #[must_use]
    pub fn public_suffix(&self) -> Option<&str> {
        (self.reach == Reach::Below && public_suffix::is_public(&self.name)).then_some(&self.name)
    }

    /// Whether `host`, which [matches](Self::matches), may be of somebody else than the name in the pattern is:
    /// `*.amazonaws.com` matches `bucket.s3.amazonaws.com`, and everybody can have a bucket.
    #[must_use]
    pub fn is_of_another(&self, host: &str) -> bool {
        self.reach == Reach::Below && public_suffix::is_between(&self.name, host)
    }
}

impl FromStr for HostPattern {
    type Err = InvalidHostPattern;

    fn from_str(text: &str) -> Result<Self, InvalidHostPattern> {
        let (reach, name) = match text.strip_prefix("*.") {
            Some(name) => (Reach::Below, name),
            None => (Reach::Exact, text),
        };
        let bare = name.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        if let Ok(address) = bare.unwrap_or(name).parse::<Ipv6Addr>() {
            return exact(reach, address.to_string());
        }
        if let Ok(address) = name.parse::<Ipv4Addr>() {
            return exact(reach, address.to_string());
        }
        let name = name.to_ascii_lowercase();
        check_name(&name)?;
        Ok(Self { name, reach })
    }
}

/// An address has nothing below it.
fn exact(reach: Reach, name: String) -> Result<HostPattern, InvalidHostPattern> {
    match reach {
        Reach::Exact => Ok(HostPattern { name, reach }),
        Reach::Below => Err(InvalidHostPattern::Star),
    }
}

fn check_name(name: &str) -> Result<(), InvalidHostPattern> {
    if name.is_empty() {
        return Err(InvalidHostPattern::Empty);
    }
    if name.len() > MAX_HOST_BYTES {
        return Err(InvalidHostPattern::TooLong { length: name.len() });
    }
    if name.contains('*') {
        return Err(InvalidHostPattern::Star);
    }
    if name.contains(['/', ':', '@', '?', '#']) {
        return Err(InvalidHostPattern::NotAlone);
    }
    if !name.split('.').all(is_label) {
        return Err(InvalidHostPattern::Label);
    }
    // What the URL standard reads as an IPv4 address, however it is written: such a name would never match.
    let last = name.rsplit('.').next().unwrap_or(name);
    let number = last.strip_prefix("0x").unwrap_or(last);
    let radix = if number.len() < last.len() { 16 } else { 10 };
    if number.chars().all(|character| character.is_digit(radix)) {
        return Err(InvalidHostPattern::Address);
    }
    Ok(())
}

fn is_label(label: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=MAX_LABEL_BYTES).contains(&label.len()) && label.bytes().all(allowed)
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reach {
            Reach::Exact => f.write_str(&self.name),
            Reach::Below => write!(f, "*.{}", self.name),
        }
    }
}

impl From<HostPattern> for String {
    fn from(pattern: HostPattern) -> Self {
        pattern.to_string()
    }
}

impl TryFrom<String> for HostPattern {
    type Error = InvalidHostPattern;

    fn try_from(text: String) -> Result<Self, InvalidHostPattern> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> HostPattern {
        text.parse().unwrap()
    }

    #[test]
    fn a_name_is_that_host_and_no_other() {
        let exact = pattern("API.example.com");
        assert!(exact.matches("api.example.com"));
        for other in [
            "example.com",
            "v2.api.example.com",
            "api.example.com.evil.test",
            "xapi.example.com",
        ] {
            assert!(!exact.matches(other), "{other}");
        }
    }

    #[test]
    fn a_star_is_any_depth_below_and_never_the_name_itself() {
        let below = pattern("*.example.com");
        for host in ["a.example.com", "b.a.example.com"] {
            assert!(below.matches(host), "{host}");
        }
        for other in [
            "example.com",
            ".example.com",
            "aexample.com",
            "example.com.evil.test",
        ] {
            assert!(!below.matches(other), "{other}");
        }
    }

    #[test]
    fn an_address_is_written_in_one_way() {
        assert!(pattern("[::1]").matches("::1"));
        assert_eq!(pattern("0:0::1").to_string(), "::1");
        assert!(pattern("127.0.0.1").matches("127.0.0.1"));
        for (text, error) in [
            ("*.127.0.0.1", InvalidHostPattern::Star),
            ("*.[::1]", InvalidHostPattern::Star),
            ("127.1", InvalidHostPattern::Address),
            ("2130706433", InvalidHostPattern::Address),
            ("0x7f000001", InvalidHostPattern::Address),
            ("a.0x1", InvalidHostPattern::Address),
        ] {
            assert_eq!(text.parse::<HostPattern>(), Err(error), "{text}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused_with_the_reason() {
        let long = format!("a{}com", "a.".repeat(125));
        for (text, error) in [
            ("", InvalidHostPattern::Empty),
            ("*.", InvalidHostPattern::Empty),
            ("*", InvalidHostPattern::Star),
            ("a.*.com", InvalidHostPattern::Star),
            ("https://a.com", InvalidHostPattern::NotAlone),
            ("a.com:443", InvalidHostPattern::NotAlone),
            ("a.com/x", InvalidHostPattern::NotAlone),
            ("me@a.com", InvalidHostPattern::NotAlone),
            ("a..com", InvalidHostPattern::Label),
            ("a.com.", InvalidHostPattern::Label),
            ("bücher.example", InvalidHostPattern::Label),
            (long.as_str(), InvalidHostPattern::TooLong { length: 254 }),
        ] {
            assert_eq!(text.parse::<HostPattern>(), Err(error), "{text}");
        }
        pattern(&long[1..]);
    }
}
