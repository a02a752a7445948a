//! Whether chains of the audit are whole, as the server finds it.

use std::time::Duration;

use http::Method;
use serde::{Deserialize, Serialize};

use lockstep_step::{Digest, WorkspaceName};

use crate::audit::{AuditChain, AuditHead};
use crate::client::{Client, Patience};
use crate::error::ClientError;

/// A server reads a million entries within seconds: this is for chains that no disk holds.
const READ: Duration = Duration::from_secs(30 * 60);

/// What a check of chains found.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct AuditVerified {
    /// Whether nothing was found.
    pub whole: bool,
    /// Each chain.
    pub chains: Vec<ChainVerified>,
}

/// What a check of a chain found.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct ChainVerified {
    /// Which chain.
    pub chain: AuditChain,
    /// How many entries fit together, from the first on.
    pub entries: u64,
    /// Of the last of them.
    pub hash: Digest,
    /// Up to which entry it is sealed.
    pub sealed_sequence: Option<u64>,
    /// Why the seal cannot be checked.
    pub seal_unchecked: Option<String>,
    /// What is wrong.
    pub findings: Vec<ChainFinding>,
}

/// Something that is wrong with a chain.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct ChainFinding {
    /// A word for programs.
    pub code: String,
    /// The first entry that it is about.
    pub sequence: Option<u64>,
    /// For people.
    pub message: String,
}

#[derive(Serialize)]
struct HeadsKept<'a> {
    heads: &'a [AuditHead],
}

impl Client {
    /// Has the server check the chain of a workspace, and that it goes on from the heads that were kept.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn verify_audit(
        &self,
        workspace: &WorkspaceName,
        kept: &[AuditHead],
    ) -> Result<AuditVerified, ClientError> {
        let chain = AuditChain::Workspace(workspace.clone());
        self.verify(&chain, kept).await
    }

    /// The same of all chains and the host's own. For admins of `default`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn verify_all_audits(
        &self,
        kept: &[AuditHead],
    ) -> Result<AuditVerified, ClientError> {
        self.verify(&AuditChain::Host, kept).await
    }

    async fn verify(
        &self,
        chain: &AuditChain,
        heads: &[AuditHead],
    ) -> Result<AuditVerified, ClientError> {
        let path = format!("{}/verify", chain.path());
        let ask = self.ask(Method::POST, path).patience(Patience::Long(READ));
        let ask = ask.json(&HeadsKept { heads });
        ask.send().await?.json().await
    }
}
