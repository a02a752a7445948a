//! Where chains of the audit end, and what a check of them found.

use serde::Serialize;
use utoipa::ToSchema;

use lockstep_runner::{AuditFinding, AuditHead, AuditReport, SealState};

/// Where chains end.
#[derive(Serialize, ToSchema)]
pub(crate) struct Heads {
    heads: Vec<Head>,
}

/// Where a chain ends.
#[derive(Serialize, ToSchema)]
pub(crate) struct Head {
    /// The workspace, or `<host>`.
    chain: String,
    /// Its last entry.
    sequence: u64,
    /// Of that entry.
    hash: String,
    /// Up to which entry it is sealed with the key.
    sealed_sequence: Option<u64>,
}

/// What a check found.
#[derive(Serialize, ToSchema)]
pub(crate) struct Verified {
    /// Whether nothing was found.
    whole: bool,
    chains: Vec<ChainVerified>,
}

/// What a check of a chain found.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChainVerified {
    /// The workspace, or `<host>`.
    chain: String,
    /// How many entries fit together, from the first on.
    entries: u64,
    /// Of the last of them.
    hash: String,
    /// Up to which entry it is sealed with the key.
    sealed_sequence: Option<u64>,
    /// Why the seal cannot be checked.
    seal_unchecked: Option<String>,
    /// What is wrong: of the chain the first, of the credentials each.
    findings: Vec<ChainFinding>,
}

/// Something that is wrong.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChainFinding {
    /// A word for programs.
    code: &'static str,
    /// The first entry that it is about.
    sequence: Option<u64>,
    /// For people.
    message: String,
}

impl FromIterator<AuditHead> for Heads {
    fn from_iter<I: IntoIterator<Item = AuditHead>>(heads: I) -> Self {
        Self {
            heads: heads.into_iter().map(Head::from).collect(),
        }
    }
}

impl From<AuditHead> for Head {
    fn from(head: AuditHead) -> Self {
        Self {
            chain: head.chain.to_string(),
            sequence: head.sequence,
            hash: head.hash.to_string(),
            sealed_sequence: head.sealed_sequence,
        }
    }
}

impl FromIterator<AuditReport> for Verified {
    fn from_iter<I: IntoIterator<Item = AuditReport>>(reports: I) -> Self {
        let chains: Vec<ChainVerified> = reports.into_iter().map(ChainVerified::from).collect();
        Self {
            whole: chains.iter().all(|chain| chain.findings.is_empty()),
            chains,
        }
    }
}

impl From<AuditReport> for ChainVerified {
    fn from(report: AuditReport) -> Self {
        let (sealed_sequence, seal_unchecked) = match report.seal {
            SealState::None => (None, None),
            SealState::UpTo(sequence) => (Some(sequence), None),
            SealState::Unchecked { sequence, reason } => (Some(sequence), Some(reason)),
        };
        Self {
            chain: report.chain.to_string(),
            entries: report.entries,
            hash: report.hash.to_string(),
            sealed_sequence,
            seal_unchecked,
            findings: report.findings.iter().map(ChainFinding::from).collect(),
        }
    }
}

impl From<&AuditFinding> for ChainFinding {
    fn from(finding: &AuditFinding) -> Self {
        Self {
            code: finding.code(),
            sequence: finding.sequence(),
            message: finding.to_string(),
        }
    }
}
