//! What an entry says was done. The words are written down and hashed, so none of them ever changes.

use std::fmt;
use std::str::FromStr;

/// What was done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AuditAction {
    /// A database that had no audit got one: what it holds is written down as it is.
    WorkspaceAnchored,
    /// As with the workspace: this version of a credential was there.
    CredentialAnchored,
    /// A workspace was added.
    WorkspaceAdded,
    /// A workspace was removed, with all that was in it.
    WorkspaceRemoved,
    /// A workflow was added.
    WorkflowAdded,
    /// A workflow was removed.
    WorkflowRemoved,
    /// A credential was set that was not there.
    CredentialCreated,
    /// A credential got another value, or is to be used in another way.
    CredentialRotated,
    /// A credential was deleted.
    CredentialDeleted,
    /// A run used a credential.
    CredentialUsed,
    /// A run asked for a credential and did not get it.
    CredentialDenied,
    /// Which credentials a workflow may use was set.
    PermissionSet,
    /// Where the requests of a workflow may go was set.
    EgressSet,
    /// Whether the credentials of a workspace must be sealed was set.
    SealingSet,
    /// A version of a step was registered.
    StepRegistered,
    /// A step was removed in all its versions.
    StepRemoved,
    /// A token was made.
    TokenCreated,
    /// A token was revoked.
    TokenRevoked,
    /// A member was added.
    MemberAdded,
    /// A member got another role.
    MemberSet,
    /// A member was removed, and its tokens were revoked.
    MemberRemoved,
    /// Somebody had a run end before it ended by itself.
    RunCancelled,
    /// A caller asked for what it may not do.
    AccessDenied,
    /// A token was shown that lets nobody in.
    AuthenticationFailed,
    /// The key of a workspace was wrapped by another key-encryption key.
    WorkspaceKeyRewrapped,
    /// The end of the host's chain is sealed from here on.
    HostSealed,
    /// A key-encryption key was used here for the first time.
    KekAdded,
    /// A key-encryption key was retired.
    KekRetired,
    /// Somebody took a copy of the database away through the API.
    BackupTaken,
    /// A backup was put in the place of the database: the chain of before goes on in what was replaced.
    BackupRestored,
}

/// How a run used a credential.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum AuditMode {
    /// The step was given the value.
    Revealed,
    /// The host put the value into a request, and the step never had it.
    Sealed,
    /// The host signed with the value, and the step never had it.
    Signed,
}

/// A word that names no action.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("there is no such action: they are {}", all_actions())]
pub struct NoAction;

impl AuditAction {
    /// Every action.
    pub const ALL: [Self; 30] = [
        Self::WorkspaceAnchored,
        Self::CredentialAnchored,
        Self::WorkspaceAdded,
        Self::WorkspaceRemoved,
        Self::WorkflowAdded,
        Self::WorkflowRemoved,
        Self::CredentialCreated,
        Self::CredentialRotated,
        Self::CredentialDeleted,
        Self::CredentialUsed,
        Self::CredentialDenied,
        Self::PermissionSet,
        Self::EgressSet,
        Self::SealingSet,
        Self::StepRegistered,
        Self::StepRemoved,
        Self::TokenCreated,
        Self::TokenRevoked,
        Self::MemberAdded,
        Self::MemberSet,
        Self::MemberRemoved,
        Self::RunCancelled,
        Self::AccessDenied,
        Self::AuthenticationFailed,
        Self::WorkspaceKeyRewrapped,
        Self::HostSealed,
        Self::KekAdded,
        Self::KekRetired,
        Self::BackupTaken,
        Self::BackupRestored,
    ];

    /// The word of the API, the database and the terminal.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WorkspaceAnchored => "workspace.anchored",
            Self::CredentialAnchored => "credential.anchored",
            Self::WorkspaceAdded => "workspace.added",
            Self::WorkspaceRemoved => "workspace.removed",
            Self::WorkflowAdded => "workflow.added",
            Self::WorkflowRemoved => "workflow.removed",
            Self::CredentialCreated => "credential.created",
            Self::CredentialRotated => "credential.rotated",
            Self::CredentialDeleted => "credential.deleted",
            Self::CredentialUsed => "credential.used",
            Self::CredentialDenied => "credential.denied",
            Self::PermissionSet => "permission.set",
            Self::EgressSet => "egress.set",
            Self::SealingSet => "sealing.set",
            Self::StepRegistered => "step.registered",
            Self::StepRemoved => "step.removed",
            Self::TokenCreated => "token.created",
            Self::TokenRevoked => "token.revoked",
            Self::MemberAdded => "member.added",
            Self::MemberSet => "member.set",
            Self::MemberRemoved => "member.removed",
            Self::RunCancelled => "run.cancelled",
            Self::AccessDenied => "access.denied",
            Self::AuthenticationFailed => "authentication.failed",
            Self::WorkspaceKeyRewrapped => "workspace_key.rewrapped",
            Self::HostSealed => "host.sealed",
            Self::KekAdded => "kek.added",
            Self::KekRetired => "kek.retired",
            Self::BackupTaken => "backup.taken",
            Self::BackupRestored => "backup.restored",
        }
    }
}

impl FromStr for AuditAction {
    type Err = NoAction;

    fn from_str(word: &str) -> Result<Self, NoAction> {
        let mut all = Self::ALL.into_iter();
        all.find(|action| action.as_str() == word).ok_or(NoAction)
    }
}

impl fmt::Display for AuditAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl AuditMode {
    /// The word of the API, the database and the terminal.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Revealed => "revealed",
            Self::Sealed => "sealed",
            Self::Signed => "signed",
        }
    }
}

fn all_actions() -> String {
    AuditAction::ALL
        .map(|action| format!("`{action}`"))
        .join(", ")
}
