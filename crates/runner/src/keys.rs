//! Key-encryption keys: which there are, a new one before the others, and an old one gone.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::task;
use tracing::Instrument as _;

use lockstep_step::Caller;
use lockstep_store::{KekEntry, StoreError};
use lockstep_vault::{KekId, KeyError, KeyPermit, Keyring, Vault};

use crate::error::ManageError;
use crate::runner::Runner;

/// The key-encryption keys that are at hand, and those that the store knows.
#[derive(Clone, Debug)]
pub struct KeyOverview {
    /// Where they come from; `None` if none is at hand.
    pub source: Option<KeysFrom>,
    /// The primary first, then the others on the ring, then those that are not at hand.
    pub keys: Vec<KeyEntry>,
    /// Why none is at hand.
    pub locked: Option<Arc<KeyError>>,
}

/// Where key-encryption keys come from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeysFrom {
    /// A key file, which can be changed.
    KeyFile,
    /// A text that is given to each process.
    Text,
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
    /// How many records they wrap: keys of workspaces.
    pub records_to_rewrap: u64,
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
    /// All key-encryption keys, as a process finds them that starts now: a key file that was read is read again. A ring that
    /// cannot be used is told, not an error: the store's part is there all the same.
    ///
    /// # Errors
    /// [`ManageError::Forbidden`], [`ManageError::Store`].
    pub async fn keys(&self, caller: &Caller) -> Result<KeyOverview, ManageError> {
        let permit = KeyPermit::check(caller)?;
        let ring = self.with_key_file(&permit, Vault::given).await?;
        let known = self.store().keks().await?;
        Ok(match ring {
            Ok(ring) => KeyOverview {
                source: Some(KeysFrom::of(&ring)),
                keys: entries(Some(&ring), &known),
                locked: None,
            },
            Err(reason) => KeyOverview {
                source: None,
                keys: entries(None, &known),
                locked: Some(reason),
            },
        })
    }

    /// Puts a new key before those on the ring: in the key file that it was read from or, with the others, in a new one. It
    /// goes on if whoever asked goes away.
    ///
    /// # Errors
    /// [`ManageError::Locked`] if there is no ring, [`ManageError::Key`] if its file stays as it is;
    /// [`ManageError::NotRemembered`] if the file has the new key, and the store could not be told;
    /// [`ManageError::Store`], [`ManageError::Forbidden`].
    pub async fn rotate_key(
        &self,
        caller: &Caller,
        into: Option<NewKeyFile>,
    ) -> Result<KeyRotated, ManageError> {
        let permit = KeyPermit::check(caller)?;
        let runner = self.clone();
        self.to_its_end(async move { runner.rotate(permit, into).await })
            .await
    }

    /// Retires a key that wraps nothing and is not the primary: it may wrap nothing any more, and is taken off the key
    /// file. A backup of the database from before still needs it. It goes on if whoever asked goes away.
    ///
    /// # Errors
    /// The store's `Wraps` while it wraps something, [`ManageError::Key`] for the primary and for a file that stays as it
    /// is, [`ManageError::Locked`], [`ManageError::NotFound`], [`ManageError::Forbidden`].
    pub async fn retire_key(&self, caller: &Caller, id: KekId) -> Result<KeyRetired, ManageError> {
        let permit = KeyPermit::check(caller)?;
        let runner = self.clone();
        self.to_its_end(async move { runner.retire(permit, id).await })
            .await
    }

    async fn rotate(
        &self,
        permit: KeyPermit,
        into: Option<NewKeyFile>,
    ) -> Result<KeyRotated, ManageError> {
        self.parts.vault.ring().map_err(ManageError::Locked)?;
        // A new key wraps nothing yet.
        let known = self.store().keks().await?;
        let records_to_rewrap = known.iter().map(|kek| kek.wrapped_keys).sum();
        let rotated = self.with_key_file(&permit, move |vault, permit| match &into {
            Some(NewKeyFile { path, data }) => vault.rotate_into(permit, path, data),
            None => vault.rotate(permit),
        });
        let ring = rotated.await??;
        let primary = ring.primary().id();
        let caller = permit.caller();
        tracing::info!(caller = caller.name, key = %primary, "a new key is the primary");
        self.store()
            .add_made_kek(&permit, &ring.primary().check(), Timestamp::now())
            .await
            .map_err(|source| ManageError::NotRemembered {
                kek: primary,
                source,
            })?;
        let kept = ring.ids().into_iter().filter(|id| *id != primary).collect();
        Ok(KeyRotated {
            primary,
            kept,
            records_to_rewrap,
        })
    }

    async fn retire(&self, permit: KeyPermit, id: KekId) -> Result<KeyRetired, ManageError> {
        self.parts.vault.ring().map_err(ManageError::Locked)?;
        // Another process may have rotated: which one is the primary is what the file says now.
        let ring = self.with_key_file(&permit, Vault::given).await??;
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
        let caller = permit.caller();
        tracing::info!(caller = caller.name, key = %id, "a key is retired");
        let was = match (ring.holds(id), KeysFrom::of(&ring)) {
            (false, _) => KeyWas::Gone,
            (true, KeysFrom::Text) => KeyWas::InText,
            (true, KeysFrom::KeyFile) => {
                self.with_key_file(&permit, move |vault, permit| vault.retire(permit, id))
                    .await??;
                KeyWas::InKeyFile
            }
        };
        Ok(KeyRetired { id, was })
    }

    /// A change of the key file and of the store belong together, whoever waits for them.
    async fn to_its_end<T: Send + 'static>(
        &self,
        change: impl Future<Output = Result<T, ManageError>> + Send + 'static,
    ) -> Result<T, ManageError> {
        let changed = self.parts.runs.spawn(change.in_current_span()).await;
        changed.map_err(|error| ManageError::Store(StoreError::Failed(Box::new(error))))?
    }

    /// Files are read and written on a thread that may wait.
    async fn with_key_file(
        &self,
        permit: &KeyPermit,
        work: impl FnOnce(&Vault, &KeyPermit) -> Result<Arc<Keyring>, Arc<KeyError>> + Send + 'static,
    ) -> Result<Result<Arc<Keyring>, Arc<KeyError>>, ManageError> {
        let (vault, permit) = (Arc::clone(&self.parts.vault), permit.clone());
        task::spawn_blocking(move || work(&vault, &permit))
            .await
            .map_err(|error| ManageError::Store(StoreError::Failed(Box::new(error))))
    }
}

// === impl KeysFrom ===

impl KeysFrom {
    /// The word of the API and the terminal.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::KeyFile => "key_file",
            Self::Text => "environment",
        }
    }

    fn of(ring: &Keyring) -> Self {
        if ring.is_from_file() {
            Self::KeyFile
        } else {
            Self::Text
        }
    }
}

// === impl KeyState ===

impl KeyState {
    /// Every state.
    pub const ALL: [Self; 5] = [
        Self::Primary,
        Self::Opens,
        Self::Unused,
        Self::Unknown,
        Self::Retired,
    ];

    /// The word of the API and the terminal.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Opens => "opens",
            Self::Unused => "unused",
            Self::Unknown => "unknown",
            Self::Retired => "retired",
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
