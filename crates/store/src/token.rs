//! What the store takes and tells about tokens. Nothing here can hold one.

use jiff::Timestamp;

use lockstep_step::{Digest, Role, TokenName, WorkspaceName};

/// A new token.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Its name in the workspace.
    pub name: TokenName,
    /// What its bearer may do there.
    pub role: Role,
    /// Of the token.
    pub digest: Digest,
    /// From when on it is good for nothing; `None` for one that does not expire.
    pub expires_at: Option<Timestamp>,
}

/// A token in a list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TokenEntry {
    /// The one workspace that it is for.
    pub workspace: WorkspaceName,
    /// Its name there.
    pub name: TokenName,
    /// What its bearer may do there.
    pub role: Role,
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// From when on it is good for nothing; `None` for one that does not expire.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to about a minute; `None` if it never was.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// By whom.
    pub revoked_by: Option<String>,
}

impl TokenEntry {
    /// Whether its bearer is let in.
    #[must_use]
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|at| now < at)
    }
}
