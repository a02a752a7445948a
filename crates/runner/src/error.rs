//! Why an operation was not carried out.

use std::sync::Arc;

use lockstep_step::{CredentialKey, MAX_NOTE_BYTES, MemberName, Role, RunId, TokenName};
use lockstep_store::{StoreError, Thing};
use lockstep_vault::{
    Forbidden, KekId, KeyError, OpenError, OtherWorkspace, RecordError, SealError,
};

/// Why something was not set, shown or removed.
#[derive(Debug, thiserror::Error)]
pub enum ManageError {
    /// The caller may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is no such thing.
    #[error("{what} does not exist")]
    NotFound {
        /// What was asked for.
        what: Thing,
        /// The name that is there and is most like it.
        nearest: Option<String>,
    },
    /// There is one already, and it was not to be rotated.
    #[error("{0} exists already")]
    Exists(Thing),
    /// A value breaks a limit.
    #[error("the value of credential `{key}` has {length} bytes, over the limit of {limit} bytes")]
    ValueTooLarge {
        /// Whose value.
        key: CredentialKey,
        /// Its length.
        length: usize,
        /// The limit.
        limit: usize,
    },
    /// A value is the empty string.
    #[error("the value of credential `{0}` is empty")]
    ValueEmpty(CredentialKey),
    /// A note breaks a limit.
    #[error("the note of credential `{key}` cannot be kept")]
    Note {
        /// Whose note.
        key: CredentialKey,
        /// Why not.
        source: InvalidNote,
    },
    /// No run would ever get it.
    #[error("credential `{0}` would have expired already")]
    ExpiredAlready(CredentialKey),
    /// A token would have expired already.
    #[error("token `{0}` would have expired already")]
    TokenExpiredAlready(TokenName),
    /// A key stands twice in one call.
    #[error("credential `{0}` is given twice")]
    KeyTwice(CredentialKey),
    /// Whether the present version is sealed cannot be read, and nothing was said of the next one.
    #[error("cannot tell whether credential `{key}` is sealed, and for what")]
    Handling {
        /// Which one.
        key: CredentialKey,
        /// Why not.
        source: RecordError,
    },
    /// More rules than a workflow may have.
    #[error("{given} rules for one workflow, over the limit of {limit}")]
    TooManyRules {
        /// What was given.
        given: usize,
        /// The limit.
        limit: usize,
    },
    /// More keys than a usage permission may list.
    #[error("{given} keys for one workflow, over the limit of {limit}")]
    TooManyKeys {
        /// What was given.
        given: usize,
        /// The limit.
        limit: usize,
    },
    /// A token for a member was to do more than the member may.
    #[error("member `{member}` has the role `{has}`, which does not contain `{asked}`")]
    BeyondMember {
        /// For whom.
        member: MemberName,
        /// The member's role.
        has: Role,
        /// The token's.
        asked: Role,
    },
    /// A token is neither for a member nor has a role.
    #[error("a token that is not a member's needs a role")]
    NoRole,
    /// Credentials cannot be sealed.
    #[error("cannot seal credential `{key}`")]
    Seal {
        /// Which one.
        key: CredentialKey,
        /// Why not.
        source: SealError,
    },
    /// The key-encryption keys cannot be used.
    #[error("the credentials are locked")]
    Locked(#[source] OpenError),
    /// The key file cannot be read again, or stays as it is.
    #[error(transparent)]
    Key(#[from] Arc<KeyError>),
    /// A new key is on the ring, and the store does not know it yet. It will before anything is wrapped with it.
    #[error("key `{kek}` is the primary now, but the database could not be told")]
    NotRemembered {
        /// The new key.
        kek: KekId,
        /// Why not.
        source: StoreError,
    },
    /// The operating system has no random bytes for a token.
    #[error("the operating system has no random bytes")]
    NoRandomness(#[source] getrandom::Error),
    /// Another verification goes on: it reads whole chains, and one at a time is enough.
    #[error("another verification of the audit goes on")]
    Verifying,
    /// Another re-wrapping goes on, and does the same.
    #[error("another re-wrapping of keys goes on")]
    Rewrapping,
    /// The bytes are no step.
    #[error(transparent)]
    Load(#[from] lockstep_sandbox::LoadError),
    /// Any other answer of the store.
    #[error(transparent)]
    Store(StoreError),
}

/// Why a text is no note.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidNote {
    /// Over the limit.
    #[error("it has {length} bytes, over the limit of {MAX_NOTE_BYTES}")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// It would do something to the terminal that shows it.
    #[error("it has a line break or another control character")]
    Control,
}

/// Why there is no report of a run: the call was wrong, or the host failed. What a guest does is an outcome.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The caller may not run steps here.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is no such workspace, workflow or step.
    #[error("{what} does not exist")]
    NotFound {
        /// What was asked for.
        what: Thing,
        /// The name that is there and is most like it.
        nearest: Option<String>,
    },
    /// The same was asked for before, under the same idempotency key: nothing was started, and this is the run.
    #[error("run `{0}` was asked for with the same idempotency key")]
    AlreadyAsked(RunId),
    /// Something else was asked for under this idempotency key, which started this run.
    #[error("the idempotency key stands for another request, which started run `{0}`")]
    IdempotencyReused(RunId),
    /// More was asked for than a run may have.
    #[error("a memory limit of {asked} bytes is over the {limit} bytes that this host gives a run")]
    MemoryLimit {
        /// What was asked for.
        asked: u64,
        /// What there is.
        limit: u64,
    },
    /// The record cannot be written. Before the run: nothing has happened.
    #[error("cannot record the run")]
    Record(#[source] StoreError),
    /// The host failed during the run, which is recorded as `internal`.
    #[error("run `{run}` failed in the host")]
    Host {
        /// The run.
        run: RunId,
        /// What failed.
        source: HostFault,
    },
    /// The task of the run ended without an answer.
    #[error("the task of the run ended without an answer")]
    Task,
}

/// What failed in the host during a run.
#[derive(Debug, thiserror::Error)]
pub enum HostFault {
    /// The store.
    #[error("the database failed")]
    Store(#[from] StoreError),
    /// The sandbox.
    #[error(transparent)]
    Sandbox(#[from] lockstep_sandbox::SandboxError),
    /// The step could not be loaded, through no fault of its own.
    #[error(transparent)]
    Load(#[from] lockstep_sandbox::LoadError),
    /// A permit was shown in the wrong workspace.
    #[error(transparent)]
    Permit(#[from] OtherWorkspace),
    /// A part of the host panicked: what the listener of the run does, or a fault of ours.
    #[error("a part of the host panicked")]
    Panicked,
}

impl From<StoreError> for ManageError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound(what) => Self::NotFound {
                what,
                nearest: None,
            },
            StoreError::Exists(what) => Self::Exists(what),
            other => Self::Store(other),
        }
    }
}
