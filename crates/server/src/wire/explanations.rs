//! What would become of a request.

use serde::Serialize;
use utoipa::ToSchema;

use lockstep_runner::{Examined, Explanation, Finding};

/// What would become of it. Nothing is sent.
#[derive(Serialize, ToSchema)]
pub(crate) struct Explained {
    allowed: bool,
    /// Why not, as a step would be told.
    reason: Option<String>,
    scheme: Option<&'static str>,
    host: Option<String>,
    port: Option<u16>,
    /// Everything that was looked at, in its order.
    findings: Vec<Found>,
}

/// One thing that was looked at.
#[derive(Serialize, ToSchema)]
pub(crate) struct Found {
    /// `url`, `operator`, `address`, `name`, `workflow` or `credential`.
    of: &'static str,
    allows: bool,
    message: String,
    /// Of an address.
    address: Option<String>,
    /// The number of the workflow's rule that allows, from 1 on.
    rule: Option<usize>,
}

impl From<Explanation> for Explained {
    fn from(explanation: Explanation) -> Self {
        let origin = explanation.origin;
        Self {
            allowed: explanation.refusal.is_none(),
            reason: explanation.refusal,
            scheme: origin.as_ref().map(|origin| origin.scheme.as_str()),
            port: origin.as_ref().map(|origin| origin.port),
            host: origin.map(|origin| origin.host),
            findings: explanation.findings.into_iter().map(Found::from).collect(),
        }
    }
}

impl From<Finding> for Found {
    fn from(finding: Finding) -> Self {
        let (of, address, rule) = match finding.of {
            Examined::Url => ("url", None, None),
            Examined::Operator => ("operator", None, None),
            Examined::Address(address) => ("address", Some(address.to_string()), None),
            Examined::Name => ("name", None, None),
            Examined::Workflow { rule } => ("workflow", None, rule.map(|rule| rule + 1)),
            Examined::Credential => ("credential", None, None),
        };
        Self {
            of,
            allows: finding.allows,
            message: finding.message,
            address,
            rule,
        }
    }
}
