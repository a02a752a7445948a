//! Why an operation of the store failed, by what the caller can do about it.

use std::error::Error;
use std::fmt;

use lockstep_step::{
    CredentialKey, Digest, MemberName, RunId, Scope, StepName, TokenName, WorkflowName,
    WorkspaceName,
};
use lockstep_vault::KekId;

use crate::credential::Dependents;

/// Something that the store keeps, by name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Thing {
    /// A workspace.
    Workspace(WorkspaceName),
    /// A workflow of the workspace in question.
    Workflow(WorkflowName),
    /// A credential.
    Credential(Scope, CredentialKey),
    /// What a workflow may use.
    Permission(WorkflowName),
    /// A step of a workflow.
    Step(WorkflowName, StepName),
    /// What a step runs.
    Artifact(Digest),
    /// A run.
    Run(RunId),
    /// A key-encryption key.
    Kek(KekId),
    /// A token of the workspace in question.
    Token(TokenName),
    /// A member of the workspace in question.
    Member(MemberName),
}

/// Why an operation of the store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such thing.
    #[error("{0} does not exist")]
    NotFound(Thing),
    /// There is one already.
    #[error("{0} exists already")]
    Exists(Thing),
    /// It exists from the start and stays.
    #[error("{0} cannot be removed")]
    Permanent(Thing),
    /// Somebody else changed the credential since its base was read: read it again, seal again.
    #[error("credential `{key}` was changed by someone else")]
    VersionConflict {
        /// The credential's key.
        key: CredentialKey,
        /// Its version now; `None` if it is not there.
        current: Option<u64>,
    },
    /// What the caller demands of the present version does not hold.
    #[error("{what} is {}, and the change is not for that", in_words(*current))]
    Condition {
        /// What was to be changed.
        what: Thing,
        /// Its version now; `None` if it is not there.
        current: Option<u64>,
    },
    /// The scope has a key of the same letters in other case.
    #[error("credential `{key}` differs only by case from `{existing}`")]
    CaseConflict {
        /// What was to be set.
        key: CredentialKey,
        /// What is there.
        existing: CredentialKey,
    },
    /// The workspace requires sealing, and the credential is to be revealed.
    #[error("credential `{key}` is not sealed, and workspace `{workspace}` requires that")]
    SealingRequired {
        /// Of which workspace.
        workspace: WorkspaceName,
        /// What was to be set.
        key: CredentialKey,
    },
    /// Others need it, and the removal was not forced.
    #[error("{what} is in use: {dependents}")]
    InUse {
        /// What was to be removed.
        what: Thing,
        /// Who needs it.
        dependents: Box<Dependents>,
    },
    /// It still has credentials, and the removal was not forced.
    #[error("{what} still has credentials: {credentials}")]
    HasCredentials {
        /// What was to be removed.
        what: Thing,
        /// How many.
        credentials: u64,
    },
    /// The key-encryption key still wraps keys of workspaces.
    #[error("key `{kek}` still wraps the keys of {wrapped_keys} workspaces")]
    Wraps {
        /// Which one.
        kek: KekId,
        /// How many.
        wrapped_keys: u64,
    },
    /// The key-encryption key was retired, so nothing may be wrapped with it: whoever does has an old key.
    #[error("key `{0}` was retired")]
    Retired(KekId),
    /// The run has ended, or was taken for lost.
    #[error("run `{0}` is closed")]
    RunClosed(RunId),
    /// The request was made before, under the same key, and started this run.
    #[error("run `{0}` was asked for with the same idempotency key")]
    AlreadyAsked(RunId),
    /// The key stands for another request, which started this run.
    #[error("the idempotency key stands for another request, which started run `{0}`")]
    IdempotencyReused(RunId),
    /// The workspace used more keys in a day than are kept.
    #[error("the workspace has used {limit} idempotency keys within a day, which is the limit")]
    TooManyIdempotencyKeys {
        /// How many are kept.
        limit: u32,
    },
    /// Another process holds the database for longer than we wait.
    #[error("the database is busy")]
    Busy,
    /// The disk is full. Nothing of the operation was kept.
    #[error("the disk of the database is full")]
    Full,
    /// The database cannot be written to.
    #[error("the database is read-only")]
    ReadOnly,
    /// What is in the database is not what this crate wrote.
    #[error("the database is damaged: {what}")]
    Corrupt {
        /// What is wrong.
        what: String,
    },
    /// The store was shut down.
    #[error("the store is closed")]
    Closed,
    /// Anything else.
    #[error("the database failed")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
}

fn in_words(version: Option<u64>) -> String {
    match version {
        Some(version) => format!("at version {version}"),
        None => "not there".to_owned(),
    }
}

// === impl Thing ===

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workspace(name) => write!(f, "workspace `{name}`"),
            Self::Workflow(name) => write!(f, "workflow `{name}`"),
            Self::Credential(Scope::Workspace, key) => write!(f, "credential `{key}`"),
            Self::Credential(Scope::Workflow(name), key) => {
                write!(f, "credential `{key}` of workflow `{name}`")
            }
            Self::Permission(name) => write!(f, "the permission of workflow `{name}`"),
            Self::Step(workflow, name) => write!(f, "step `{name}` of workflow `{workflow}`"),
            Self::Artifact(digest) => write!(f, "artifact `{digest}`"),
            Self::Run(id) => write!(f, "run `{id}`"),
            Self::Token(name) => write!(f, "token `{name}`"),
            Self::Member(name) => write!(f, "member `{name}`"),
            Self::Kek(id) => write!(f, "key `{id}`"),
        }
    }
}

// === impl Dependents ===

impl fmt::Display for Dependents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let workflows = self
            .workflows
            .iter()
            .map(|name| format!("workflow `{name}`"));
        let steps = self
            .steps
            .iter()
            .map(|(workflow, name)| format!("step `{name}` of workflow `{workflow}`"));
        let all: Vec<String> = workflows.chain(steps).collect();
        f.write_str(&all.join(", "))
    }
}
