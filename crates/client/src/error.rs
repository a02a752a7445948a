//! Why there is no answer, or another one than was asked for.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;

use crate::address::InvalidAddress;
use crate::tls::InvalidRoots;

/// Why there is no answer, or another one than was asked for.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is none that a token may go to.
    #[error("the address of the server: {0}")]
    Address(#[from] InvalidAddress),
    /// The roots that are to be trusted cannot be read.
    #[error("the certificates that are to be trusted cannot be used")]
    Roots(#[from] InvalidRoots),
    /// A token that no header can have.
    #[error("the token has a character that no token has")]
    Token,
    /// Nobody is there, or no connection over TLS comes about.
    #[error("cannot connect to `{server}`")]
    Connect {
        /// Where.
        server: String,
        /// Why not.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The connection broke off, or what is there does not speak HTTP.
    #[error("`{server}` broke off before its answer was over")]
    Broken {
        /// Where.
        server: String,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// No answer in time.
    #[error("`{server}` has not answered within {} s", patience.as_secs())]
    Late {
        /// Where.
        server: String,
        /// How long was waited.
        patience: Duration,
    },
    /// The server refuses, and says why.
    #[error("{0}")]
    Refused(Box<ProblemDetails>),
    /// What answers is no Lockstep server, or one of another release.
    #[error("`{server}` answers as no Lockstep server of this release does: {what}")]
    Strange {
        /// Where.
        server: String,
        /// What is strange.
        what: String,
    },
}

/// Problem details (RFC 9457) as the server says them.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct ProblemDetails {
    /// The status of the answer.
    pub status: u16,
    /// A word that stays the same, for programs.
    pub code: String,
    /// What the status means.
    #[serde(default)]
    pub title: String,
    /// What went wrong.
    #[serde(default)]
    pub detail: String,
    /// What to do about it.
    #[serde(default)]
    pub hint: Option<String>,
}

impl ClientError {
    /// The code of the problem, if the server told one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused(problem) => Some(&problem.code),
            _ => None,
        }
    }
}

impl fmt::Display for ProblemDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.detail.is_empty() {
            write!(f, "{} ({})", self.title, self.code)
        } else {
            f.write_str(&self.detail)
        }
    }
}
