//! The body that says which credentials a workflow may use. It is what is told of that, too.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use lockstep_step::{CredentialKey, MAX_PERMITTED_KEYS, UsagePermission};

use crate::problem::Problem;

/// Which credentials a workflow may use.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "lowercase", tag = "mode")]
pub(crate) enum CredentialPermissions {
    /// All of the workspace and its own.
    All {},
    /// Those with these keys, of either.
    Selected {
        /// At most 1000, which need not exist yet.
        keys: Vec<String>,
    },
}

impl CredentialPermissions {
    pub(crate) fn checked(self) -> Result<UsagePermission, Problem> {
        let Self::Selected { keys } = self else {
            return Ok(UsagePermission::All);
        };
        // Before any is read.
        if keys.len() > MAX_PERMITTED_KEYS {
            let given = keys.len();
            let detail =
                format!("{given} keys for one workflow, over the limit of {MAX_PERMITTED_KEYS}");
            return Err(Problem::bad_request("too_many_keys", detail));
        }
        let keys = keys.into_iter().enumerate().map(|(at, key)| {
            // What is no key may be a value: it is named by its place.
            let key = key.parse::<CredentialKey>();
            key.map_err(|error| {
                Problem::bad_request("invalid_key", format!("`keys[{at}]`: {error}"))
            })
        });
        Ok(UsagePermission::Selected(keys.collect::<Result<_, _>>()?))
    }
}

impl From<UsagePermission> for CredentialPermissions {
    fn from(permission: UsagePermission) -> Self {
        match permission {
            UsagePermission::All => Self::All {},
            UsagePermission::Selected(keys) => Self::Selected {
                keys: keys.into_iter().map(String::from).collect(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_over_the_limit_are_refused_before_any_is_read() {
        let read = |count| {
            let keys = vec!["no key".to_owned(); count];
            let problem = CredentialPermissions::Selected { keys }.checked();
            format!("{:?}", problem.err().unwrap())
        };
        assert!(read(MAX_PERMITTED_KEYS).contains("invalid_key"));
        assert!(read(MAX_PERMITTED_KEYS + 1).contains("too_many_keys"));
    }
}
