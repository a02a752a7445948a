//! `--expires`: from when on no run that starts gets a credential.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;

use lockstep_step::Expiry;

use crate::commands::show::time;
use crate::problem::Problem;
use crate::quantity;

/// An end, as it is said.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum End {
    /// So long from now.
    In(Duration),
    At(Timestamp),
}

/// Why a text is no end.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "it is none of a time from now such as `90d`, a date such as `2027-01-31` (from 00:00 UTC on), and a moment such as \
     `2027-01-31T18:00:00Z`"
)]
pub(super) struct InvalidEnd;

/// Parses what is said behind `--expires`.
pub(super) fn end(text: &str) -> Result<End, InvalidEnd> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(End::At(moment));
    }
    if let Ok(date) = text.parse::<Date>() {
        let start = TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0));
        return start.map(End::At).map_err(|_| InvalidEnd);
    }
    quantity::long_time(text)
        .map(End::In)
        .map_err(|_| InvalidEnd)
}

impl End {
    pub(super) fn at(self, now: Timestamp) -> Result<Timestamp, Problem> {
        match self {
            Self::At(moment) => Ok(moment),
            Self::In(time) => now
                .checked_add(time)
                .map_err(|_| Problem::usage("`--expires` is too far away")),
        }
    }
}

/// An end in two fields, `expires_at` and `expiry`: `never`, `later`, `soon` or `expired`.
#[derive(Serialize)]
pub(super) struct ExpiryFields {
    expires_at: Option<Timestamp>,
    expiry: &'static str,
}

impl ExpiryFields {
    pub(super) fn new(expires_at: Option<Timestamp>, now: Timestamp) -> Self {
        let expiry = Expiry::at(expires_at, now).as_str();
        Self { expires_at, expiry }
    }

    /// Whether it is one of these words.
    pub(super) fn is(&self, word: &str) -> bool {
        self.expiry == word
    }

    /// As the end of a sentence, where there is one.
    pub(super) fn behind_a_comma(&self) -> String {
        self.expires_at
            .map(|end| format!(", expires {}", time(end)))
            .unwrap_or_default()
    }
}

/// The moment, and whether it is near or over; `-` for what does not expire.
impl fmt::Display for ExpiryFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.expires_at {
            None => f.write_str("-"),
            Some(end) if self.is("later") => f.write_str(&time(end)),
            Some(end) => write!(f, "{} ({})", time(end), self.expiry),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_a_time_from_now_a_date_or_a_moment() {
        let now: Timestamp = "2026-11-26T12:00:00Z".parse().unwrap();
        let check = |text: &str, expected: Option<&str>| {
            let told = end(text).map(|end| end.at(now).unwrap().to_string());
            assert_eq!(told.ok().as_deref(), expected, "{text}");
        };
        check("90d", Some("2027-02-24T12:00:00Z"));
        check("36h", Some("2026-11-28T00:00:00Z"));
        check("2027-01-31", Some("2027-01-31T00:00:00Z"));
        check("2027-01-31T18:00:00Z", Some("2027-01-31T18:00:00Z"));
        check("2027-01-31T18:00:00+02:00", Some("2027-01-31T16:00:00Z"));
        for text in ["90", "soon", "31.1.2027", "2027-13-01", "-1d", "0d", ""] {
            check(text, None);
        }
    }
}
