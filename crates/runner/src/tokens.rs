//! Tokens: made, listed, revoked, and found by those who show them.

use std::time::Duration;

use jiff::Timestamp;

use lockstep_secret::Zeroizing;
use lockstep_step::{Caller, MemberName, Role, TokenName, WorkspaceName};
use lockstep_store::{NewToken, TokenEntry, TokenRefusal};
use lockstep_vault::AdminPermit;

use crate::error::ManageError;
use crate::runner::Runner;
use crate::token::{RANDOM_BYTES, Token};

/// Uses of a token are noted once in this time, so that not each request writes to the database.
const USE_NOTED: Duration = Duration::from_secs(60);

/// What a new token is to be.
#[derive(Clone, Debug)]
pub struct TokenRequest {
    /// Its name in the workspace.
    pub name: TokenName,
    /// What its bearer may do there; `None` for a member's, which is to do whatever the member may at the time.
    pub role: Option<Role>,
    /// Whose it is: then it may never do more than the member. `None` for one that is nobody's, such as an engine's.
    pub member: Option<MemberName>,
    /// From when on it is good for nothing; `None` for one that does not expire.
    pub expires_at: Option<Timestamp>,
}

/// What a token that is shown opens.
#[derive(Clone, Debug)]
pub enum Bearer {
    /// Its bearer is let in.
    Known(TokenEntry),
    /// Nobody is. Whoever shows it hears the same whatever the reason: that is for the audit.
    Refused {
        /// Why not.
        why: TokenRefusal,
        /// The token, if there is one.
        token: Option<TokenEntry>,
    },
}

impl Runner {
    /// Makes a token for one workspace. It is told here, and never again.
    ///
    /// # Errors
    /// [`ManageError::Exists`], [`ManageError::NotFound`], [`ManageError::Forbidden`], [`ManageError::NoRandomness`];
    /// [`ManageError::BeyondMember`] and [`ManageError::NoRole`] for a role that it cannot have,
    /// [`ManageError::TokenExpiredAlready`] for an end that is past.
    pub async fn create_token(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        request: TokenRequest,
    ) -> Result<Token, ManageError> {
        let permit = AdminPermit::check(caller, workspace)?;
        let now = Timestamp::now();
        if request.expires_at.is_some_and(|end| end <= now) {
            return Err(ManageError::TokenExpiredAlready(request.name));
        }
        let role = self.most(caller, workspace, &request).await?;
        let token = generated()?;
        let new = NewToken {
            name: request.name,
            role,
            member: request.member,
            digest: token.digest(),
            expires_at: request.expires_at,
        };
        let added = self.store().add_token(&permit, new, now).await;
        self.told(caller, workspace, added).await?;
        Ok(token)
    }

    /// The most that a new token may do, whatever becomes of its member.
    async fn most(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        request: &TokenRequest,
    ) -> Result<Role, ManageError> {
        let Some(member) = &request.member else {
            return request.role.ok_or(ManageError::NoRole);
        };
        let Some(asked) = request.role else {
            return Ok(Role::Admin);
        };
        let has = self.member(caller, workspace, member).await?.role;
        if has.contains(asked) {
            return Ok(asked);
        }
        let member = member.clone();
        Err(ManageError::BeyondMember { member, has, asked })
    }

    /// All tokens that a workspace ever had, by name.
    ///
    /// # Errors
    /// [`ManageError::NotFound`], [`ManageError::Forbidden`].
    pub async fn tokens(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
    ) -> Result<Vec<TokenEntry>, ManageError> {
        let permit = AdminPermit::check(caller, workspace)?;
        let tokens = self.store().tokens(&permit).await;
        self.told(caller, workspace, tokens).await
    }

    /// Revokes a token. From now on nobody is let in with it, by any process.
    ///
    /// # Errors
    /// [`ManageError::NotFound`], [`ManageError::Forbidden`].
    pub async fn revoke_token(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        token: &TokenName,
    ) -> Result<(), ManageError> {
        let permit = AdminPermit::check(caller, workspace)?;
        let revoked = self
            .store()
            .revoke_token(&permit, token, Timestamp::now())
            .await;
        self.told(caller, workspace, revoked).await
    }

    /// Who bears this token, or why it is good for nothing.
    ///
    /// # Errors
    /// [`ManageError::Store`].
    pub async fn bearer(&self, token: &Token) -> Result<Bearer, ManageError> {
        let (digest, now) = (token.digest(), Timestamp::now());
        let Some(entry) = self.store().token(&digest).await? else {
            return Ok(Bearer::Refused {
                why: TokenRefusal::Unknown,
                token: None,
            });
        };
        if let Some(why) = entry.refusal(now) {
            let token = Some(entry);
            return Ok(Bearer::Refused { why, token });
        }
        if is_to_be_noted(entry.last_used_at, now)
            && let Err(error) = self.store().touch_token(&digest, now).await
        {
            tracing::warn!(token = %entry.name, "the use of a token is not noted: {error}");
        }
        Ok(Bearer::Known(entry))
    }
}

fn is_to_be_noted(last: Option<Timestamp>, now: Timestamp) -> bool {
    last.is_none_or(|last| now.duration_since(last).unsigned_abs() >= USE_NOTED)
}

pub(crate) fn generated() -> Result<Token, ManageError> {
    let mut bytes = Zeroizing::new([0; RANDOM_BYTES]);
    getrandom::fill(bytes.as_mut_slice()).map_err(ManageError::NoRandomness)?;
    Ok(Token::of(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "two tokens of this test are compared"
    )]
    fn a_token_is_random() {
        let (one, other) = (generated().unwrap(), generated().unwrap());
        assert_ne!(one.expose(), other.expose());
    }
}
