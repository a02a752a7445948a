//! The query of the audit.

use jiff::Timestamp;
use serde::Deserialize;

use lockstep_runner::{AuditAction, AuditFilter, AuditFrom};
use lockstep_step::{CredentialKey, RunId, WorkflowName};

use crate::problem::Problem;
use crate::query::{invalid, limit};

/// Entries that a page has at most, and if nothing is said.
const MAX_LISTED: u32 = 1_000;
const LISTED: u32 = 100;

/// Which entries.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AuditQuery {
    key: Option<CredentialKey>,
    run: Option<RunId>,
    workflow: Option<WorkflowName>,
    actor: Option<String>,
    action: Option<String>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    before: Option<u64>,
    after: Option<u64>,
    limit: Option<u32>,
}

impl AuditQuery {
    pub(crate) fn checked(self) -> Result<AuditFilter, Problem> {
        let action = self.action.as_deref().map(str::parse::<AuditAction>);
        let action = action
            .transpose()
            .map_err(|error| invalid(format!("`action`: {error}")))?;
        let limit = limit(self.limit, LISTED, MAX_LISTED)?;
        let from = match (self.before, self.after) {
            (None, None) => AuditFrom::Latest,
            (Some(before), None) => AuditFrom::Before(placed(before)?),
            (None, Some(after)) => AuditFrom::After(placed(after)?),
            (Some(_), Some(_)) => return Err(invalid("`before` and `after` exclude each other")),
        };
        Ok(AuditFilter {
            key: self.key,
            run: self.run,
            workflow: self.workflow,
            actor: self.actor,
            action,
            since: self.since,
            until: self.until,
            from,
            limit,
        })
    }
}

/// A place that a chain can have: the database counts in 63 bits.
fn placed(place: u64) -> Result<u64, Problem> {
    if i64::try_from(place).is_ok() {
        return Ok(place);
    }
    Err(invalid(
        "`before` or `after` is larger than any chain is long",
    ))
}
