//! `--sealed`, `--host`, `--in` and `--revealed`: how a credential may be used.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};

use lockstep_step::{
    Destination, Handling, InvalidDestination, InvalidSealing, SealedPlace, Sealing,
};

use crate::problem::{Exit, Problem};

/// Longer than any host that people type.
const LONGEST_HOST: usize = 100;

#[derive(Args, Debug)]
pub(crate) struct SealingArguments {
    /// Keep the value from steps: they get a placeholder, and the host puts the value into their requests to `--host`.
    #[arg(long, conflicts_with = "revealed")]
    sealed: bool,
    /// With `--sealed`: a host that the value may go to, such as `api.slack.com`, `*.example.com` (any below it) or
    /// `example.com:8443`. Several times for several hosts.
    #[arg(long = "host", value_name = "HOST")]
    hosts: Vec<String>,
    /// With `--sealed`: where in a request it may stand [default: header].
    #[arg(long = "in", value_name = "PLACE", value_delimiter = ',', value_parser = places())]
    places: Vec<SealedPlace>,
    /// Give the value to steps that ask for it. Without this and `--sealed` a credential stays sealed or not, as it is,
    /// and a new one is revealed.
    #[arg(long)]
    revealed: bool,
}

fn places() -> impl clap::builder::TypedValueParser<Value = SealedPlace> {
    PossibleValuesParser::new(SealedPlace::ALL.map(SealedPlace::as_str))
        .try_map(|word| word.parse::<SealedPlace>())
}

impl SealingArguments {
    /// What is said of it; `None` for nothing.
    pub(super) fn handling(&self) -> Result<Option<Handling>, Problem> {
        if self.sealed {
            return self
                .sealing()
                .map(|sealing| Some(Handling::Sealed(sealing)));
        }
        for (option, is_given) in [
            ("--host", !self.hosts.is_empty()),
            ("--in", !self.places.is_empty()),
        ] {
            if is_given {
                return Err(Problem::usage(format!("`{option}` is for a sealed credential"))
                    .hint("add `--sealed`: steps then get a placeholder, and the host puts the value into their requests"));
            }
        }
        Ok(self.revealed.then_some(Handling::Reveal))
    }

    fn sealing(&self) -> Result<Sealing, Problem> {
        let hosts: Result<Vec<_>, _> = self.hosts.iter().map(|text| destination(text)).collect();
        Sealing::new(hosts?, self.places.iter().copied()).map_err(|error| {
            let problem = invalid(error.to_string());
            match error {
                InvalidSealing::NoDestination => problem.hint("`--host api.example.com` names one"),
                InvalidSealing::TooMany { .. }
                | InvalidSealing::TooBroad { .. }
                | InvalidSealing::Place => problem,
            }
        })
    }
}

fn destination(text: &str) -> Result<Destination, Problem> {
    text.parse().map_err(|error: InvalidDestination| {
        let named = if looks_like_a_host(text) {
            format!("`--host {text}`")
        } else {
            "a `--host` that is not repeated here, as it may be a value".to_owned()
        };
        invalid(format!("{named}: {error}"))
    })
}

/// Whether it is no value in the wrong place: it has a dot, and nothing but what hosts and URLs without a user have.
fn looks_like_a_host(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".*-:/".contains(c);
    text.len() <= LONGEST_HOST && text.contains('.') && text.chars().all(plain)
}

fn invalid(message: String) -> Problem {
    Problem::new(Exit::Usage, "invalid_sealing", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(sealed: bool, hosts: &[&str], places: &[SealedPlace]) -> SealingArguments {
        SealingArguments {
            sealed,
            hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
            places: places.to_vec(),
            revealed: false,
        }
    }

    #[track_caller]
    fn check_refused(arguments: &SealingArguments, expected: &str) {
        let problem = arguments.handling().unwrap_err();
        assert_eq!(problem.exit, Exit::Usage);
        assert!(problem.message.starts_with(expected), "{}", problem.message);
    }

    #[test]
    fn nothing_said_is_nothing_changed() {
        assert_eq!(arguments(false, &[], &[]).handling().unwrap(), None);
        let revealed = SealingArguments {
            revealed: true,
            ..arguments(false, &[], &[])
        };
        assert_eq!(revealed.handling().unwrap(), Some(Handling::Reveal));
    }

    #[test]
    fn hosts_and_places_are_those_of_a_sealed_credential_alone() {
        let places = [SealedPlace::Query];
        check_refused(&arguments(false, &["a.test"], &[]), "`--host` is for");
        check_refused(&arguments(false, &[], &places), "`--in` is for");
        let handling = arguments(true, &["a.test"], &places).handling().unwrap();
        let to = "a.test".parse().unwrap();
        let sealing = Sealing::new([to], places).unwrap();
        assert_eq!(handling, Some(Handling::Sealed(sealing)));
    }

    #[test]
    fn a_host_that_is_none_is_named_with_the_reason() {
        let check = |host: &str, expected| check_refused(&arguments(true, &[host], &[]), expected);
        check(
            "https://api.slack.com",
            "`--host https://api.slack.com`: a host has no scheme",
        );
        check("a.test:0", "`--host a.test:0`: a port is");
        check(
            "*.com",
            "`*.com` is every host below `com`, whoever owns it",
        );
        check_refused(
            &arguments(true, &[], &[]),
            "a sealed credential needs at least one host",
        );
    }

    #[test]
    fn what_may_be_a_value_in_the_place_of_a_host_is_not_repeated() {
        for value in [
            "hunter2!",
            "https://me:hunter2@a.test",
            "eyJhbGc.eyJzdWI.c2ln_",
        ] {
            let problem = arguments(true, &[value], &[]).handling();
            if let Err(problem) = problem {
                assert!(!problem.message.contains(value), "{}", problem.message);
            }
        }
    }
}
