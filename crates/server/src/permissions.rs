//! The body that says which credentials a workflow may use. It is what is told of that, too.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use lockstep_step::{CredentialKey, UsagePermission};

use crate::problem::Problem;

/// Which credentials a workflow may use.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "lowercase", tag = "mode")]
pub(crate) enum CredentialPermissions {
    /// All of the workspace and its own.
    All {},
    /// Those with these keys, of either.
    Selected {
        /// They need not exist yet.
        keys: Vec<String>,
    },
}

impl CredentialPermissions {
    pub(crate) fn checked(self) -> Result<UsagePermission, Problem> {
        let Self::Selected { keys } = self else {
            return Ok(UsagePermission::All);
        };
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
