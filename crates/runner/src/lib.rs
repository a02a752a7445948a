//! One run, from request to audit record, and what stands around it: workspaces, credentials, the step registry.
//!
//! Every operation takes the [`Caller`](lockstep_step::Caller) first, and a permit made from it opens the store.
//!
//! # To embed it
//! An engine in Rust makes one [`Runner`] over a [`SqliteStore`], a [`Vault`] and a [`Sandbox`], and keeps it: clones share
//! everything, and a second one over the same data directory, in this process or another, sees the same. It takes a
//! runtime of tokio with several threads, as a guest keeps the thread that runs it until its time slice is over.
//! - [`Runner::run`] runs one step and answers when its record is closed. `Ok` is how the run ended, whatever the guest
//!   did; `Err` is a call that was wrong, or a host that failed. To drop the future cancels the run, which is recorded.
//! - [`RunRequest::listener`] hears the log, masked, while the run goes on.
//! - [`Runner::drain`] waits for all records before the process ends.
//!
//! This engine runs two steps, and the credential that both use is rotated between them (`examples/rotation.rs`):
//!
//! ```no_run
#![doc = include_str!("../examples/rotation.rs")]
//! ```
#![forbid(unsafe_code)]

mod runner;

mod attended;
mod follow;
mod request;
mod run;
mod shares;
mod snapshots;
mod start;
mod ticket;

mod grants;
mod hang_up;
mod live;
mod recorder;
mod uses;

mod audit;
mod copies;
mod credentials;
mod egress;
mod keys;
mod members;
mod permissions;
mod records;
mod registry;
mod rewrap;
mod token;
mod tokens;
mod workspaces;

mod error;
mod meanwhile;
mod metrics;
mod nearest;

pub use copies::{CopyError, CopyTurn, IncomingBackup, ReadyBackup, TakenBackup};
pub use credentials::{
    CredentialChange, CredentialChanged, CredentialPut, CredentialUsage, EffectiveCredential,
    NewCredential, PutResult, PutRule, breaks_header,
};
pub use egress::RequestQuestion;
pub use error::{HostFault, InvalidNote, ManageError, RunError};
pub use follow::{FollowError, Followed, Follower, NoSeat};
pub use keys::{
    KeyEntry, KeyOverview, KeyRetired, KeyRotated, KeyState, KeyWas, KeysFrom, NewKeyFile,
};
pub use lockstep_sandbox::{
    Examined, Explanation, Finding, LoadError, LogSink, NoCapacity, Origin, Sandbox, SandboxConfig,
    SandboxError, SourceKind, StepFile, Traces,
};
pub use lockstep_store::{
    AuditAction, AuditChain, AuditCheck, AuditEntry, AuditFilter, AuditFinding, AuditFrom,
    AuditHead, AuditReport, Lacking, NoAction, Refusal, Refused, SealState, TokenRefusal,
};
pub use lockstep_store::{
    BackupContents, BackupError, OpenStoreError, PutError, RestoreError, Restored, StagedBackup,
    Unsealed,
};
pub use lockstep_store::{
    CredentialEntry, CredentialLastUse, Dependents, KekEntry, LogEntry, MemberEntry, Removal,
    RunFilter, RunRecord, RunState, RunStatus, RunStep, RunSummary, SqliteStore, StepEntry,
    StepVersion, Store, StoreError, Thing, TokenEntry, TokenMember, WorkflowEntry, WorkspaceEntry,
};
pub use lockstep_vault::{
    IfAbsent, Kek, KekId, KeyError, Keyring, OpenError, Vault, open_key_file,
};
pub use registry::{StepAdded, StepWarning};
pub use request::{Call, RunReport, RunRequest, StepSource};
pub use rewrap::{RewrapFailure, RewrapProgress, Rewrapped};
pub use runner::{Runner, RunnerConfig};
pub use start::{CancelError, RunStarted};
pub use ticket::{NoTicket, Ticket};
pub use token::{InvalidToken, Token};
pub use tokens::{Bearer, TokenRequest};
