//! The vocabulary of Lockstep: who asks, what is run, under which limits, and how it ended.
//!
//! Everything here is plain data that is valid once it exists. No I/O, no async, no clock.
#![forbid(unsafe_code)]

mod name;

mod caller;
mod condition;
mod digest;
mod egress;
mod expiry;
mod idempotency;
mod limits;
mod log;
mod outcome;
mod receipt;
mod request;
mod run_id;
mod scope;
mod sealing;
mod trace;

pub use caller::{Caller, InvalidRole, Right, Role};
pub use condition::{Condition, Versions};
pub use digest::{Digest, Digesting, InvalidDigest};
pub use egress::{
    Destination, EgressRule, HostPattern, InvalidDestination, InvalidHostPattern, InvalidMethod,
    InvalidPath, InvalidRule, MAX_RULES, Method, NoRule, PathPattern, RequestTarget, Scheme,
    WorkflowEgress,
};
pub use expiry::{EXPIRY_WARNING, Expiry};
pub use idempotency::{Idempotency, IdempotencyKey, InvalidIdempotencyKey};
pub use limits::{Limits, MAX_MODULE_BYTES, MAX_NOTE_BYTES, MAX_SOURCE_BYTES, MAX_VALUE_BYTES};
pub use log::{LogChunk, LogStream};
pub use name::{
    CredentialKey, InvalidName, MemberName, StepName, TokenName, WorkflowName, WorkspaceName,
};
pub use outcome::{Failure, Outcome, OutcomeKind, Phase};
pub use receipt::{CredentialUse, DenialReason, Denied, Receipt};
pub use request::{Decision, RequestFault, RequestReceipt};
pub use run_id::{InvalidRunId, RunId};
pub use scope::{MAX_PERMITTED_KEYS, Scope, UsagePermission};
pub use sealing::{
    Handling, InvalidSealing, MAX_DESTINATIONS, SealedPlace, Sealing, SealingPolicy,
};
pub use trace::TraceContext;
