//! Which credential a run gets for a key, and the run's hold on them.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use lockstep_secret::Secret;
use lockstep_step::{
    CredentialKey, DenialReason, Expiry, Handling, Scope, Sealing, UsagePermission, WorkflowEgress,
    WorkflowName, WorkspaceName,
};

use crate::envelope::{OpenError, SealedCredential};
use crate::permit::RunPermit;
use crate::record::RecordError;
use crate::snapshot::WorkspaceSnapshot;
use crate::vault::Vault;

/// The credential that the rules choose for a key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Chosen<'a> {
    /// Where it is defined.
    pub scope: Scope,
    /// The credential.
    pub sealed: &'a SealedCredential,
    /// What a step gets of it. Proven only for one that is opened.
    pub handling: Handling,
}

/// What one run may use, as it was when the run started. Values are opened when the guest asks.
#[derive(Debug)]
pub struct Grants {
    vault: Arc<Vault>,
    snapshot: Arc<WorkspaceSnapshot>,
    permit: RunPermit,
    started_at: Timestamp,
}

/// A credential in plaintext, and which one it is.
#[derive(Debug)]
pub struct Revealed {
    /// The value.
    pub secret: Secret,
    /// Where it is defined.
    pub scope: Scope,
    /// Which version.
    pub version: u64,
}

/// Why a run does not get a credential.
#[derive(Debug, thiserror::Error)]
pub enum RevealError {
    /// By the rules. The guest sees `missing_credential`, whatever the reason; but for `NotSealed`, which it is told.
    #[error("credential `{key}` is not there for this workflow")]
    Denied {
        /// What was asked for.
        key: CredentialKey,
        /// The true reason, for the record.
        reason: DenialReason,
    },
    /// It is sealed: a step gets a placeholder, and never the value.
    #[error("credential `{key}` is sealed")]
    Sealed {
        /// What was asked for.
        key: CredentialKey,
        /// Where the value may go.
        sealing: Sealing,
    },
    /// It is there, and cannot be opened: a fault of the host.
    #[error("cannot open credential `{key}`")]
    Open {
        /// What was asked for.
        key: CredentialKey,
        /// Why not.
        source: OpenError,
    },
}

/// A permit for one workspace was shown for another.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the permit is for workspace `{permitted}`, not for `{asked}`")]
pub struct OtherWorkspace {
    /// Which one the permit is for.
    pub permitted: WorkspaceName,
    /// Which one it was shown for.
    pub asked: WorkspaceName,
}

/// The rules: what the workflow may use; then its own credential; then the workspace's; then whether it has expired for a
/// run that starts `now`; then whether it is sealed, if it must be. An override that has expired or is not sealed does not
/// give way to one of the workspace: whoever set it wanted another value for this workflow, not the workspace's some day.
///
/// # Errors
/// The reason why there is none. A key that may not be used is `NotPermitted`, whether it exists or not.
pub fn choose<'a>(
    snapshot: &'a WorkspaceSnapshot,
    workflow: &WorkflowName,
    key: &CredentialKey,
    now: Timestamp,
) -> Result<Chosen<'a>, DenialReason> {
    if !snapshot.permission(workflow).allows(key) {
        return Err(DenialReason::NotPermitted);
    }
    let (scope, sealed) = if let Some(own) = snapshot.in_workflow(workflow, key) {
        (Scope::Workflow(workflow.clone()), own)
    } else if let Some(shared) = snapshot.in_workspace(key) {
        (Scope::Workspace, shared)
    } else {
        return Err(DenialReason::NotFound);
    };
    let head = sealed.head();
    // An end that was moved decides nothing: whoever opens the credential learns of it.
    let is_whole = !matches!(head, Err(RecordError::OtherEnd { .. }));
    if is_whole && Expiry::at(sealed.expires_at(), now).is_over() {
        return Err(DenialReason::Expired);
    }
    let handling = match head {
        Ok(head) if !snapshot.sealing().allows(&head.handling) => {
            return Err(DenialReason::NotSealed);
        }
        Ok(head) => head.handling,
        // Whoever opens it learns why it cannot be read, and nobody gets a value of it.
        Err(_) => Handling::Reveal,
    };
    Ok(Chosen {
        scope,
        sealed,
        handling,
    })
}

// === impl Grants ===

impl Grants {
    pub(crate) fn new(
        vault: Arc<Vault>,
        permit: RunPermit,
        snapshot: Arc<WorkspaceSnapshot>,
        started_at: Timestamp,
    ) -> Result<Self, OtherWorkspace> {
        if permit.workspace() != snapshot.workspace() {
            return Err(OtherWorkspace {
                permitted: permit.workspace().clone(),
                asked: snapshot.workspace().clone(),
            });
        }
        Ok(Self {
            vault,
            snapshot,
            permit,
            started_at,
        })
    }

    /// Opens the credential of this key for a step. Each call opens it again: who hands it out keeps it.
    ///
    /// # Errors
    /// [`RevealError::Denied`] by the rules, [`RevealError::Sealed`] if no step gets its value, [`RevealError::Open`] by a
    /// fault of the host.
    pub fn reveal(&self, key: &CredentialKey) -> Result<Revealed, RevealError> {
        let chosen = self.choose(key)?;
        match &chosen.handling {
            Handling::Reveal => self.open(&chosen, key),
            Handling::Sealed(sealing) => Err(RevealError::Sealed {
                key: key.clone(),
                sealing: sealing.clone(),
            }),
        }
    }

    /// Opens the credential of this key, sealed or not, for the host alone: it puts the value where its sealing allows.
    ///
    /// # Errors
    /// As for [`Grants::reveal`], but for [`RevealError::Sealed`].
    pub fn open_for_host(&self, key: &CredentialKey) -> Result<Revealed, RevealError> {
        self.open(&self.choose(key)?, key)
    }

    fn choose(&self, key: &CredentialKey) -> Result<Chosen<'_>, RevealError> {
        self.chosen(key).map_err(|reason| RevealError::Denied {
            key: key.clone(),
            reason,
        })
    }

    fn open(&self, chosen: &Chosen<'_>, key: &CredentialKey) -> Result<Revealed, RevealError> {
        let secret = self
            .vault
            .open(&self.snapshot, chosen, key)
            .map_err(|source| RevealError::Open {
                key: key.clone(),
                source,
            })?;
        Ok(Revealed {
            secret,
            version: chosen.sealed.version(),
            scope: chosen.scope.clone(),
        })
    }

    /// The keys that [`Grants::reveal`] does not deny, sorted. Costs as much as there are.
    #[must_use]
    pub fn keys(&self) -> Vec<CredentialKey> {
        let workflow = self.permit.workflow();
        let keys: BTreeSet<_> = match self.snapshot.permission(workflow) {
            UsagePermission::All => self.snapshot.keys(workflow).collect(),
            UsagePermission::Selected(listed) => listed.iter().collect(),
        };
        let usable = keys.into_iter().filter(|key| self.may_use(key));
        usable.cloned().collect()
    }

    /// Those of `keys` that [`Grants::reveal`] denies, in their order.
    #[must_use]
    pub fn missing<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k CredentialKey>,
    ) -> Vec<&'k CredentialKey> {
        keys.into_iter().filter(|key| !self.may_use(key)).collect()
    }

    /// What a step gets of the credential. Opens nothing.
    ///
    /// # Errors
    /// The reason why [`Grants::reveal`] would deny it.
    pub fn check(&self, key: &CredentialKey) -> Result<Handling, DenialReason> {
        self.chosen(key).map(|chosen| chosen.handling)
    }

    fn chosen(&self, key: &CredentialKey) -> Result<Chosen<'_>, DenialReason> {
        choose(&self.snapshot, self.permit.workflow(), key, self.started_at)
    }

    /// Where the requests of the run may go.
    #[must_use]
    pub fn egress(&self) -> &Arc<WorkflowEgress> {
        self.snapshot.egress(self.permit.workflow())
    }

    fn may_use(&self, key: &CredentialKey) -> bool {
        self.check(key).is_ok()
    }
}
