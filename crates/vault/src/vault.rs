//! The vault: the keys at hand, and what is done with them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use lockstep_secret::{KeyMaterial, Secret};
use lockstep_step::{CredentialKey, Scope, WorkspaceName};

use crate::context::Place;
use crate::envelope::{
    OpenError, SealError, SealedCredential, WorkspaceKeyId, WrappedWorkspaceKey,
};
use crate::keyring::{KeyError, Keyring};
use crate::permit::{AdminPermit, RunPermit};
use crate::resolve::{Chosen, Grants, OtherWorkspace};
use crate::snapshot::WorkspaceSnapshot;

/// How many keys of workspaces are kept unwrapped: some megabytes. Over it all are let go, and unwrapped again when
/// they are asked for.
const MAX_UNWRAPPED_KEYS: usize = 10_000;

/// The keys at hand. When it is dropped, all of them are wiped.
#[derive(Debug)]
pub struct Vault {
    ring: Result<Keyring, Arc<KeyError>>,
    unwrapped: Mutex<HashMap<(WorkspaceName, WorkspaceKeyId), Arc<KeyMaterial>>>,
}

impl Vault {
    /// A vault that wraps with the primary key of `ring`, and unwraps with any.
    #[must_use]
    pub fn new(ring: Keyring) -> Self {
        Self {
            ring: Ok(ring),
            unwrapped: Mutex::default(),
        }
    }

    /// A vault without keys: all that needs one fails with [`OpenError::Locked`] for this reason, and only that.
    #[must_use]
    pub fn locked(reason: KeyError) -> Self {
        Self {
            ring: Err(Arc::new(reason)),
            unwrapped: Mutex::default(),
        }
    }

    /// The key-encryption keys.
    ///
    /// # Errors
    /// Why there are none.
    pub fn ring(&self) -> Result<&Keyring, OpenError> {
        self.ring
            .as_ref()
            .map_err(|reason| OpenError::Locked(Arc::clone(reason)))
    }

    /// A new key for the permit's workspace, for its first credential.
    ///
    /// # Errors
    /// [`SealError::WorkspaceKey`] if the vault is locked, [`SealError::NoRandomness`].
    pub fn create_workspace_key(
        &self,
        permit: &AdminPermit,
    ) -> Result<WrappedWorkspaceKey, SealError> {
        let ring = self.ring().map_err(SealError::WorkspaceKey)?;
        let wrapped = WrappedWorkspaceKey::create(ring.primary(), permit.workspace())?;
        Ok(wrapped)
    }

    /// Seals `value` as version `version` of a credential in the permit's workspace.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn seal(
        &self,
        permit: &AdminPermit,
        workspace_key: &WrappedWorkspaceKey,
        scope: &Scope,
        key: &CredentialKey,
        version: u64,
        value: &Secret,
    ) -> Result<SealedCredential, SealError> {
        let place = Place {
            workspace: permit.workspace(),
            scope,
            key,
            version,
        };
        let unwrapped = self
            .unwrap(workspace_key, permit.workspace())
            .map_err(SealError::WorkspaceKey)?;
        SealedCredential::seal(&unwrapped, workspace_key.id(), place, value)
    }

    /// What a run may use, as `snapshot` shows it. Costs the same for any number of credentials.
    ///
    /// # Errors
    /// [`OtherWorkspace`] if the permit is not for the snapshot's workspace.
    pub fn resolve(
        self: &Arc<Self>,
        permit: RunPermit,
        snapshot: Arc<WorkspaceSnapshot>,
    ) -> Result<Grants, OtherWorkspace> {
        Grants::new(Arc::clone(self), permit, snapshot)
    }

    pub(crate) fn open(
        &self,
        snapshot: &WorkspaceSnapshot,
        chosen: &Chosen<'_>,
        key: &CredentialKey,
    ) -> Result<Secret, OpenError> {
        let place = Place {
            workspace: snapshot.workspace(),
            scope: &chosen.scope,
            key,
            version: chosen.sealed.version(),
        };
        let workspace_key = snapshot.key()?;
        let unwrapped = self.unwrap(workspace_key, snapshot.workspace())?;
        chosen.sealed.open(&unwrapped, workspace_key.id(), place)
    }

    /// The workspace's key, unwrapped when it is first asked for.
    fn unwrap(
        &self,
        wrapped: &WrappedWorkspaceKey,
        workspace: &WorkspaceName,
    ) -> Result<Arc<KeyMaterial>, OpenError> {
        let ring = self.ring()?;
        let mut unwrapped = self
            .unwrapped
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let name = (workspace.clone(), wrapped.id());
        if let Some(key) = unwrapped.get(&name) {
            return Ok(Arc::clone(key));
        }
        let key = Arc::new(wrapped.unwrap(ring, workspace)?);
        if unwrapped.len() >= MAX_UNWRAPPED_KEYS {
            unwrapped.clear();
        }
        unwrapped.insert(name, Arc::clone(&key));
        Ok(key)
    }
}
