//! How long a credential is good for.

use jiff::{SignedDuration, Timestamp};

/// Before it expires, a credential is warned about for so long: two weeks are enough to get a new value from whoever
/// issues it, holidays included.
pub const EXPIRY_WARNING: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Where a credential stands on its way to its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Expiry {
    /// It has no end.
    Never,
    /// It ends later than it is warned about.
    Later(Timestamp),
    /// It ends within [`EXPIRY_WARNING`].
    Soon(Timestamp),
    /// It has ended: no run that starts gets it.
    Over(Timestamp),
}

impl Expiry {
    /// Where a credential that ends at `expires_at` stands at `now`. At that very moment it has ended.
    #[must_use]
    pub fn at(expires_at: Option<Timestamp>, now: Timestamp) -> Self {
        let Some(end) = expires_at else {
            return Self::Never;
        };
        match end.duration_since(now) {
            left if !left.is_positive() => Self::Over(end),
            left if left <= EXPIRY_WARNING => Self::Soon(end),
            _ => Self::Later(end),
        }
    }

    /// Whether no run that starts now gets it.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Over(_))
    }

    /// The word of the API and the terminal.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Later(_) => "later",
            Self::Soon(_) => "soon",
            Self::Over(_) => "expired",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_warned_about_for_fourteen_days_and_then_over() {
        let now: Timestamp = "2026-11-26T12:00:00Z".parse().unwrap();
        let check = |end: &str, expected| {
            assert_eq!(
                Expiry::at(Some(end.parse().unwrap()), now).as_str(),
                expected
            );
        };
        check("2026-12-10T12:00:00.000001Z", "later");
        check("2026-12-10T12:00:00Z", "soon");
        check("2026-11-26T12:00:00.000001Z", "soon");
        check("2026-11-26T12:00:00Z", "expired");
        check("2026-11-26T11:59:59Z", "expired");
        assert_eq!(Expiry::at(None, now), Expiry::Never);
    }
}
