//! The vault's grants, as the sandbox asks for them.

use lockstep_sandbox::{Credentials, Handling, Reveal, RevealError};
use lockstep_step::{CredentialKey, DenialReason};
use lockstep_vault::Grants;

/// The grants of one run.
pub(crate) struct Granted(pub(crate) Grants);

impl Credentials for Granted {
    fn reveal(&self, key: &CredentialKey) -> Result<Reveal, RevealError> {
        // Nothing can attach a sealed credential yet, and a guest never holds its value.
        if let Ok(Handling::Sealed(_)) = self.0.check(key) {
            return Err(RevealError::Host("the credential is sealed".into()));
        }
        match self.0.reveal(key) {
            Ok(revealed) => Ok(Reveal {
                secret: revealed.secret,
                scope: revealed.scope,
                version: revealed.version,
            }),
            Err(lockstep_vault::RevealError::Denied { reason, .. }) => {
                Err(RevealError::Denied(reason))
            }
            Err(error @ lockstep_vault::RevealError::Open { .. }) => {
                Err(RevealError::Host(Box::new(error)))
            }
        }
    }

    fn open_sealed(&self, key: &CredentialKey) -> Result<Reveal, RevealError> {
        self.reveal(key)
    }

    fn check(&self, key: &CredentialKey) -> Result<Handling, DenialReason> {
        self.0.check(key)
    }

    fn keys(&self) -> Vec<CredentialKey> {
        self.0.keys()
    }
}
