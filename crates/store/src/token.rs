//! What the store takes and tells about tokens. Nothing here can hold one.

use jiff::Timestamp;

use lockstep_step::{Digest, MemberName, Role, TokenName, WorkspaceName};

use crate::audit::TokenRefusal;

/// A new token.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Its name in the workspace.
    pub name: TokenName,
    /// What its bearer may do there.
    pub role: Role,
    /// Whose it is; `None` for one that is nobody's, such as an engine's.
    pub member: Option<MemberName>,
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
    /// What its bearer may do there, at most: [`TokenEntry::role_now`].
    pub role: Role,
    /// Whose it is; `None` for one that is nobody's.
    pub member: Option<TokenMember>,
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

/// Whose a token is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TokenMember {
    /// The member's name.
    pub name: MemberName,
    /// The member's role now; `None` if the member was removed.
    pub role: Option<Role>,
}

impl TokenEntry {
    /// What its bearer may do now: of a member's token no more than the member. `None`: nothing at all.
    #[must_use]
    pub fn role_now(&self) -> Option<Role> {
        match &self.member {
            None => Some(self.role),
            Some(member) => self.role.within(member.role?),
        }
    }

    /// Why its bearer is not let in, if that is so.
    #[must_use]
    pub fn refusal(&self, now: Timestamp) -> Option<TokenRefusal> {
        if self.revoked_at.is_some() {
            Some(TokenRefusal::Revoked)
        } else if self.expires_at.is_some_and(|at| at <= now) {
            Some(TokenRefusal::Expired)
        } else if self.role_now().is_none() {
            Some(TokenRefusal::NoRole)
        } else {
            None
        }
    }

    /// How the record names its bearer: `token:engine`, or `member:alice/token:laptop` of a member's.
    #[must_use]
    pub fn caller_name(&self) -> String {
        match &self.member {
            None => format!("token:{}", self.name),
            Some(member) => format!("member:{}/token:{}", member.name, self.name),
        }
    }
}
