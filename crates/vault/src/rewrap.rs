//! Re-wrapping: the key of a workspace is unwrapped with one key-encryption key and wrapped with the primary.
//!
//! Nothing here takes a sealed credential, so no data key and no value can be opened by it.

use std::sync::Arc;

use ctutils::CtEq;

use lockstep_step::WorkspaceName;

use crate::envelope::{OpenError, WrappedWorkspaceKey};
use crate::kek::{KekCheck, KekId, NoRandomness};
use crate::keyring::Keyring;

/// Wraps keys of workspaces with one key-encryption key, which stays the same however the ring is rotated meanwhile.
#[derive(Debug)]
pub struct Rewrapper {
    ring: Arc<Keyring>,
}

/// Why the key of a workspace stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum RewrapError {
    /// It cannot be unwrapped.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It cannot be wrapped.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// What was wrapped is not what was unwrapped: the memory of this machine fails.
    #[error("the wrapped key does not read back")]
    ReadBack,
}

impl Rewrapper {
    pub(crate) fn new(ring: Arc<Keyring>) -> Self {
        Self { ring }
    }

    /// The name of the key that it wraps with.
    #[must_use]
    pub fn primary(&self) -> KekId {
        self.ring.primary().id()
    }

    /// What the store must know before anything is wrapped with it.
    #[must_use]
    pub fn check(&self) -> KekCheck {
        self.ring.primary().check()
    }

    /// The same key of the workspace, wrapped with the primary. It is opened once more before it is handed out: the
    /// old record may be let go.
    ///
    /// # Errors
    /// [`RewrapError`].
    #[expect(
        clippy::disallowed_methods,
        reason = "a key of a workspace is compared with itself, in constant time"
    )]
    pub fn rewrap(
        &self,
        workspace: &WorkspaceName,
        wrapped: &WrappedWorkspaceKey,
    ) -> Result<WrappedWorkspaceKey, RewrapError> {
        let key = wrapped.unwrap(&self.ring, workspace)?;
        let rewrapped =
            WrappedWorkspaceKey::wrap(self.ring.primary(), wrapped.id(), workspace, &key)?;
        let again = rewrapped.unwrap(&self.ring, workspace)?;
        if !key.expose().ct_eq(again.expose()).to_bool() {
            return Err(RewrapError::ReadBack);
        }
        Ok(rewrapped)
    }
}
