//! The name of a run.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::{Builder, Uuid};

/// A UUID of version 7 (RFC 9562): unique without coordination, and in the order in which the runs began.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(Uuid);

/// A text that is no run id.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a run id: expected a UUID such as `01938a5e-7c1d-7c6b-8f11-2f1c9d8d2a10`")]
pub struct InvalidRunId;

impl RunId {
    /// A new id; it holds the time at which it was made.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }

    /// The least id that is made at this time: less than all that are made in its millisecond or later. Times before 1970
    /// have the least of all.
    #[must_use]
    pub fn least_at(at: Timestamp) -> Self {
        let millis = u64::try_from(at.as_millisecond()).unwrap_or_default();
        Self(Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid())
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

impl FromStr for RunId {
    type Err = InvalidRunId;

    fn from_str(text: &str) -> Result<Self, InvalidRunId> {
        Uuid::try_parse(text).map(Self).map_err(|_| InvalidRunId)
    }
}

impl TryFrom<String> for RunId {
    type Error = InvalidRunId;

    fn try_from(text: String) -> Result<Self, InvalidRunId> {
        text.parse()
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> Self {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_stand_in_the_order_of_the_times_at_which_they_were_made() {
        let id = RunId::generate();
        let millis = id.0.get_timestamp().unwrap().to_unix();
        let made = Timestamp::new(
            i64::try_from(millis.0).unwrap(),
            i32::try_from(millis.1).unwrap(),
        )
        .unwrap();
        let next = made + jiff::SignedDuration::from_millis(1);
        assert!(RunId::least_at(made) <= id && id < RunId::least_at(next));
        assert!(RunId::least_at(Timestamp::MIN) < RunId::least_at(made));
    }
}
