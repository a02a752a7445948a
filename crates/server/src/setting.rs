//! What a JSON body says of a credential that is to be set. Its value goes from the text of the body into a
//! [`Secret`](lockstep_secret::Secret), and what refuses it repeats nothing.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use lockstep_secret::Secret;
use lockstep_step::{
    Destination, Handling, InvalidSealing, MAX_DESTINATIONS, SealedPlace, Sealing,
};

use crate::object::object;
use crate::parse::parse;
use crate::problem::Problem;

/// What is to be kept of a credential, under whatever key.
pub(crate) struct ToSet {
    pub(crate) value: Secret,
    pub(crate) note: Option<String>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) handling: Option<Handling>,
}

/// A credential that is to be set.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Setting<'a> {
    /// 1 to 65,536 bytes of UTF-8.
    #[serde(borrow)]
    #[schema(value_type = String, format = Password)]
    value: &'a RawValue,
    /// What people say about it, in one line of at most 1,024 bytes. Null or nothing leaves what is there, and `""` takes
    /// it away.
    note: Option<String>,
    /// Where requests may take it, or `false` for one that steps are given. Null or nothing leaves it as it is; a new one
    /// is given.
    sealed: Option<Sealed>,
    /// From when on no run that starts gets it. Null or nothing: it does not expire, whatever the version before did.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

/// Whether steps get a placeholder in place of the value.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
enum Sealed {
    #[serde(deserialize_with = "object")]
    For(SealedFor),
    /// `false`
    Is(bool),
}

/// Where requests may take the value of a sealed credential.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SealedFor {
    /// Such as `api.example.com`, `*.example.com` or `example.com:8443`; 32 at most.
    hosts: Vec<String>,
    /// `header`, `query`, `basic` and `body`; none: `header`.
    #[serde(default)]
    places: Vec<String>,
}

impl ToSet {
    /// A value, and nothing that is said of it.
    pub(crate) fn value(value: Secret) -> Self {
        Self {
            value,
            note: None,
            expires_at: None,
            handling: None,
        }
    }
}

impl Setting<'_> {
    pub(crate) fn checked(self) -> Result<ToSet, Problem> {
        Ok(ToSet {
            value: value(self.value)?,
            note: self.note,
            expires_at: self.expires_at,
            handling: self.sealed.map(Sealed::handling).transpose()?,
        })
    }
}

/// A credential that is a string, or an object that says more.
pub(crate) fn read(said: &RawValue) -> Result<ToSet, Problem> {
    if said.get().starts_with('{') {
        return parse::<Setting<'_>>(said.get().as_bytes())?.checked();
    }
    value(said).map(ToSet::value)
}

fn value(said: &RawValue) -> Result<Secret, Problem> {
    Secret::from_json_string(said.get())
        .map_err(|error| Problem::bad_request("invalid_body", error))
}

impl Sealed {
    fn handling(self) -> Result<Handling, Problem> {
        match self {
            Self::For(sealed) => sealed.sealing().map(Handling::Sealed),
            Self::Is(false) => Ok(Handling::Reveal),
            Self::Is(true) => Err(invalid("`sealed` does not say for which hosts")
                .hint("`\"sealed\": {\"hosts\": [\"api.example.com\"]}`")),
        }
    }
}

impl SealedFor {
    fn sealing(&self) -> Result<Sealing, Problem> {
        // Before any is read: a body has room for many.
        let count = self.hosts.len();
        if count > MAX_DESTINATIONS {
            return Err(invalid(InvalidSealing::TooMany { count }));
        }
        let hosts = self.hosts.iter().enumerate();
        let hosts: Result<Vec<Destination>, _> = hosts
            .map(|(at, text)| {
                let host: Destination = text
                    .parse()
                    .map_err(|error| invalid(format!("`hosts[{at}]`: {error}")))?;
                if host.host.public_suffix().is_some() {
                    let reason = "it is every host below a public suffix, whoever owns it";
                    return Err(invalid(format!("`hosts[{at}]`: {reason}")));
                }
                Ok(host)
            })
            .collect();
        let places = self.places.iter().enumerate();
        let places: Result<Vec<SealedPlace>, _> = places
            .map(|(at, word)| {
                let place = word.parse::<SealedPlace>();
                place.map_err(|error| invalid(format!("`places[{at}]`: {error}")))
            })
            .collect();
        Sealing::new(hosts?, places?).map_err(invalid)
    }
}

fn invalid(detail: impl std::fmt::Display) -> Problem {
    Problem::bad_request("invalid_sealing", detail)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn hosts_over_the_limit_are_refused_before_any_is_read() {
        let refused = |count| {
            let sealed = json!({"hosts": vec!["no host"; count]});
            let body = json!({"value": "v", "sealed": sealed}).to_string();
            let read = parse::<Setting<'_>>(body.as_bytes()).and_then(Setting::checked);
            format!("{:?}", read.err().unwrap())
        };
        let at_limit = refused(MAX_DESTINATIONS);
        assert!(at_limit.contains("`hosts[0]`"), "{at_limit}");
        let over = refused(MAX_DESTINATIONS + 1);
        assert!(over.contains("33 hosts for one credential"), "{over}");
    }

    #[test]
    fn a_list_is_not_taken_for_what_is_said_of_sealing() {
        let handling = |sealed: &str| {
            let body = format!(r#"{{"value": "v", "sealed": {sealed}}}"#);
            let read = parse::<Setting<'_>>(body.as_bytes()).and_then(Setting::checked);
            read.map(|to_set| to_set.handling).ok()
        };
        let sealed = handling(r#"{"hosts": ["api.example.com"]}"#);
        assert!(matches!(sealed, Some(Some(Handling::Sealed(_)))));
        assert_eq!(handling("false"), Some(Some(Handling::Reveal)));
        for no_object in [
            r#"[["api.example.com"]]"#,
            r#"[["api.example.com"], []]"#,
            "[]",
        ] {
            assert_eq!(handling(no_object), None, "{no_object}");
        }
    }
}
