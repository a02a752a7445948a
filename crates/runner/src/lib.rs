//! One run, from request to audit record, and what stands around it: workspaces, credentials, the step registry.
//!
//! Every operation takes the [`Caller`](lockstep_step::Caller) first, and a permit made from it opens the store.
#![forbid(unsafe_code)]

mod runner;

mod attended;
mod request;
mod run;
mod snapshots;

mod grants;
mod recorder;

mod credentials;
mod egress;
mod keys;
mod permissions;
mod records;
mod registry;
mod tokens;
mod workspaces;

mod error;
mod meanwhile;
mod nearest;

pub use credentials::{
    CredentialPut, CredentialUsage, EffectiveCredential, NewCredential, PutResult, PutRule,
};
pub use egress::RequestQuestion;
pub use error::{HostFault, ManageError, RunError};
pub use keys::{
    KeyEntry, KeyOverview, KeyRetired, KeyRotated, KeyState, KeyWas, NewKeyFile, RewrapFailure,
    RewrapProgress, Rewrapped,
};
pub use lockstep_sandbox::{LoadError, SourceKind, StepFile};
pub use lockstep_store::{
    CredentialEntry, Dependents, KekEntry, LogEntry, Removal, RunFilter, RunRecord, RunState,
    RunStatus, RunStep, RunSummary, StepEntry, Store, StoreError, Thing, TokenEntry, WorkflowEntry,
    WorkspaceEntry,
};
pub use lockstep_vault::OpenError;
pub use registry::{StepAdded, StepWarning};
pub use request::{RunReport, RunRequest, StepSource};
pub use runner::Runner;
pub use tokens::{InvalidToken, Token, TokenRequest};
