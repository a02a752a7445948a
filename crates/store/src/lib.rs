//! The database of Lockstep: workspaces, sealed credentials, steps and the record of every run.
//!
//! [`Store`] is what the rest of Lockstep sees. It takes and returns sealed credentials, and never sees plaintext.
//! No SQL leaves this crate.
#![forbid(unsafe_code)]

mod store;

mod audit;
mod backup;
mod credential;
mod kek;
mod member;
mod run;
mod step;
mod token;
mod workspace;

mod error;

mod sqlite;

pub mod conformance;

pub use audit::{
    AuditAction, AuditChain, AuditCheck, AuditEntry, AuditFilter, AuditFinding, AuditFrom,
    AuditHead, AuditMode, AuditReport, AuditUse, AuditUseKind, CredentialFinding, Lacking,
    NoAction, Refusal, Refused, SealState, TokenRefusal,
};
pub use backup::{
    BackupContents, BackupCopy, BackupError, IfThere, Progress, RestoreError, Restored, Unsealed,
};
pub use credential::{
    CredentialEntry, CredentialLastUse, CredentialRemovals, Dependents, PutBase, PutCredential,
    Removal,
};
pub use error::{StoreError, Thing};
pub use kek::{KekEntry, RewrappedKey, WorkspaceKeyEntry};
pub use member::MemberEntry;
pub use run::{
    LogEntry, NewRun, OpenedRun, RunEnd, RunFilter, RunRecord, RunSource, RunState, RunStatus,
    RunStep, RunSummary,
};
pub use sqlite::{
    ArrivingBackup, DataFile, OpenStoreError, PutError, RestoreStamp, SqliteStore, StagedBackup,
    Staging,
};
pub use step::{NewStep, StepEntry, StepVersion};
pub use store::Store;
pub use token::{NewToken, TokenEntry, TokenMember};
pub use workspace::{WorkflowEntry, WorkspaceEntry};
