//! The vault: the keys at hand, and what is done with them.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use lockstep_secret::{KeyMaterial, Secret};
use lockstep_step::{CredentialKey, Digest, WorkspaceName};

use crate::envelope::{
    CredentialVersion, OpenError, SealError, SealedCredential, WorkspaceKeyId, WrappedWorkspaceKey,
};
use crate::head_seal::{BackupSeal, HeadSeal, HostHeadSeal, kek_of};
use crate::kek::{Kek, KekId};
use crate::key_file::{KeyFile, create_key_file};
use crate::keyring::{KeyError, Keyring};
use crate::permit::{AdminPermit, KeyPermit, RunPermit};
use crate::resolve::{Chosen, Grants, OtherWorkspace};
use crate::rewrap::Rewrapper;
use crate::snapshot::WorkspaceSnapshot;

/// How many keys of workspaces are kept unwrapped: some megabytes. Over it all are let go, and unwrapped again when
/// they are asked for.
const MAX_UNWRAPPED_KEYS: usize = 10_000;

/// The keys at hand. When it is dropped, all of them are wiped.
///
/// A ring that was read from a key file follows it: when a key is needed that is not on the ring, and before a new
/// workspace gets its key, a file that was changed is read again. Keys that were taken off the file stay here for
/// opening, because runs that have begun may still hold what they wrap.
#[derive(Debug)]
pub struct Vault {
    ring: Result<Mutex<Arc<Keyring>>, Arc<KeyError>>,
    /// Held by who changes the key file, so that others need not wait for the disk to have the ring.
    changing: Mutex<()>,
    unwrapped: Mutex<HashMap<(WorkspaceName, WorkspaceKeyId), Arc<KeyMaterial>>>,
}

impl Vault {
    /// A vault that wraps with the primary key of `ring`, and unwraps with any.
    #[must_use]
    pub fn new(ring: Keyring) -> Self {
        Self {
            ring: Ok(Mutex::new(Arc::new(ring))),
            changing: Mutex::default(),
            unwrapped: Mutex::default(),
        }
    }

    /// A vault without keys: all that needs one fails with [`OpenError::Locked`] for this reason, and only that.
    #[must_use]
    pub fn locked(reason: KeyError) -> Self {
        Self {
            ring: Err(Arc::new(reason)),
            changing: Mutex::default(),
            unwrapped: Mutex::default(),
        }
    }

    /// The key-encryption keys.
    ///
    /// # Errors
    /// Why there are none.
    pub fn ring(&self) -> Result<Arc<Keyring>, OpenError> {
        Ok(Arc::clone(&*self.held().map_err(OpenError::Locked)?))
    }

    /// A new key for the permit's workspace, for its first credential.
    ///
    /// # Errors
    /// [`SealError::WorkspaceKey`] if the vault is locked or its key file cannot be read any more,
    /// [`SealError::NoRandomness`].
    pub fn create_workspace_key(
        &self,
        permit: &AdminPermit,
    ) -> Result<WrappedWorkspaceKey, SealError> {
        let ring = self
            .refreshed()
            .map_err(|reason| SealError::WorkspaceKey(OpenError::Locked(reason)))?;
        let wrapped = WrappedWorkspaceKey::create(ring.primary(), permit.workspace())?;
        Ok(wrapped)
    }

    /// The keys as they are given to a process that starts now: those of the key file, without what was taken off it and
    /// is kept here for opening.
    ///
    /// # Errors
    /// Why there are no keys, or why their file cannot be read any more.
    pub fn given(&self, _: &KeyPermit) -> Result<Arc<Keyring>, Arc<KeyError>> {
        let ring = Arc::clone(&*self.held()?);
        match ring.file() {
            Some(file) => Ok(Arc::new(file.open_again()?)),
            None => Ok(ring),
        }
    }

    /// Makes a new key the primary, here and in the key file, whose ring this gives. The others are kept for opening.
    ///
    /// # Errors
    /// Why there are no keys, or why the file stays as it is.
    pub fn rotate(&self, _: &KeyPermit) -> Result<Arc<Keyring>, Arc<KeyError>> {
        self.change(|ring| key_file(ring)?.rotate())
    }

    /// As [`Vault::rotate`], but writes the new ring to a key file that does not exist yet. From now on this vault
    /// follows that one.
    ///
    /// # Errors
    /// Why there are no keys, or why there is no such file.
    pub fn rotate_into(
        &self,
        _: &KeyPermit,
        path: &Path,
        data: &Path,
    ) -> Result<Arc<Keyring>, Arc<KeyError>> {
        self.change(|ring| {
            let primary = Kek::generate()?;
            // Not what is kept here of a file besides.
            let led = match ring.file() {
                Some(file) => file.open_again()?.led_by(primary)?,
                None => ring.led_by(primary)?,
            };
            create_key_file(path, data, &led)
        })
    }

    /// Takes a key that only opens off the key file, whose ring this gives. Nobody may need it any more.
    ///
    /// # Errors
    /// Why there are no keys, or why the file stays as it is; [`KeyError::Primary`].
    pub fn retire(&self, _: &KeyPermit, kek: KekId) -> Result<Arc<Keyring>, Arc<KeyError>> {
        self.change(|ring| key_file(ring)?.remove(kek))
    }

    /// What wraps keys of workspaces anew, with the primary.
    ///
    /// # Errors
    /// Why there are no keys.
    pub fn rewrapper(&self, _: &KeyPermit) -> Result<Rewrapper, Arc<KeyError>> {
        self.refreshed().map(Rewrapper::new)
    }

    /// Seals `value` as a version of a credential in the permit's workspace.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn seal(
        &self,
        permit: &AdminPermit,
        workspace_key: &WrappedWorkspaceKey,
        version: CredentialVersion<'_>,
        value: &Secret,
    ) -> Result<SealedCredential, SealError> {
        let workspace = permit.workspace();
        let unwrapped = self
            .unwrap(workspace_key, workspace)
            .map_err(SealError::WorkspaceKey)?;
        SealedCredential::seal(&unwrapped, workspace_key.id(), workspace, version, value)
    }

    /// Seals the head of a workspace's audit chain: only who has the workspace's key can say that `sequence` entries were
    /// written, of which the last has `hash`.
    ///
    /// # Errors
    /// [`OpenError`] if the workspace's key cannot be unwrapped.
    pub fn seal_head(
        &self,
        workspace: &WorkspaceName,
        workspace_key: &WrappedWorkspaceKey,
        sequence: u64,
        hash: &Digest,
    ) -> Result<HeadSeal, OpenError> {
        let unwrapped = self.unwrap(workspace_key, workspace)?;
        let id = workspace_key.id();
        Ok(HeadSeal::new(&unwrapped, &id, workspace, sequence, hash))
    }

    /// Seals the head of the host's audit chain, with a key that is derived from the primary.
    ///
    /// # Errors
    /// [`OpenError::Locked`].
    pub fn seal_host_head(&self, sequence: u64, hash: &Digest) -> Result<HostHeadSeal, OpenError> {
        // One that is retired meanwhile would leave a seal that nobody can check.
        let ring = self.refreshed().map_err(OpenError::Locked)?;
        Ok(HostHeadSeal::new(ring.primary(), sequence, hash))
    }

    /// Whether `kept` is the seal of this head of the host's chain, under the key that it names. What names none is none.
    ///
    /// # Errors
    /// [`OpenError::UnknownKek`] if that key is not at hand; [`OpenError::Locked`], [`OpenError::KeyFile`].
    pub fn is_host_head(
        &self,
        kept: &[u8],
        sequence: u64,
        hash: &Digest,
    ) -> Result<bool, OpenError> {
        self.with_maker(kept, |kek| HostHeadSeal::new(kek, sequence, hash).is(kept))
    }

    /// Seals a backup of so many bytes, with a key that is derived from the primary.
    ///
    /// # Errors
    /// [`OpenError::Locked`].
    pub fn seal_backup(&self, bytes: u64, digest: &Digest) -> Result<BackupSeal, OpenError> {
        let ring = self.refreshed().map_err(OpenError::Locked)?;
        Ok(BackupSeal::new(ring.primary(), bytes, digest))
    }

    /// Whether `kept` is the seal of this backup, under the key that it names. What names none is none.
    ///
    /// # Errors
    /// [`OpenError::UnknownKek`] if that key is not at hand; [`OpenError::Locked`], [`OpenError::KeyFile`].
    pub fn is_backup(&self, kept: &[u8], bytes: u64, digest: &Digest) -> Result<bool, OpenError> {
        self.with_maker(kept, |kek| BackupSeal::new(kek, bytes, digest).is(kept))
    }

    /// Asks about a seal with the key that it names. One that names none is no seal.
    fn with_maker(&self, kept: &[u8], is_it: impl FnOnce(&Kek) -> bool) -> Result<bool, OpenError> {
        let Some(kek) = kek_of(kept) else {
            return Ok(false);
        };
        let mut ring = self.ring()?;
        if !ring.holds(kek) {
            ring = self
                .refreshed()
                .map_err(|source| OpenError::KeyFile { kek, source })?;
        }
        let held = ring.find(kek).ok_or_else(|| OpenError::UnknownKek {
            kek,
            held: ring.ids(),
        })?;
        Ok(is_it(held))
    }

    /// What a run that starts at `started_at` may use, as `snapshot` shows it. Costs the same for any number of credentials.
    ///
    /// # Errors
    /// [`OtherWorkspace`] if the permit is not for the snapshot's workspace.
    pub fn resolve(
        self: &Arc<Self>,
        permit: RunPermit,
        snapshot: Arc<WorkspaceSnapshot>,
        started_at: Timestamp,
    ) -> Result<Grants, OtherWorkspace> {
        Grants::new(Arc::clone(self), permit, snapshot, started_at)
    }

    pub(crate) fn open(
        &self,
        snapshot: &WorkspaceSnapshot,
        chosen: &Chosen<'_>,
        key: &CredentialKey,
    ) -> Result<Secret, OpenError> {
        let workspace = snapshot.workspace();
        let workspace_key = snapshot.key()?;
        let unwrapped = self.unwrap(workspace_key, workspace)?;
        let named = (&chosen.scope, key);
        chosen
            .sealed
            .open(&unwrapped, workspace_key.id(), workspace, named)
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
        let key = match wrapped.unwrap(&ring, workspace) {
            Err(OpenError::UnknownKek { kek, .. }) => {
                let ring = self
                    .refreshed()
                    .map_err(|source| OpenError::KeyFile { kek, source })?;
                wrapped.unwrap(&ring, workspace)
            }
            unwrapped => unwrapped,
        };
        let key = Arc::new(key?);
        if unwrapped.len() >= MAX_UNWRAPPED_KEYS {
            unwrapped.clear();
        }
        unwrapped.insert(name, Arc::clone(&key));
        Ok(key)
    }

    /// The ring, read again if its file was changed. Small files are read where the caller stands: it happens when keys
    /// are rotated.
    fn refreshed(&self) -> Result<Arc<Keyring>, Arc<KeyError>> {
        let mut ring = self.held()?;
        match ring.file() {
            Some(file) if file.has_changed() => {
                let fresh = file.open_again()?;
                Ok(follow(&mut ring, &fresh))
            }
            Some(_) | None => Ok(Arc::clone(&ring)),
        }
    }

    /// Changes the key file, follows it, and gives the ring that is in it now. What another process makes of it meanwhile is
    /// read when a key is needed.
    fn change(
        &self,
        change: impl FnOnce(&Keyring) -> Result<Keyring, KeyError>,
    ) -> Result<Arc<Keyring>, Arc<KeyError>> {
        let _turn = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let ring = Arc::clone(&*self.held()?);
        let changed = change(&ring)?;
        follow(&mut *self.held()?, &changed);
        Ok(Arc::new(changed))
    }

    fn held(&self) -> Result<MutexGuard<'_, Arc<Keyring>>, Arc<KeyError>> {
        let ring = self.ring.as_ref().map_err(Arc::clone)?;
        Ok(ring.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Puts a fresh ring in the place of the one that is held, whose keys still open.
fn follow(held: &mut Arc<Keyring>, fresh: &Keyring) -> Arc<Keyring> {
    *held = Arc::new(fresh.and_all_of(held));
    Arc::clone(held)
}

fn key_file(ring: &Keyring) -> Result<&KeyFile, KeyError> {
    ring.file().ok_or(KeyError::NoFile)
}
