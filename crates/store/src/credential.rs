//! What the store takes and tells about credentials. Nothing here can hold a value.

mod removal;

use jiff::Timestamp;

use lockstep_step::{CredentialKey, Handling, RunId, Scope, SealingPolicy, StepName, WorkflowName};
use lockstep_vault::{RecordError, SealedCredential, WrappedWorkspaceKey};

pub use removal::Removal;

/// A credential in a list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CredentialEntry {
    /// Where it is defined.
    pub scope: Scope,
    /// Its key.
    pub key: CredentialKey,
    /// Its present version.
    pub version: u64,
    /// What a step gets of it, as the record says; or why that cannot be read.
    pub handling: Result<Handling, RecordError>,
    /// Length of its value, which whoever sees the record knows anyway; `None` if the record cannot be read.
    pub value_bytes: Option<usize>,
    /// Whether its value can be taken out of texts; `None` for one that was set before that was kept.
    pub maskable: Option<bool>,
    /// From when on no run that starts gets its present version.
    pub expires_at: Option<Timestamp>,
    /// The last run that is known to have been given it.
    pub last_use: Option<CredentialLastUse>,
    /// When it was first set.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When its present version was set; as `created_at` if it was never rotated.
    pub rotated_at: Timestamp,
    /// By whom.
    pub rotated_by: String,
    /// What people say about it.
    pub note: Option<String>,
}

/// The last time that a run was given a credential, to the minute: uses within a minute of it are not kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CredentialLastUse {
    /// When that run ended.
    pub at: Timestamp,
    /// Which one it was.
    pub run: RunId,
    /// Which version it was given.
    pub version: u64,
}

/// What a new version of a credential is sealed on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PutBase {
    /// The present version; `None` if there is no such credential.
    pub current: Option<u64>,
    /// When that one expires.
    pub expires_at: Option<Timestamp>,
    /// What a step gets of that one, or why that cannot be read.
    pub handling: Option<Result<Handling, RecordError>>,
    /// The version to seal under. It was never used for this key, not even before a deletion.
    pub next: u64,
    /// The workspace's key; `None` before its first credential, which brings one.
    pub workspace_key: Option<WrappedWorkspaceKey>,
    /// Whether it must be sealed.
    pub sealing: SealingPolicy,
}

/// A new version of a credential.
#[derive(Clone, Debug)]
pub struct PutCredential {
    /// Where it is defined.
    pub scope: Scope,
    /// Its key.
    pub key: CredentialKey,
    /// [`PutBase::current`]: if it is another by now, the put is refused.
    pub current: Option<u64>,
    /// Sealed under [`PutBase::next`], with its end.
    pub sealed: SealedCredential,
    /// Whether the value can be taken out of texts.
    pub maskable: bool,
    /// The key that it is sealed under: [`PutBase::workspace_key`], or a new one if the workspace had none.
    pub workspace_key: WrappedWorkspaceKey,
    /// What people say about it; `None` leaves what is there, and no text takes it away.
    pub note: Option<String>,
}

/// Credentials of one scope that are to be deleted, as far as they are there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CredentialRemovals {
    /// Where they are defined.
    pub scope: Scope,
    /// Their keys.
    pub keys: Vec<CredentialKey>,
    /// Whether they are deleted though others need them.
    pub removal: Removal,
}

/// What would miss a credential if it were gone.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Dependents {
    /// Workflows whose usage permission lists its key.
    pub workflows: Vec<WorkflowName>,
    /// Steps whose code names its key.
    pub steps: Vec<(WorkflowName, StepName)>,
    /// Steps that do not name it, and whose code computes keys: they may need it, and do not keep it from being deleted.
    pub dynamic: Vec<(WorkflowName, StepName)>,
}

impl Dependents {
    /// Whether nothing is known to need it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.workflows.is_empty() && self.steps.is_empty()
    }
}
