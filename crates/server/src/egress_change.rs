//! The body that says where the requests of a workflow may go.

use serde::Deserialize;
use utoipa::ToSchema;

use lockstep_step::{EgressRule, InvalidPath, InvalidRule, MAX_RULES, WorkflowEgress};

use crate::problem::Problem;

/// Where the requests of a workflow are to go from now on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "lowercase", tag = "mode")]
pub(crate) enum EgressChange {
    /// Wherever the operator of the host allows.
    All {},
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
        // Before any is read: an expression takes its time.
        if rules.len() > MAX_RULES {
            let given = rules.len();
            let detail = format!("{given} rules for one workflow, over the limit of {MAX_RULES}");
            return Err(Problem::bad_request("too_many_rules", detail));
        }
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::parse::parse;

    use super::*;

    #[track_caller]
    fn check(body: &Value, expected: Result<WorkflowEgress, &str>) {
        let read = parse(body.to_string().as_bytes()).and_then(EgressChange::checked);
        match (read, expected) {
            (Ok(read), Ok(expected)) => assert_eq!(read, expected, "{body}"),
            (Err(problem), Err(code)) => {
                assert!(format!("{problem:?}").contains(code), "{problem:?}");
            }
            (read, _) => panic!("{body}: {read:?}"),
        }
    }

    #[test]
    fn all_has_no_rules_that_would_be_passed_over() {
        check(&json!({"mode": "all"}), Ok(WorkflowEgress::All));
        for more in [json!(["a.test"]), json!([]), Value::Null] {
            check(&json!({"mode": "all", "rules": more}), Err("invalid_body"));
        }
        check(&json!({"mode": "only"}), Err("invalid_body"));
        let none = Ok(WorkflowEgress::Only(Vec::new()));
        check(&json!({"mode": "only", "rules": []}), none);
    }

    #[test]
    fn rules_over_the_limit_are_refused_before_any_is_read() {
        let none_of_which_is_one = |count| vec!["~("; count];
        let body = |count| json!({"mode": "only", "rules": none_of_which_is_one(count)});
        check(&body(MAX_RULES), Err("invalid_rule"));
        check(&body(MAX_RULES + 1), Err("too_many_rules"));
    }
}
