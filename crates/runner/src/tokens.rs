//! Tokens: what callers of the API show. Made of 32 random bytes, told once, and kept as a digest.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;

use lockstep_secret::{Secret, Zeroizing};
use lockstep_step::{Caller, Digest, MemberName, Role, TokenName, WorkspaceName};
use lockstep_store::{NewToken, TokenEntry, TokenRefusal};
use lockstep_vault::AdminPermit;

use crate::error::ManageError;
use crate::runner::Runner;

/// What every token begins with: scanners for lost secrets find it by that.
const PREFIX: &str = "lsk_";
/// As many as a key has: it is not guessed, so a digest without salt and stretching keeps it.
const RANDOM_BYTES: usize = 32;
/// The prefix, and 32 bytes in base64 without padding.
const TOKEN_BYTES: usize = PREFIX.len() + 43;
/// Uses of a token are noted once in this time, so that not each request writes to the database.
const USE_NOTED: Duration = Duration::from_secs(60);

/// A token in clear. Whoever made it shows it once.
pub struct Token(Secret);

/// A text that is no token.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a token: expected `{PREFIX}` and 43 characters")]
pub struct InvalidToken;

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
        let token = Token::generate()?;
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

// === impl Token ===

impl Token {
    fn generate() -> Result<Self, ManageError> {
        let mut bytes = Zeroizing::new([0; RANDOM_BYTES]);
        getrandom::fill(bytes.as_mut_slice()).map_err(ManageError::NoRandomness)?;
        let mut text = String::with_capacity(TOKEN_BYTES);
        text.push_str(PREFIX);
        URL_SAFE_NO_PAD.encode_string(bytes.as_slice(), &mut text);
        Ok(Self(Secret::new(text)))
    }

    /// The token that somebody shows.
    ///
    /// # Errors
    /// [`InvalidToken`] for what cannot be one, whichever there are.
    #[expect(
        clippy::disallowed_methods,
        reason = "its first bytes are compared with those of every token"
    )]
    pub fn parse(shown: Secret) -> Result<Self, InvalidToken> {
        let is_token = shown.len() == TOKEN_BYTES && shown.expose().starts_with(PREFIX);
        if is_token {
            Ok(Self(shown))
        } else {
            Err(InvalidToken)
        }
    }

    /// The token, for the one who made it to keep.
    ///
    /// Clippy disallows it: each caller says where it goes.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "who calls this says why, as with a secret"
    )]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// By what it is recognised: the digest that is kept of it.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "it is recognised by its digest, which is all that is kept"
    )]
    pub fn digest(&self) -> Digest {
        Digest::of(self.expose().as_bytes())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[token]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "a token of this test is compared and shown again"
    )]
    fn a_token_is_random_and_shows_itself_to_nobody_who_debugs() {
        let (one, other) = (Token::generate().unwrap(), Token::generate().unwrap());
        assert_ne!(one.expose(), other.expose());
        assert_eq!(one.expose().len(), TOKEN_BYTES);
        assert_eq!(format!("{one:?}"), "[token]");
        let shown = Secret::new(one.expose().to_owned());
        assert_eq!(Token::parse(shown).unwrap().digest(), one.digest());
    }

    #[test]
    fn what_cannot_be_a_token_is_refused() {
        for text in ["", "lsk_", "lsk_short", &"x".repeat(TOKEN_BYTES)] {
            let parsed = Token::parse(Secret::new(text.to_owned()));
            assert_eq!(parsed.unwrap_err(), InvalidToken);
        }
    }
}
