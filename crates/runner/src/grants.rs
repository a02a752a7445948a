//! The vault's grants, as the sandbox asks for them.

use std::sync::Arc;

use lockstep_sandbox::{Credentials, Handling, Purpose, Reveal, RevealError};
use lockstep_step::{CredentialKey, CredentialUse, DenialReason, Denied};
use lockstep_vault::{Grants, Revealed};

use crate::uses::Uses;

/// The grants of one run, and what is done with them.
pub(crate) struct Granted {
    pub(crate) grants: Grants,
    pub(crate) uses: Arc<Uses>,
}

impl Credentials for Granted {
    fn reveal(&self, key: &CredentialKey) -> Result<Reveal, RevealError> {
        self.grants.reveal(key).map(reveal).map_err(not_revealed)
    }

    fn open_sealed(&self, key: &CredentialKey) -> Result<Reveal, RevealError> {
        self.grants
            .open_for_host(key)
            .map(reveal)
            .map_err(not_revealed)
    }

    fn check(&self, key: &CredentialKey) -> Result<Handling, DenialReason> {
        self.grants.check(key)
    }

    fn keys(&self) -> Vec<CredentialKey> {
        self.grants.keys()
    }

    fn used(&self, credential: &CredentialUse, purpose: Purpose<'_>) {
        self.uses.used(credential, purpose);
    }

    fn denied(&self, denied: &Denied) {
        self.uses.denied(denied);
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
