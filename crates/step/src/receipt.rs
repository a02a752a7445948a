//! What a run cost and used. Names and numbers only.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{CredentialKey, RequestReceipt, Scope};

/// What a run cost and used.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Receipt {
    /// Time spent waiting for a place, in microseconds.
    pub queue_us: u64,
    /// Time to have the compiled step at hand, in microseconds.
    pub load_us: u64,
    /// Wall-clock time from making the instance to having its output, in microseconds.
    pub run_us: u64,
    /// CPU time of the guest and of the host functions that it called, in microseconds.
    pub cpu_us: u64,
    /// Largest sum of all linear memories and tables, in bytes.
    pub peak_memory_bytes: u64,
    /// Input, in bytes.
    pub input_bytes: u64,
    /// What the guest wrote to stdout and stderr, before masking and cutting, in bytes.
    pub log_bytes: u64,
    /// Output, in bytes, before masking.
    pub output_bytes: u64,
    /// Outbound requests that left.
    pub requests: u32,
    /// Each outbound request, those that were refused too; of these the first 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outbound: Vec<RequestReceipt>,
    /// Credentials that the guest was given, in the order of their first use.
    pub credentials: Vec<CredentialUse>,
}

/// A credential that a run was given. Never its value, nor anything computed from it.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct CredentialUse {
    /// The key.
    pub key: CredentialKey,
    /// Whose credential it was.
    pub scope: Scope,
    /// Which version.
    pub version: u64,
    /// Whether it was sealed: the guest got a placeholder, and never the value.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sealed: bool,
}

/// A credential that a run asked for and did not get. For the audit record; the guest only sees `missing_credential`.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct Denied {
    /// The key, or `None` if what was asked for is not a key.
    pub key: Option<CredentialKey>,
    /// The true reason.
    pub reason: DenialReason,
}

/// Why a credential was not given.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DenialReason {
    /// Neither the workflow nor the workspace has it.
    NotFound,
    /// It is there, and was good for runs that started earlier.
    Expired,
    /// The workflow's usage permission does not list it.
    NotPermitted,
    /// It may be revealed, and its workspace allows sealed credentials only.
    NotSealed,
    /// What was asked for breaks the rules for keys.
    InvalidKey,
}

impl DenialReason {
    /// The word of the API, the database and the terminal.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Expired => "expired",
            Self::NotPermitted => "not_permitted",
            Self::NotSealed => "not_sealed",
            Self::InvalidKey => "invalid_key",
        }
    }
}

impl Receipt {
    /// A duration in whole microseconds, as receipts count.
    #[must_use]
    pub fn micros(duration: Duration) -> u64 {
        u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
    }
}
