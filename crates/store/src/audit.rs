//! The audit: what was changed and which credentials were used, by whom, as a chain of entries for each workspace.
//!
//! An entry has names and numbers, and no value nor anything computed from one. Each carries a hash over itself and the
//! one before ([`chain`]), so that what is edited, removed or moved is found ([`check`]).

mod action;
mod chain;
mod check;
mod filter;
mod finding;
mod refusal;

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use lockstep_step::{CredentialKey, Digest, Scope, WorkspaceName};

pub use action::{AuditAction, AuditMode, NoAction};
pub(crate) use chain::{Fields, genesis};
pub(crate) use check::CredentialRow;
pub use check::{AuditCheck, AuditReport, SealState};
pub use filter::{AuditFilter, AuditFrom};
pub use finding::{AuditFinding, CredentialFinding};
pub use refusal::{Lacking, Refusal, Refused, TokenRefusal};

/// Which chain an entry is in. It is written as the name of its workspace; `<host>` is the host's, which no workspace is
/// called.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum AuditChain {
    /// What concerns all workspaces: key-encryption keys, and which workspaces there are.
    Host,
    /// A workspace's own. It goes on if the workspace is removed and added again.
    Workspace(WorkspaceName),
}

/// An entry as it is kept. What is read may have been tampered with, so all of it is text.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AuditEntry {
    /// In which chain it is.
    pub chain: AuditChain,
    /// Its place in the chain, from 1 on.
    pub sequence: u64,
    /// When.
    pub at: Timestamp,
    /// Who, as the record of runs names callers.
    pub actor: String,
    /// What was done: the word of an [`AuditAction`].
    pub action: String,
    /// Whose workflow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// Which step, or the name of the file that was run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Which run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// Where the credential is defined: `workspace` or `workflow`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The key of the credential.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// How it was used: the word of an [`AuditMode`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// The host that its value was sent to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// A word that tells more: why it was denied, what was set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What it was done to, if that is none of the above: the name of a token, the id of a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Over all of this, the name of the chain, and the hash of the entry before.
    pub hash: Digest,
}

/// Where a chain ends. Kept elsewhere, it tells later whether what was there then is there still.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AuditHead {
    /// Which chain.
    pub chain: AuditChain,
    /// Its last entry.
    pub sequence: u64,
    /// Of that entry.
    pub hash: Digest,
    /// Up to which entry it is sealed with the workspace's key.
    pub sealed_sequence: Option<u64>,
}

/// What a run did with a credential, or was refused, or that it ended as its caller hung up. Who ran what where is in the
/// record of the run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AuditUse {
    /// When.
    pub at: Timestamp,
    /// What it was.
    pub what: AuditUseKind,
}

/// What a run did, as the audit tells it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AuditUseKind {
    /// It used it.
    Used {
        /// The key.
        key: CredentialKey,
        /// Where it is defined.
        scope: Scope,
        /// Which version.
        version: u64,
        /// How.
        mode: AuditMode,
        /// The host that its value is sent to.
        host: Option<String>,
    },
    /// It asked for it, and did not get it.
    Denied(lockstep_step::Denied),
    /// It was cancelled because its caller, who waited for it, went away.
    HungUp,
}

impl AuditChain {
    /// How the host's own chain is written. No workspace has such a name.
    const HOST: &str = "<host>";

    /// As the database has it.
    pub(crate) fn column(&self) -> &str {
        self.workspace().map_or("", WorkspaceName::as_str)
    }

    /// The workspace, if it is one's.
    #[must_use]
    pub fn workspace(&self) -> Option<&WorkspaceName> {
        match self {
            Self::Host => None,
            Self::Workspace(name) => Some(name),
        }
    }
}

impl fmt::Display for AuditChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.workspace().map_or(Self::HOST, WorkspaceName::as_str))
    }
}

impl Serialize for AuditChain {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AuditChain {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == Self::HOST {
            return Ok(Self::Host);
        }
        text.parse()
            .map(Self::Workspace)
            .map_err(serde::de::Error::custom)
    }
}

impl AuditFilter {
    /// All entries, the latest first.
    #[must_use]
    pub fn all() -> Self {
        Self {
            key: None,
            run: None,
            workflow: None,
            actor: None,
            action: None,
            since: None,
            until: None,
            from: AuditFrom::Latest,
            limit: u32::MAX,
        }
    }
}
