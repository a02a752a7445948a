//! The query of the list of runs.

use jiff::Timestamp;
use serde::Deserialize;

use lockstep_runner::{RunFilter, RunStatus};
use lockstep_step::{RunId, StepName, WorkflowName};

use crate::problem::Problem;
use crate::query::{invalid, limit};

/// Runs that a list has at most, and if nothing is said.
const MAX_LISTED: u32 = 100;
const LISTED: u32 = 20;

/// Which runs are listed.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RunQuery {
    workflow: Option<WorkflowName>,
    step: Option<StepName>,
    status: Option<String>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    before: Option<RunId>,
    limit: Option<u32>,
}

impl RunQuery {
    pub(crate) fn checked(self) -> Result<RunFilter, Problem> {
        let status = self.status.as_deref().map(|word| {
            RunStatus::from_word(word).ok_or_else(|| {
                invalid("`status` is none of `open`, `lost`, `forbidden` and the outcomes")
            })
        });
        Ok(RunFilter {
            workflow: self.workflow,
            step: self.step,
            status: status.transpose()?,
            since: self.since,
            until: self.until,
            before: self.before,
            limit: limit(self.limit, LISTED, MAX_LISTED)?,
        })
    }
}
