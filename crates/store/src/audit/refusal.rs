//! Calls that were refused: what an entry says of them, and which of them share one.

use jiff::Timestamp;

use lockstep_step::{Right, WorkspaceName};

use super::AuditChain;

/// Calls that were refused for one reason, told in one entry: those since the entry before.
///
/// It holds nothing that a stranger chose: a route is told as it is documented.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// When the last of them came.
    pub at: Timestamp,
    /// How many there were.
    pub times: u64,
    /// Who was refused, and why.
    pub what: Refused,
    /// What the first of them was: method and path of the route, or the token that was shown.
    pub first: Option<String>,
}

/// Who was refused, and why. What is equal shares entries.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Refused {
    /// Somebody who was let in, and may not do what was asked for.
    Access {
        /// Whose token it is: that workspace's chain tells it.
        workspace: WorkspaceName,
        /// Who, as the record of runs names callers.
        actor: String,
        /// What would have been needed.
        lacking: Lacking,
    },
    /// Somebody who was not let in.
    Token(TokenRefusal),
    /// More of both than are told apart.
    Others,
}

/// What a caller lacks for what was asked.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Lacking {
    /// A right.
    Right(Right),
    /// A token of the workspace that was named, whether there is such a one or not.
    Workspace,
}

/// Why a token lets nobody in.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum TokenRefusal {
    /// There is none such.
    Unknown,
    /// It was revoked.
    Revoked,
    /// It has expired.
    Expired,
    /// It is a member's who was removed, or who may do nothing that it is for.
    NoRole,
    /// It was not looked at, as too many before it were none.
    PutOff,
}

impl Refused {
    /// The chain that tells it.
    #[must_use]
    pub fn chain(&self) -> AuditChain {
        match self {
            Self::Access { workspace, .. } => AuditChain::Workspace(workspace.clone()),
            Self::Token(_) | Self::Others => AuditChain::Host,
        }
    }

    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Access {
                lacking: Lacking::Right(right),
                ..
            } => right.as_str(),
            Self::Access {
                lacking: Lacking::Workspace,
                ..
            } => "other_workspace",
            Self::Token(why) => why.as_str(),
            Self::Others => "others",
        }
    }
}

impl Refusal {
    /// The reason, and behind it how many calls there were, if it was not one.
    pub(crate) fn detail(&self) -> String {
        let (word, times) = (self.what.word(), self.times);
        if times == 1 {
            word.to_owned()
        } else {
            format!("{word}, {times} times")
        }
    }
}

impl TokenRefusal {
    /// The word of the audit.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
            Self::NoRole => "no_role",
            Self::PutOff => "put_off",
        }
    }
}
