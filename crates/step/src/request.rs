//! What is recorded of one outbound request.

use serde::{Deserialize, Deserializer, Serialize};

use lockstep_secret::Masked;

use crate::{CredentialKey, Scheme};

/// What is recorded of one outbound request: no query, no header's value, no body.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct RequestReceipt {
    /// The method.
    #[serde(deserialize_with = "recorded")]
    pub method: Masked<String>,
    /// How it travelled.
    pub scheme: Scheme,
    /// The host.
    #[serde(deserialize_with = "recorded")]
    pub host: Masked<String>,
    /// The port.
    pub port: u16,
    /// Whether it was let out.
    pub decision: Decision,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// Why it did not come to its end, if it did not.
    pub fault: Option<RequestFault>,
    /// When it began, in microseconds from the first use of the network in the run.
    pub started_us: u64,
    /// Until the head of the answer, in microseconds.
    pub first_byte_us: Option<u64>,
    /// Until the end, in microseconds. `None`: it was not over when the run was.
    pub total_us: Option<u64>,
    /// Body that was sent, in bytes.
    pub sent_bytes: u64,
    /// Body that came back, as it came over the network, in bytes.
    pub received_bytes: u64,
    /// The keys of the sealed credentials that the host put in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub credentials: Vec<CredentialKey>,
}

/// What was decided about a request.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// It was let out.
    Allowed {
        /// The number of the workflow's rule that allows it, from 0 on. `None`: the workflow has no rules.
        rule: Option<u32>,
    },
    /// It was refused before anything was sent.
    Denied,
}

/// Why a request did not come to its end. The words are the codes that a step sees.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestFault {
    /// Policy or a limit of requests refuses it.
    EgressDenied,
    /// It has a sealed credential in it that may not go there, or not in that place.
    CredentialHostDenied,
    /// The name of the host cannot be resolved.
    Dns,
    /// No connection.
    Connect,
    /// No TLS: a certificate that is not trusted, a protocol that is too old.
    Tls,
    /// It took too long to connect, or to answer.
    Timeout,
    /// What answers does not speak HTTP.
    Protocol,
    /// A redirect that may not or cannot be followed.
    Redirect,
    /// A body broke off, is over a limit, or cannot be decompressed.
    Body,
    /// The step let go of it.
    Aborted,
}

impl RequestFault {
    /// Every fault.
    pub const ALL: [Self; 10] = [
        Self::EgressDenied,
        Self::CredentialHostDenied,
        Self::Dns,
        Self::Connect,
        Self::Tls,
        Self::Timeout,
        Self::Protocol,
        Self::Redirect,
        Self::Body,
        Self::Aborted,
    ];

    /// The code.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EgressDenied => "egress_denied",
            Self::CredentialHostDenied => "credential_host_denied",
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Protocol => "protocol",
            Self::Redirect => "redirect",
            Self::Body => "body",
            Self::Aborted => "aborted",
        }
    }

    /// Whether it was refused by the host.
    #[must_use]
    pub fn is_denial(self) -> bool {
        matches!(self, Self::EgressDenied | Self::CredentialHostDenied)
    }

    /// Whether something of the request may have been sent.
    #[must_use]
    pub fn after_connecting(self) -> bool {
        match self {
            Self::EgressDenied
            | Self::CredentialHostDenied
            | Self::Dns
            | Self::Connect
            | Self::Tls => false,
            Self::Timeout | Self::Protocol | Self::Redirect | Self::Body | Self::Aborted => true,
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "receipts come masked into the record"
)]
fn recorded<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Masked<String>, D::Error> {
    String::deserialize(deserializer).map(Masked::reread)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_of_a_fault_is_its_word_in_the_record() {
        for fault in RequestFault::ALL {
            assert_eq!(serde_json::to_value(fault).unwrap(), fault.as_str());
        }
    }
}
