//! Which entries a list has.

use jiff::Timestamp;

use lockstep_step::{CredentialKey, RunId, WorkflowName};

use super::AuditAction;

/// Which entries to list.
#[derive(Clone, Debug)]
pub struct AuditFilter {
    /// Only of this credential, in any scope.
    pub key: Option<CredentialKey>,
    /// Only of this run.
    pub run: Option<RunId>,
    /// Only of this workflow.
    pub workflow: Option<WorkflowName>,
    /// Only by this actor.
    pub actor: Option<String>,
    /// Only these.
    pub action: Option<AuditAction>,
    /// Only from then on.
    pub since: Option<Timestamp>,
    /// Only before then.
    pub until: Option<Timestamp>,
    /// From where on, and in which order.
    pub from: AuditFrom,
    /// At most so many.
    pub limit: u32,
}

/// Where a list of entries begins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AuditFrom {
    /// The latest first.
    Latest,
    /// The latest before this one first.
    Before(u64),
    /// In the order of the chain, those after this one.
    After(u64),
}
