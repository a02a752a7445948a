//! Who asks, and what each role may do.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a caller may do in a workspace.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", try_from = "String")]
pub enum Role {
    /// Everything, credentials and usage permissions included.
    Admin,
    /// Edits and runs workflows; sees the keys of credentials.
    Editor,
    /// Runs steps and sees how runs ended, and nothing else: what a workflow engine needs.
    Runner,
    /// Sees runs and keys.
    Viewer,
}

/// Something that a role may allow. Permits are made after this table, and so is what the API refuses.
///
/// | | admin | editor | runner | viewer |
/// |---|---|---|---|---|
/// | [`Right::Administer`] | yes | no | no | no |
/// | [`Right::Edit`] | yes | yes | no | no |
/// | [`Right::Run`] | yes | yes | yes | no |
/// | [`Right::SeeKeys`] | yes | yes | no | yes |
/// | [`Right::SeeRuns`] | yes | yes | yes | yes |
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Right {
    /// To set, rotate and delete credentials, usage permissions, tokens and the workspace itself.
    Administer,
    /// To add and remove workflows and steps.
    Edit,
    /// To run steps.
    Run,
    /// To see workflows, steps, and the keys of credentials.
    SeeKeys,
    /// To see the record of runs.
    SeeRuns,
}

impl Right {
    /// Every right, in the order of the table.
    pub const ALL: [Self; 5] = [
        Self::Administer,
        Self::Edit,
        Self::Run,
        Self::SeeKeys,
        Self::SeeRuns,
    ];

    /// The word of the audit.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Administer => "administer",
            Self::Edit => "edit",
            Self::Run => "run",
            Self::SeeKeys => "see_keys",
            Self::SeeRuns => "see_runs",
        }
    }
}

/// An authenticated caller. Every operation that reads or changes something owned takes one.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Caller {
    /// How the record names the caller, such as `cli:alice`.
    pub name: String,
    /// What the caller may do.
    pub role: Role,
}

/// A word that names no role.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("there is no such role: it is `admin`, `editor`, `runner` or `viewer`")]
pub struct InvalidRole;

// === impl Role ===

impl Role {
    /// Every role, in the order of the table of [`Right`].
    pub const ALL: [Self; 4] = [Self::Admin, Self::Editor, Self::Runner, Self::Viewer];

    /// Whether the role allows it.
    #[must_use]
    pub fn has(self, right: Right) -> bool {
        match right {
            Right::Administer => matches!(self, Self::Admin),
            Right::Edit => matches!(self, Self::Admin | Self::Editor),
            Right::Run => matches!(self, Self::Admin | Self::Editor | Self::Runner),
            Right::SeeKeys => matches!(self, Self::Admin | Self::Editor | Self::Viewer),
            Right::SeeRuns => true,
        }
    }

    /// Whether it allows all that `other` does.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        Right::ALL
            .into_iter()
            .all(|right| self.has(right) || !other.has(right))
    }

    /// What is left of this role for somebody who may do no more than `most`: the lesser of both. `None` if neither
    /// contains the other, as with `runner` and `viewer`.
    #[must_use]
    pub fn within(self, most: Self) -> Option<Self> {
        if most.contains(self) {
            Some(self)
        } else if self.contains(most) {
            Some(most)
        } else {
            None
        }
    }

    /// The word of the API, the database and the terminal.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Editor => "editor",
            Self::Runner => "runner",
            Self::Viewer => "viewer",
        }
    }
}

impl FromStr for Role {
    type Err = InvalidRole;

    fn from_str(word: &str) -> Result<Self, InvalidRole> {
        let found = Self::ALL.into_iter().find(|role| role.as_str() == word);
        found.ok_or(InvalidRole)
    }
}

/// A word is text: of an enumeration, serde would take `{"admin": null}` too.
impl TryFrom<String> for Role {
    type Error = InvalidRole;

    fn try_from(word: String) -> Result<Self, InvalidRole> {
        word.parse()
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_read_as_the_word_that_is_written() {
        for role in Role::ALL {
            let written = serde_json::to_string(&role).unwrap();
            assert_eq!(written, format!("\"{role}\""));
            assert_eq!(serde_json::from_str::<Role>(&written).unwrap(), role);
        }
        for none in ["\"Admin\"", "{\"admin\": null}", "[\"admin\"]", "null", "0"] {
            assert!(serde_json::from_str::<Role>(none).is_err(), "{none}");
        }
    }

    #[test]
    fn of_two_roles_the_lesser_is_left_and_of_two_that_differ_nothing() {
        use Role::{Admin, Editor, Runner, Viewer};
        for role in Role::ALL {
            assert_eq!(role.within(Admin), Some(role));
            assert_eq!(Admin.within(role), Some(role));
            assert_eq!(role.within(role), Some(role));
        }
        assert_eq!(Editor.within(Runner), Some(Runner));
        assert_eq!(Viewer.within(Editor), Some(Viewer));
        assert_eq!(Runner.within(Viewer), None);
        assert_eq!(Viewer.within(Runner), None);
    }

    #[test]
    fn what_is_left_allows_nothing_that_one_of_both_does_not() {
        for (role, most) in Role::ALL
            .into_iter()
            .flat_map(|a| Role::ALL.map(|b| (a, b)))
        {
            for right in Right::ALL {
                let has = role.within(most).is_some_and(|left| left.has(right));
                assert!(!has || role.has(right) && most.has(right));
            }
        }
    }
}
