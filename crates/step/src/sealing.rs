//! Sealed credentials: what a step uses without ever holding it.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Destination;

/// Destinations that a sealed credential may have.
pub const MAX_DESTINATIONS: usize = 32;

/// Where the host may put the value of a sealed credential.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(try_from = "Unchecked")]
pub struct Sealing {
    to: BTreeSet<Destination>,
    places: BTreeSet<SealedPlace>,
}

/// What a step gets of a credential.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Handling {
    /// Its value.
    Reveal,
    /// A placeholder, which stands for the value in requests that this allows.
    Sealed(Sealing),
}

/// Whether a workspace lets its steps have values.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SealingPolicy {
    /// Credentials are sealed or revealed, each as it was set.
    #[default]
    Optional,
    /// Each credential must be sealed: one that is not is neither set nor given to a run.
    Required,
}

/// A place in a request.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SealedPlace {
    /// The value of a header.
    Header,
    /// The query of the URL.
    Query,
    /// User or password of `Authorization: Basic` (RFC 7617), behind base64.
    Basic,
    /// The body.
    Body,
}

/// Why a credential cannot be sealed so.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidSealing {
    /// It could go nowhere.
    #[error("a sealed credential needs at least one host that it may go to")]
    NoDestination,
    /// Over the limit.
    #[error("{count} hosts for one credential, over the limit of {MAX_DESTINATIONS}")]
    TooMany {
        /// What was given.
        count: usize,
    },
    /// A wildcard over a public suffix.
    #[error(
        "`{destination}` is every host below `{suffix}`, whoever owns it: name a host, or a domain of yours as in `*.example.{suffix}`"
    )]
    TooBroad {
        /// What was given.
        destination: Destination,
        /// The public suffix.
        suffix: String,
    },
    /// A word that is no place.
    #[error("a place is `header`, `query`, `basic` or `body`")]
    Place,
}

#[derive(Deserialize)]
struct Unchecked {
    to: BTreeSet<Destination>,
    places: BTreeSet<SealedPlace>,
}

impl Sealing {
    /// For requests to these destinations, in these places; none: `header`.
    ///
    /// # Errors
    /// [`InvalidSealing`], if there is no destination, there are too many, or one is too broad.
    pub fn new(
        to: impl IntoIterator<Item = Destination>,
        places: impl IntoIterator<Item = SealedPlace>,
    ) -> Result<Self, InvalidSealing> {
        let sealing = Self::recorded(to.into_iter().collect(), places.into_iter().collect())?;
        match sealing.to.iter().find_map(too_broad) {
            Some(error) => Err(error),
            None => Ok(sealing),
        }
    }

    /// What a record says. A wildcard in it was none over a public suffix on the day when it was set: the list grows, and a
    /// credential must not be lost by that. [`allows`](Self::allows) is strict about it.
    fn recorded(
        to: BTreeSet<Destination>,
        mut places: BTreeSet<SealedPlace>,
    ) -> Result<Self, InvalidSealing> {
        if places.is_empty() {
            places.insert(SealedPlace::Header);
        }
        match to.len() {
            0 => Err(InvalidSealing::NoDestination),
            count if count > MAX_DESTINATIONS => Err(InvalidSealing::TooMany { count }),
            _ => Ok(Self { to, places }),
        }
    }

    /// Whether the value may go to `host` and `port`; `usual_port` is that of the request's scheme. A wildcard does not
    /// reach hosts of others.
    #[must_use]
    pub fn allows(&self, host: &str, port: u16, usual_port: u16) -> bool {
        let mut to = self.to.iter();
        to.any(|to| to.matches(host, port, usual_port) && !to.host.is_of_another(host))
    }

    /// The destination that would allow it if the host were not one that others can have.
    #[must_use]
    pub fn of_another(&self, host: &str, port: u16, usual_port: u16) -> Option<&Destination> {
        let mut to = self.to.iter();
        to.find(|to| to.matches(host, port, usual_port) && to.host.is_of_another(host))
    }

    /// Whether it may stand in `place`.
    #[must_use]
    pub fn allows_in(&self, place: SealedPlace) -> bool {
        self.places.contains(&place)
    }

    /// Where it may go, sorted.
    pub fn destinations(&self) -> impl ExactSizeIterator<Item = &Destination> {
        self.to.iter()
    }

    /// The places where it may stand, in the order of [`SealedPlace::ALL`].
    pub fn places(&self) -> impl ExactSizeIterator<Item = SealedPlace> {
        self.places.iter().copied()
    }
}

fn too_broad(to: &Destination) -> Option<InvalidSealing> {
    let suffix = to.host.public_suffix()?.to_owned();
    Some(InvalidSealing::TooBroad {
        destination: to.clone(),
        suffix,
    })
}

impl TryFrom<Unchecked> for Sealing {
    type Error = InvalidSealing;

    fn try_from(unchecked: Unchecked) -> Result<Self, InvalidSealing> {
        Self::recorded(unchecked.to, unchecked.places)
    }
}

// === impl Handling ===

impl Handling {
    /// Where the value may be used; `None` if the step gets it.
    #[must_use]
    pub fn sealing(&self) -> Option<&Sealing> {
        match self {
            Self::Reveal => None,
            Self::Sealed(sealing) => Some(sealing),
        }
    }
}

// === impl SealingPolicy ===

impl SealingPolicy {
    /// The word of the API, the record and the terminal.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Optional => "optional",
            Self::Required => "required",
        }
    }

    /// Whether a workspace with this policy has credentials like this one.
    #[must_use]
    pub fn allows(self, handling: &Handling) -> bool {
        match (self, handling) {
            (Self::Optional, _) | (Self::Required, Handling::Sealed(_)) => true,
            (Self::Required, Handling::Reveal) => false,
        }
    }
}

// === impl SealedPlace ===

impl SealedPlace {
    /// Every place.
    pub const ALL: [Self; 4] = [Self::Header, Self::Query, Self::Basic, Self::Body];

    /// The word of the API, the record and the terminal.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Query => "query",
            Self::Basic => "basic",
            Self::Body => "body",
        }
    }
}

impl FromStr for SealedPlace {
    type Err = InvalidSealing;

    fn from_str(word: &str) -> Result<Self, InvalidSealing> {
        let place = Self::ALL.into_iter().find(|place| place.as_str() == word);
        place.ok_or(InvalidSealing::Place)
    }
}

impl fmt::Display for SealedPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(text: &str) -> Destination {
        text.parse().unwrap()
    }

    #[test]
    fn a_value_may_stand_in_a_header_unless_something_else_is_said() {
        let usual = Sealing::new([to("a.test")], []).unwrap();
        assert!(usual.allows_in(SealedPlace::Header));
        assert!(!usual.allows_in(SealedPlace::Query));
        let query = Sealing::new([to("a.test")], [SealedPlace::Query]).unwrap();
        assert!(query.allows_in(SealedPlace::Query));
        assert!(!query.allows_in(SealedPlace::Header));
    }

    #[test]
    fn a_value_may_go_to_its_destinations_only() {
        let sealing = Sealing::new([to("a.test"), to("*.b.test:8443")], []).unwrap();
        assert!(sealing.allows("a.test", 443, 443));
        assert!(!sealing.allows("a.test", 8443, 443));
        assert!(sealing.allows("x.b.test", 8443, 443));
        assert!(!sealing.allows("b.test", 8443, 443));
    }

    #[test]
    fn a_wildcard_over_a_public_suffix_is_refused_and_a_domain_below_is_not() {
        for (text, suffix) in [
            ("*.com", "com"),
            ("*.COM:8443", "com"),
            ("*.localhost", "localhost"),
            ("*.co.uk", "co.uk"),
            ("*.github.io", "github.io"),
            ("*.s3.amazonaws.com", "s3.amazonaws.com"),
        ] {
            let (destination, suffix) = (to(text), suffix.to_owned());
            assert_eq!(
                Sealing::new([to("a.test"), to(text)], []),
                Err(InvalidSealing::TooBroad {
                    destination,
                    suffix
                })
            );
        }
        for text in [
            "*.example.com",
            "localhost",
            "*.me.github.io",
            "github.io",
            "*.amazonaws.com",
        ] {
            Sealing::new([to(text)], []).unwrap();
        }
    }

    #[test]
    fn a_wildcard_does_not_reach_hosts_of_others() {
        let sealing = Sealing::new([to("*.amazonaws.com"), to("mine.s3.amazonaws.com")], []);
        let sealing = sealing.unwrap();
        for host in ["sqs.eu-central-1.amazonaws.com", "mine.s3.amazonaws.com"] {
            assert!(sealing.allows(host, 443, 443), "{host}");
            assert_eq!(
                sealing.of_another("sqs.eu-central-1.amazonaws.com", 443, 443),
                None
            );
        }
        let other = "other.s3.amazonaws.com";
        assert!(!sealing.allows(other, 443, 443));
        assert_eq!(
            sealing.of_another(other, 443, 443),
            Some(&to("*.amazonaws.com"))
        );
    }

    #[test]
    fn a_record_with_what_is_a_public_suffix_by_now_is_read_and_its_wildcard_reaches_nothing() {
        let json = r#"{"to":["a.test","*.github.io"],"places":["header"]}"#;
        let sealing: Sealing = serde_json::from_str(json).unwrap();
        assert!(!sealing.allows("me.github.io", 443, 443));
        assert!(sealing.allows("a.test", 443, 443));
        assert_eq!(serde_json::to_string(&sealing).unwrap(), json);
    }

    #[test]
    fn a_workspace_that_requires_sealing_has_no_credential_that_is_revealed() {
        let sealed = Handling::Sealed(Sealing::new([to("a.test")], []).unwrap());
        assert!(SealingPolicy::Optional.allows(&Handling::Reveal));
        assert!(SealingPolicy::Optional.allows(&sealed));
        assert!(SealingPolicy::Required.allows(&sealed));
        assert!(!SealingPolicy::Required.allows(&Handling::Reveal));
    }

    #[test]
    fn a_sealing_without_a_destination_or_with_too_many_is_refused_in_json_too() {
        assert_eq!(Sealing::new([], []), Err(InvalidSealing::NoDestination));
        let many = |count: usize| (0..count).map(|n| to(&format!("h{n}.test")));
        Sealing::new(many(MAX_DESTINATIONS), []).unwrap();
        let count = MAX_DESTINATIONS + 1;
        assert_eq!(
            Sealing::new(many(count), []),
            Err(InvalidSealing::TooMany { count })
        );
        serde_json::from_str::<Sealing>(r#"{"to":[],"places":["header"]}"#).unwrap_err();
        let json = r#"{"to":["a.test:8443"],"places":["header","body"]}"#;
        let sealing: Sealing = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&sealing).unwrap(), json);
    }
}
