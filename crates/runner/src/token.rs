//! A token: what callers of the API show. Made of 32 random bytes, told once, and kept as a digest.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use lockstep_secret::Secret;
use lockstep_step::Digest;

/// What every token begins with: scanners for lost secrets find it by that.
const PREFIX: &str = "lsk_";
/// As many as a key has: it is not guessed, so a digest without salt and stretching keeps it.
pub(crate) const RANDOM_BYTES: usize = 32;
/// The prefix, and 32 bytes in base64 without padding.
const TOKEN_BYTES: usize = PREFIX.len() + 43;

/// A token in clear. Whoever made it shows it once.
pub struct Token(Secret);

/// A text that is no token.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a token: expected `{PREFIX}` and 43 characters")]
pub struct InvalidToken;

impl Token {
    /// The token of these bytes, which are to be random.
    pub(crate) fn of(bytes: &[u8; RANDOM_BYTES]) -> Self {
        let mut text = String::with_capacity(TOKEN_BYTES);
        text.push_str(PREFIX);
        URL_SAFE_NO_PAD.encode_string(bytes, &mut text);
        Self(Secret::new(text))
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
        Digest::of(self.0.expose().as_bytes())
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
    fn a_token_shows_itself_to_nobody_who_debugs() {
        let one = Token::of(&[7; RANDOM_BYTES]);
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
