//! The vault's grants, as the sandbox asks for them.

use lockstep_sandbox::{Credentials, Handling, Reveal, RevealError};
use lockstep_step::{CredentialKey, DenialReason};
use lockstep_vault::{Grants, Revealed};

/// The grants of one run.
pub(crate) struct Granted(pub(crate) Grants);

impl Credentials for Granted {
    fn reveal(&self, key: &CredentialKey) -> Result<Reveal, RevealError> {
        self.0.reveal(key).map(reveal).map_err(not_revealed)
    }

    fn open_sealed(&self, key: &CredentialKey) -> Result<Reveal, RevealError> {
        self.0.open_for_host(key).map(reveal).map_err(not_revealed)
    }

    fn check(&self, key: &CredentialKey) -> Result<Handling, DenialReason> {
        self.0.check(key)
    }

    fn keys(&self) -> Vec<CredentialKey> {
        self.0.keys()
    }
}

fn reveal(revealed: Revealed) -> Reveal {
    Reveal {
        secret: revealed.secret,
        scope: revealed.scope,
        version: revealed.version,
    }
}

fn not_revealed(error: lockstep_vault::RevealError) -> RevealError {
    match error {
        lockstep_vault::RevealError::Denied { reason, .. } => RevealError::Denied(reason),
        lockstep_vault::RevealError::Sealed { sealing, .. } => RevealError::Sealed(sealing),
        error @ lockstep_vault::RevealError::Open { .. } => RevealError::Host(Box::new(error)),
    }
}
