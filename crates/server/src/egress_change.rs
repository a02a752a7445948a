//! The body that says where the requests of a workflow may go.

use serde::Deserialize;
use utoipa::ToSchema;

use lockstep_step::{EgressRule, InvalidPath, InvalidRule, WorkflowEgress};

use crate::problem::Problem;

/// Where the requests of a workflow are to go from now on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "lowercase", tag = "mode")]
pub(crate) enum EgressChange {
    /// Wherever the operator of the host allows.
    All,
    /// Where one of these rules allows; none: nowhere.
    Only {
        /// Each `[METHOD,.. ][http://]HOST[:PORT][/PATH or ~EXPRESSION]`.
        rules: Vec<String>,
    },
}

impl EgressChange {
    pub(crate) fn checked(self) -> Result<WorkflowEgress, Problem> {
        let Self::Only { rules } = self else {
            return Ok(WorkflowEgress::All);
        };
        let rules = rules.iter().enumerate();
        let rules: Result<Vec<EgressRule>, Problem> = rules
            .map(|(at, text)| {
                text.parse().map_err(|error| {
                    let detail = format!("rule {} is none: {}", at + 1, reason(&error));
                    Problem::bad_request("invalid_rule", detail)
                })
            })
            .collect();
        rules.map(WorkflowEgress::Only)
    }
}

/// Why a text is no rule, without a piece of it.
fn reason(error: &InvalidRule) -> String {
    match error {
        InvalidRule::Path(InvalidPath::Regex(_)) => {
            "what stands behind `~` is no regular expression, or one that is too large".to_owned()
        }
        _ => error.to_string(),
    }
}
