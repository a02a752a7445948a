//! Names that are valid once they exist: of workspaces, workflows and steps, and the keys of credentials.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest key of a credential: what the shells and CI systems that people come from take without trouble.
const MAX_KEY_BYTES: usize = 128;
/// Longest name of a workspace, workflow or step: a DNS label, so that a name can stand in a host name or a path.
const MAX_NAME_BYTES: usize = 63;

/// Declares a name type around the rule that decides what is valid.
macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $rule:path) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                $rule(text)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                $rule(&text)?;
                Ok(Self(text))
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name_type!(
    /// The name of a credential: `[A-Za-z_][A-Za-z0-9_]{0,127}`, case-sensitive.
    CredentialKey,
    check_key
);
name_type!(
    /// The name of a workspace: `[A-Za-z0-9][A-Za-z0-9._-]{0,62}`.
    WorkspaceName,
    check_name
);
name_type!(
    /// The name of a workflow in its workspace: `[A-Za-z0-9][A-Za-z0-9._-]{0,62}`.
    WorkflowName,
    check_name
);
name_type!(
    /// The name of a step in its workflow: `[A-Za-z0-9][A-Za-z0-9._-]{0,62}`.
    StepName,
    check_name
);
name_type!(
    /// The name of a token in its workspace: `[A-Za-z0-9][A-Za-z0-9._-]{0,62}`.
    TokenName,
    check_name
);
name_type!(
    /// The name of a member of a workspace: `[A-Za-z0-9][A-Za-z0-9._-]{0,62}`.
    MemberName,
    check_name
);

impl CredentialKey {
    /// The key with its ASCII letters in lower case: two keys of one scope that differ only by case collide here.
    #[must_use]
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl WorkspaceName {
    /// The workspace that exists from the start.
    #[must_use]
    pub fn default_name() -> Self {
        Self("default".to_owned())
    }
}

impl WorkflowName {
    /// The workflow that exists from the start in each workspace.
    #[must_use]
    pub fn default_name() -> Self {
        Self("default".to_owned())
    }
}

/// Why a text is no name. The text itself is not repeated: it may be a value in the wrong place.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidName {
    /// No character at all.
    #[error("a name cannot be empty")]
    Empty,
    /// Longer than the limit.
    #[error("a name has {length} bytes, over the limit of {limit}")]
    TooLong {
        /// What was given, in bytes.
        length: usize,
        /// What is allowed, in bytes.
        limit: usize,
    },
    /// A character outside of the allowed set.
    #[error("character {position} of the name is not allowed: {allowed}")]
    Character {
        /// The first wrong character, counted from 1.
        position: usize,
        /// The rule.
        allowed: &'static str,
    },
}

fn check_key(text: &str) -> Result<(), InvalidName> {
    let allowed = "a key has ASCII letters, digits and `_`, and does not start with a digit";
    check(text, MAX_KEY_BYTES, allowed, |first, c| {
        c == '_' || c.is_ascii_alphabetic() || !first && c.is_ascii_digit()
    })
}

fn check_name(text: &str) -> Result<(), InvalidName> {
    let allowed =
        "a name has ASCII letters, digits, `.`, `_` and `-`, and starts with a letter or digit";
    check(text, MAX_NAME_BYTES, allowed, |first, c| {
        c.is_ascii_alphanumeric() || !first && matches!(c, '.' | '_' | '-')
    })
}

fn check(
    text: &str,
    limit: usize,
    allowed: &'static str,
    fits: impl Fn(bool, char) -> bool,
) -> Result<(), InvalidName> {
    if text.is_empty() {
        return Err(InvalidName::Empty);
    }
    if text.len() > limit {
        return Err(InvalidName::TooLong {
            length: text.len(),
            limit,
        });
    }
    match text
        .chars()
        .enumerate()
        .find(|(index, c)| !fits(*index == 0, *c))
    {
        Some((index, _)) => Err(InvalidName::Character {
            position: index + 1,
            allowed,
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Result<CredentialKey, InvalidName> {
        text.parse()
    }

    #[test]
    fn a_key_starts_with_a_letter_or_underscore() {
        assert!(key("SLACK_BOT_TOKEN").is_ok());
        assert!(key("_x9").is_ok());
        assert!(matches!(
            key("9x"),
            Err(InvalidName::Character { position: 1, .. })
        ));
        assert!(matches!(
            key("A-B"),
            Err(InvalidName::Character { position: 2, .. })
        ));
        assert!(matches!(
            key("ÄB"),
            Err(InvalidName::Character { position: 1, .. })
        ));
        assert_eq!(key(""), Err(InvalidName::Empty));
    }

    #[test]
    fn a_key_has_at_most_128_bytes() {
        assert!(key(&"K".repeat(128)).is_ok());
        assert_eq!(
            key(&"K".repeat(129)),
            Err(InvalidName::TooLong {
                length: 129,
                limit: 128
            })
        );
    }

    #[test]
    fn a_name_has_no_path_separator() {
        assert!("daily-report.v2".parse::<WorkflowName>().is_ok());
        assert!("a/b".parse::<WorkflowName>().is_err());
        assert!("..".parse::<WorkflowName>().is_err());
        assert!("".parse::<StepName>().is_err());
    }

    #[test]
    fn keys_that_differ_by_case_fold_to_one() {
        assert_eq!(
            key("Token").unwrap().folded(),
            key("TOKEN").unwrap().folded()
        );
        assert_ne!(
            key("Token").unwrap().folded(),
            key("TOKEN_").unwrap().folded()
        );
    }
}
