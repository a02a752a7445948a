//! A client of the HTTP API of a Lockstep server: typed requests, typed answers, and errors with the code of the problem.
//!
//! A [`Client`] is for one server and one token. The token is in a [`Secret`](lockstep_secret::Secret) until it is written
//! into a header, goes over TLS or to this machine only, and is never sent where an answer redirects to.
//! Values of credentials go out and never come back.
#![forbid(unsafe_code)]

mod client;

mod address;
mod tls;

mod audit;
mod copies;
mod credentials;
mod keys;
mod runs;
mod steps;
mod tokens;
mod verification;
mod workspaces;

mod answer;
mod error;
mod file_body;
mod lines;
mod log;
mod masked;
mod pieces;

pub use address::{InTheClear, InvalidAddress, ServerAddress};
pub use audit::{AuditChain, AuditEntry, AuditFilter, AuditFrom, AuditHead};
pub use client::{Client, ClientConfig, Patience};
pub use copies::{BackupContents, IncomingBackup, RestoreBegun, RestoreState};
pub use credentials::{
    Credential, CredentialSet, CredentialUsedBy, EffectiveCredential, LastUsed, NewCredential,
    PutRule, Removal, StepOf,
};
pub use error::{ClientError, ProblemDetails};
pub use keys::{
    HostKey, HostKeyRetired, HostKeyRotated, HostKeys, HostKeysRewrapped, NotRewrapped,
};
pub use log::{Followed, LogLines, LogPiece, News};
pub use runs::{
    Failure, InlineStep, RunAnswer, RunFilter, RunLimits, RunRecord, RunStarted, RunSummary,
};
pub use steps::{Step, StepExpiring, StepKind, StepWarning};
pub use tls::InvalidRoots;
pub use tokens::{Member, Token, TokenMade, TokenWanted, WhoAmI};
pub use verification::{AuditVerified, ChainFinding, ChainVerified};
pub use workspaces::{Egress, Explained, Finding, Workflow, Workspace, WorkspaceAdded};
