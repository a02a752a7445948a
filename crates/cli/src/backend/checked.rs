//! What a check of a chain of the audit found, be it here or by a server, which may know more findings than this release.

use serde::Serialize;

use lockstep_runner::{AuditChain, AuditFinding, AuditReport, SealState};
use lockstep_step::Digest;

/// What a check of a chain found.
#[derive(Serialize)]
pub(crate) struct CheckedChain {
    pub(crate) chain: AuditChain,
    /// How many entries fit together, from the first that is there on.
    pub(crate) entries: u64,
    pub(crate) hash: Digest,
    /// Up to which entry it is sealed with the key of the workspace.
    pub(crate) sealed_sequence: Option<u64>,
    /// Why the seal cannot be checked.
    pub(crate) seal_unchecked: Option<String>,
    pub(crate) findings: Vec<Found>,
}

/// Something that is wrong with it.
#[derive(Serialize)]
pub(crate) struct Found {
    pub(crate) code: String,
    pub(crate) sequence: Option<u64>,
    pub(crate) message: String,
}

impl From<AuditReport> for CheckedChain {
    fn from(report: AuditReport) -> Self {
        let (sealed_sequence, seal_unchecked) = match report.seal {
            SealState::None => (None, None),
            SealState::UpTo(sequence) => (Some(sequence), None),
            SealState::Unchecked { sequence, reason } => (Some(sequence), Some(reason)),
        };
        Self {
            chain: report.chain,
            entries: report.entries,
            hash: report.hash,
            sealed_sequence,
            seal_unchecked,
            findings: report.findings.iter().map(Found::from).collect(),
        }
    }
}

impl From<&AuditFinding> for Found {
    fn from(finding: &AuditFinding) -> Self {
        Self {
            code: finding.code().to_owned(),
            sequence: finding.sequence(),
            message: finding.to_string(),
        }
    }
}
