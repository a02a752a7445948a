//! Key-encryption keys: which there are, a new one before the others, what they wrap wrapped anew, and an old one gone.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::task;

use lockstep_step::{Caller, WorkspaceName};
use lockstep_store::{KekEntry, RewrappedKey, StoreError, WorkspaceKeyEntry};
use lockstep_vault::{
    KekId, KeyError, KeyPermit, Keyring, OpenError, RewrapError, Rewrapper, Vault,
};

use crate::error::ManageError;
use crate::runner::Runner;

/// Keys of workspaces that are read, wrapped and written at a time: enough to share the sync of the disk, few enough
/// that a run which wants to be recorded meanwhile hardly waits.
const REWRAP_BATCH: u32 = 100;

/// Failures that a re-wrapping tells one by one. They have few causes, and each is told by its key.
const MAX_FAILURES_TOLD: usize = 20;

/// The key-encryption keys that are at hand, and those that the store knows.
#[derive(Clone, Debug)]
pub struct KeyOverview {
    /// The primary first, then the others on the ring, then those that are not at hand.
    pub keys: Vec<KeyEntry>,
    /// Why none is at hand.
    pub locked: Option<Arc<KeyError>>,
}

/// A key-encryption key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyEntry {
    /// Its name.
    pub id: KekId,
    /// What it does.
    pub state: KeyState,
    /// Whether it is at hand.
    pub on_ring: bool,
    /// How many records it wraps: keys of workspaces.
    pub records: u64,
    /// When the store saw it first; `None` if it never did.
    pub first_seen: Option<Timestamp>,
    /// When it was retired.
    pub retired_at: Option<Timestamp>,
    /// By whom.
    pub retired_by: Option<String>,
}

/// What a key-encryption key does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyState {
    /// It wraps what is new.
    Primary,
    /// It is kept to open what it wraps.
    Opens,
    /// It is on the ring, and nothing needs it.
    Unused,
    /// The store knows it, and it is not at hand: what it wraps cannot be opened.
    Unknown,
    /// It was retired: nothing needs it, and nothing will.
    Retired,
}

/// A key file that is to be made.
#[derive(Clone, Debug)]
pub struct NewKeyFile {
    /// Where.
    pub path: PathBuf,
    /// The data directory, which it must not be in.
    pub data: PathBuf,
}

/// A ring that has a new primary.
#[derive(Clone, Debug)]
pub struct KeyRotated {
    /// The new key.
    pub primary: KekId,
    /// The others, which open.
    pub kept: Vec<KekId>,
}

/// How far a re-wrapping is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RewrapProgress {
    /// Keys of workspaces that were wrapped anew.
    pub done: u64,
    /// How many were to be when it began. Others may be added meanwhile.
    pub total: u64,
}

/// A re-wrapping that has ended.
#[derive(Debug)]
pub struct Rewrapped {
    /// The key that wraps now.
    pub primary: KekId,
    /// How many keys of workspaces were wrapped anew.
    pub rewrapped: u64,
    /// How many stayed as they were.
    pub failed: u64,
    /// The first of those.
    pub failures: Vec<RewrapFailure>,
}

/// The key of a workspace that stayed as it was.
#[derive(Debug)]
pub struct RewrapFailure {
    /// The workspace.
    pub workspace: WorkspaceName,
    /// The key-encryption key that it is counted under.
    pub kek: KekId,
    /// Why.
    pub error: RewrapError,
}

/// A key that was retired.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct KeyRetired {
    /// The key.
    pub id: KekId,
    /// Where it was at hand.
    pub was: KeyWas,
}

/// Where a key was at hand that was retired.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyWas {
    /// In the key file, which does not hold it any more.
    InKeyFile,
    /// In a text that is given to each process. Who keeps that takes it out.
    InText,
    /// Nowhere.
    Gone,
}

impl Runner {
    /// All key-encryption keys. A ring that cannot be used is told, not an error: the store's part is there all the same.
    ///
    /// # Errors
    /// [`ManageError::Forbidden`], [`ManageError::Store`].
    pub async fn keys(&self, caller: &Caller) -> Result<KeyOverview, ManageError> {
        KeyPermit::check(caller)?;
        let known = self.store().keks().await?;
        match self.parts.vault.ring() {
            Ok(ring) => Ok(KeyOverview {
                keys: entries(Some(&ring), &known),
                locked: None,
            }),
            Err(OpenError::Locked(reason)) => Ok(KeyOverview {
                keys: entries(None, &known),
                locked: Some(reason),
            }),
            Err(error) => Err(ManageError::Locked(error)),
        }
    }

    /// Puts a new key before those on the ring: in the key file that it was read from or, with the others, in a new one.
    ///
    /// # Errors
    /// [`ManageError::Key`] if there is no ring, or its file stays as it is; [`ManageError::NotRemembered`] if the file
    /// has the new key, and the store could not be told; [`ManageError::Forbidden`].
    pub async fn rotate_key(
        &self,
        caller: &Caller,
        into: Option<NewKeyFile>,
    ) -> Result<KeyRotated, ManageError> {
        let permit = KeyPermit::check(caller)?;
        let ring = self
            .change_keys(permit, move |vault, permit| match &into {
                Some(NewKeyFile { path, data }) => vault.rotate_into(permit, path, data),
                None => vault.rotate(permit),
            })
            .await?;
        let primary = ring.primary().id();
        tracing::info!(caller = caller.name, key = %primary, "a new key is the primary");
        self.store()
            .add_kek(&ring.primary().check(), Timestamp::now())
            .await
            .map_err(|source| ManageError::NotRemembered {
                kek: primary,
                source,
            })?;
        let kept = ring.ids().into_iter().filter(|id| *id != primary).collect();
        Ok(KeyRotated { primary, kept })
    }

    /// Wraps the key of each workspace anew that another key than the primary wraps. No credential is touched.
    ///
    /// It goes in batches, each of which is there or not: who breaks it off calls it again. Runs and credentials that
    /// are set meanwhile notice nothing.
    ///
    /// # Errors
    /// [`ManageError::Key`] if there is no ring, [`ManageError::Store`], [`ManageError::Forbidden`]. The key of a
    /// workspace that cannot be unwrapped stops none of the others.
    pub async fn rewrap_keys(
        &self,
        caller: &Caller,
        mut progress: impl FnMut(RewrapProgress) + Send,
    ) -> Result<Rewrapped, ManageError> {
        let permit = KeyPermit::check(caller)?;
        let rewrapper = self.parts.vault.rewrapper(&permit)?;
        let primary = rewrapper.primary();
        // The store knows the key-encryption key before anything is wrapped with it.
        self.store()
            .add_kek(&rewrapper.check(), Timestamp::now())
            .await?;
        let total = self.wrapped_by_others(primary).await?;
        let mut told = |done| progress(RewrapProgress { done, total });
        let mut all = Rewrapped::none(primary);
        // Another process may put a workspace's first key under an old one while we are past it.
        loop {
            let pass = self
                .rewrap_once(&permit, &rewrapper, all.rewrapped, &mut told)
                .await?;
            let is_done = pass.rewrapped == 0;
            all = Rewrapped {
                rewrapped: all.rewrapped + pass.rewrapped,
                ..pass
            };
            if is_done {
                break;
            }
        }
        tracing::info!(caller = caller.name, key = %primary, rewrapped = all.rewrapped, "keys of workspaces are wrapped anew");
        Ok(all)
    }

    /// Retires a key that wraps nothing and is not the primary: it may wrap nothing any more, and is taken off the key
    /// file. A backup of the database from before still needs it.
    ///
    /// # Errors
    /// The store's `Wraps` while it wraps something, [`ManageError::Key`] for the primary and for a file that stays as it
    /// is, [`ManageError::NotFound`], [`ManageError::Forbidden`].
    pub async fn retire_key(&self, caller: &Caller, id: KekId) -> Result<KeyRetired, ManageError> {
        let permit = KeyPermit::check(caller)?;
        let ring = self.parts.vault.ring().map_err(ManageError::Locked)?;
        if ring.primary().id() == id {
            return Err(ManageError::Key(Arc::new(KeyError::Primary { id })));
        }
        // One that the store never saw is made known, so that it stays retired for all who have it.
        if let Some(check) = ring.check(id) {
            match self.store().add_kek(&check, Timestamp::now()).await {
                Ok(()) | Err(StoreError::Retired(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.store()
            .retire_kek(&permit, id, Timestamp::now())
            .await?;
        tracing::info!(caller = caller.name, key = %id, "a key is retired");
        let was = match (ring.holds(id), ring.is_from_file()) {
            (false, _) => KeyWas::Gone,
            (true, false) => KeyWas::InText,
            (true, true) => {
                self.change_keys(permit, move |vault, permit| vault.retire(permit, id))
                    .await?;
                KeyWas::InKeyFile
            }
        };
        Ok(KeyRetired { id, was })
    }

    /// Files are written on a thread that may wait.
    async fn change_keys(
        &self,
        permit: KeyPermit,
        change: impl FnOnce(&Vault, &KeyPermit) -> Result<Arc<Keyring>, Arc<KeyError>> + Send + 'static,
    ) -> Result<Arc<Keyring>, ManageError> {
        let vault = Arc::clone(&self.parts.vault);
        let changed = task::spawn_blocking(move || change(&vault, &permit))
            .await
            .map_err(|error| ManageError::Store(StoreError::Failed(Box::new(error))))?;
        Ok(changed?)
    }

    async fn wrapped_by_others(&self, primary: KekId) -> Result<u64, StoreError> {
        let known = self.store().keks().await?;
        let others = known.iter().filter(|kek| kek.check.kek != primary);
        Ok(others.map(|kek| kek.wrapped_keys).sum())
    }

    /// Goes through the workspaces once, from the first name to the last.
    async fn rewrap_once(
        &self,
        permit: &KeyPermit,
        rewrapper: &Rewrapper,
        before: u64,
        told: &mut (impl FnMut(u64) + Send),
    ) -> Result<Rewrapped, ManageError> {
        let (store, primary) = (self.store(), rewrapper.primary());
        let mut pass = Rewrapped::none(primary);
        let mut after: Option<WorkspaceName> = None;
        loop {
            let page = store
                .workspace_keys_not_under(permit, primary, after.as_ref(), REWRAP_BATCH)
                .await?;
            let Some(last) = page.last() else {
                return Ok(pass);
            };
            after = Some(last.workspace.clone());
            let batch = pass.rewrap_all(page, rewrapper);
            pass.rewrapped += store
                .replace_workspace_keys(permit, batch, Timestamp::now())
                .await?;
            told(before + pass.rewrapped);
        }
    }
}

// === impl Rewrapped ===

impl Rewrapped {
    fn none(primary: KekId) -> Self {
        Self {
            primary,
            rewrapped: 0,
            failed: 0,
            failures: Vec::new(),
        }
    }

    /// Those of a page that can be wrapped anew; the others are noted.
    fn rewrap_all(
        &mut self,
        page: Vec<WorkspaceKeyEntry>,
        rewrapper: &Rewrapper,
    ) -> Vec<RewrappedKey> {
        let mut batch = Vec::with_capacity(page.len());
        for WorkspaceKeyEntry {
            workspace,
            kek,
            key,
        } in page
        {
            let rewrapped = key
                .map_err(|error| OpenError::from(error).into())
                .and_then(|read| Ok((rewrapper.rewrap(&workspace, &read)?, read)));
            match rewrapped {
                Ok((rewrapped, read)) => batch.push(RewrappedKey {
                    workspace,
                    read,
                    rewrapped,
                }),
                Err(error) => self.note(RewrapFailure {
                    workspace,
                    kek,
                    error,
                }),
            }
        }
        batch
    }

    fn note(&mut self, failure: RewrapFailure) {
        self.failed += 1;
        if self.failures.len() < MAX_FAILURES_TOLD {
            self.failures.push(failure);
        }
    }
}

fn entries(ring: Option<&Keyring>, known: &[KekEntry]) -> Vec<KeyEntry> {
    let on_ring = ring.map(Keyring::ids).unwrap_or_default();
    let primary = on_ring.first().copied();
    let elsewhere = known.iter().map(|kek| kek.check.kek);
    let ids = on_ring
        .iter()
        .copied()
        .chain(elsewhere.filter(|id| !on_ring.contains(id)));
    ids.map(|id| {
        let known = known.iter().find(|kek| kek.check.kek == id);
        let (on_ring, is_primary) = (on_ring.contains(&id), primary == Some(id));
        let records = known.map_or(0, |kek| kek.wrapped_keys);
        let retired_at = known.and_then(|kek| kek.retired_at);
        let state = match (retired_at, is_primary, on_ring) {
            (Some(_), ..) => KeyState::Retired,
            (None, true, _) => KeyState::Primary,
            (None, false, true) if records > 0 => KeyState::Opens,
            (None, false, true) => KeyState::Unused,
            (None, false, false) => KeyState::Unknown,
        };
        KeyEntry {
            id,
            state,
            on_ring,
            records,
            first_seen: known.map(|kek| kek.added_at),
            retired_at,
            retired_by: known.and_then(|kek| kek.retired_by.clone()),
        }
    })
    .collect()
}
