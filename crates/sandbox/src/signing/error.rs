//! Why something is not signed.

/// Why something is not signed or verified, for whoever wrote the step.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct SigningError {
    pub(crate) code: SigningCode,
    /// What is wrong. Has no text of a key.
    pub(crate) message: String,
}

/// What a step can tell apart.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum SigningCode {
    /// The value of the credential is no key of this algorithm.
    InvalidKey,
    /// What the step hands in cannot be signed.
    InvalidArgument,
    /// What the step hands in is over a limit.
    TooLarge,
    /// The run has signed as often as it may.
    TooMany,
}

impl SigningError {
    pub(crate) fn new(code: SigningCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    pub(super) fn key(message: impl Into<String>) -> Self {
        Self::new(SigningCode::InvalidKey, message)
    }

    pub(crate) fn argument(message: impl Into<String>) -> Self {
        Self::new(SigningCode::InvalidArgument, message)
    }
}

impl SigningCode {
    /// The word of the contract.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::InvalidKey => "invalid_key",
            Self::InvalidArgument => "invalid_argument",
            Self::TooLarge => "too_large",
            Self::TooMany => "too_many",
        }
    }
}
