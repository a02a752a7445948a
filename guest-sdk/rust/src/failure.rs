//! How a step says that it failed.

use std::{error::Error, fmt};

use crate::{MissingCredential, signing::SigningError};

/// Why a step failed, for the people who run it.
///
/// Any error becomes one with `?`; its text is that of the error and its causes.
/// A [`MissingCredential`] anywhere in that chain is named in [`Failure::missing_credentials`].
///
/// ```
/// use lockstep_step::Failure;
///
/// fn port(text: &str) -> Result<u16, Failure> {
///     let port = text.parse()?;
///     if port < 1024 {
///         return Err(Failure::new(format!("port {port} is reserved")));
///     }
///     Ok(port)
/// }
/// assert_eq!(port("x").unwrap_err().message(), "invalid digit found in string");
/// assert_eq!(port("80").unwrap_err().message(), "port 80 is reserved");
/// ```
///
/// Like `anyhow::Error` it is no [`Error`] itself: that is what lets `?` take any other.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Failure {
    pub(crate) message: String,
    pub(crate) retryable: bool,
    pub(crate) missing_credentials: Vec<String>,
}

impl Failure {
    /// A failure that trying again will not mend.
    ///
    /// ```
    /// # use lockstep_step::Failure;
    /// let failure = Failure::new("the invoice has no lines");
    /// assert!(!failure.is_retryable());
    /// ```
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            retryable: false,
            missing_credentials: Vec::new(),
        }
    }

    /// `not_sealed` are those of the keys whose credential is there and must be sealed first.
    pub(crate) fn missing(keys: Vec<String>, not_sealed: &[String]) -> Self {
        let (sealing, missing): (Vec<&str>, Vec<&str>) = keys
            .iter()
            .map(String::as_str)
            .partition(|key| not_sealed.iter().any(|it| it == key));
        let mut message = String::new();
        if !missing.is_empty() {
            message = format!("missing credentials: {}", missing.join(", "));
        }
        if !sealing.is_empty() {
            let between = if message.is_empty() { "" } else { "; " };
            message.push_str(between);
            message.push_str("not sealed, while their workspace requires that: ");
            message.push_str(&sealing.join(", "));
        }
        Self {
            message,
            retryable: false,
            missing_credentials: keys,
        }
    }

    /// The same failure, marked as one that trying again may mend.
    ///
    /// ```
    /// # use lockstep_step::Failure;
    /// fn answer(status: u16) -> Result<(), Failure> {
    ///     match status {
    ///         200 => Ok(()),
    ///         429 | 503 => Err(Failure::new("the service is busy").retryable()),
    ///         _ => Err(Failure::new(format!("the service answered {status}"))),
    ///     }
    /// }
    /// assert!(answer(503).unwrap_err().is_retryable());
    /// ```
    #[must_use]
    pub fn retryable(self) -> Self {
        Self {
            retryable: true,
            ..self
        }
    }

    /// What went wrong.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Whether trying the same step again may help.
    pub fn is_retryable(&self) -> bool {
        self.retryable
    }

    /// The keys of the credentials that the step needs and did not get.
    pub fn missing_credentials(&self) -> &[String] {
        &self.missing_credentials
    }
}

impl<E: Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut missing_credentials = Vec::new();
        let mut link: Option<&(dyn Error + 'static)> = Some(&error);
        while let Some(cause) = link {
            missing_credentials.extend(missing_key(cause));
            link = cause.source();
            if let Some(cause) = link {
                message.push_str(&format!(": {cause}"));
            }
        }
        Self {
            message,
            retryable: false,
            missing_credentials,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

fn missing_key(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(unsigned) = error.downcast_ref::<SigningError>() {
        return unsigned.missing_key().map(str::to_owned);
    }
    let missing = error.downcast_ref::<MissingCredential>()?;
    missing.missing_key().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Wrapped(MissingCredential);

    impl fmt::Display for Wrapped {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("cannot sign in")
        }
    }

    impl Error for Wrapped {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    fn refused(code: &str) -> MissingCredential {
        MissingCredential::new(
            code.to_owned(),
            "TOKEN".to_owned(),
            "no `TOKEN` here".to_owned(),
        )
    }

    #[test]
    fn a_missing_credential_is_named_in_the_failure() {
        let failure = Failure::from(refused("missing_credential"));
        assert_eq!(failure.message(), "no `TOKEN` here");
        assert_eq!(failure.missing_credentials(), ["TOKEN"]);
    }

    #[test]
    fn a_credential_that_must_be_sealed_first_is_named_in_the_failure() {
        let keys = ["A", "B", "C"].map(str::to_owned);
        for (not_sealed, message) in [
            (&keys[..0], "missing credentials: A, B, C"),
            (
                &keys[1..2],
                "missing credentials: A, C; not sealed, while their workspace requires that: B",
            ),
            (
                &keys[..],
                "not sealed, while their workspace requires that: A, B, C",
            ),
        ] {
            let failure = Failure::missing(keys.to_vec(), not_sealed);
            assert_eq!(failure.message(), message);
            assert_eq!(failure.missing_credentials(), keys);
        }
        let failure = Failure::from(refused("sealing_required"));
        assert_eq!(failure.missing_credentials(), ["TOKEN"]);
    }

    #[test]
    fn a_missing_credential_is_named_when_it_is_the_cause_of_another_error() {
        let failure = Failure::from(Wrapped(refused("missing_credential")));
        assert_eq!(failure.message(), "cannot sign in: no `TOKEN` here");
        assert_eq!(failure.missing_credentials(), ["TOKEN"]);
    }

    #[test]
    fn a_credential_that_is_missing_for_a_signature_is_named_in_the_failure() {
        let unsigned = crate::signing::basic("ada", "PASSWORD").unwrap_err();
        assert_eq!(Failure::from(unsigned).missing_credentials(), ["PASSWORD"]);
    }

    #[test]
    fn a_credential_refused_for_another_reason_is_not_called_missing() {
        let failure = Failure::from(refused("another_code"));
        assert_eq!(failure.missing_credentials(), [""; 0]);
    }

    #[test]
    fn an_ordinary_error_is_not_retryable_until_the_step_says_so() {
        let failure = Failure::from("x".parse::<u8>().unwrap_err());
        assert!(!failure.is_retryable());
        assert!(failure.retryable().is_retryable());
    }
}
