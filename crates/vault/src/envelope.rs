//! Sealing and opening: a workspace's key under a key-encryption key, and a value under a data key of its own.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use lockstep_secret::{KeyMaterial, Secret, Zeroizing};
use lockstep_step::{CredentialKey, Handling, MAX_VALUE_BYTES, Scope, WorkspaceName};

use crate::context::{Context, Place};
use crate::kek::{Kek, KekId, NoRandomness, random_key};
use crate::keyring::{KeyError, Keyring, list};
use crate::layer;
use crate::record::{CredentialRecord, RecordError, WorkspaceKeyRecord};
use crate::terms::{SealedEnd, Terms};

/// The name of a workspace's key: 16 random bytes.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct WorkspaceKeyId([u8; 16]);

/// A workspace's key as the store keeps it: wrapped by a key-encryption key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WrappedWorkspaceKey {
    kek: KekId,
    id: WorkspaceKeyId,
    record: Box<[u8]>,
}

/// A version of a credential as the store keeps it.
#[derive(Clone, Eq, PartialEq)]
pub struct SealedCredential {
    version: u64,
    record: Box<[u8]>,
    /// Stands beside the record, and has to be the end that the record says, if it says one.
    expires_at: Option<Timestamp>,
}

/// Which version of which credential a value is sealed for, and how it may be used.
#[derive(Clone, Copy, Debug)]
pub struct CredentialVersion<'a> {
    /// Where it is defined.
    pub scope: &'a Scope,
    /// Its key.
    pub key: &'a CredentialKey,
    /// The version.
    pub version: u64,
    /// What a step gets of it. Sealed in with the value: nobody can change it without the value.
    pub handling: &'a Handling,
    /// From when on no run that starts gets it, to the microsecond. Sealed in, too.
    pub expires_at: Option<Timestamp>,
}

/// What a sealed credential tells without being opened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SealedHead {
    /// Which key of a workspace it is sealed under.
    pub workspace_key: WorkspaceKeyId,
    /// Length of the value.
    pub value_bytes: usize,
    /// What a step gets of it.
    pub handling: Handling,
    /// Whether its end, or that it has none, is sealed in with the value. Earlier releases kept it beside the record alone.
    pub binds_end: bool,
}

/// Why a value cannot be sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// A value has at least one byte.
    #[error("the value is empty")]
    Empty,
    /// The value is too long.
    #[error("the value has {length} bytes, over the limit of {MAX_VALUE_BYTES}")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// The workspace's key cannot be unwrapped or made.
    #[error("cannot use the key of the workspace")]
    WorkspaceKey(#[source] OpenError),
    /// No key can be made.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

/// Why a record cannot be opened. A fault of the host or its operator, never of a guest.
#[derive(Clone, Debug, thiserror::Error)]
pub enum OpenError {
    /// The vault holds no keys, because they could not be used when it was made.
    #[error("the vault has no key: {0}")]
    Locked(Arc<KeyError>),
    /// It is not a record that this release can read.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The workspace's key is wrapped by a key that is not at hand.
    #[error("key `{kek}` is not on the ring: it holds {held}", held = list(held))]
    UnknownKek {
        /// The key-encryption key that is needed.
        kek: KekId,
        /// The keys that are there.
        held: Vec<KekId>,
    },
    /// It is not at hand, and the key file, which was changed meanwhile, cannot be read.
    #[error("key `{kek}` is not on the ring, and the key file cannot be read again")]
    KeyFile {
        /// The key-encryption key that is needed.
        kek: KekId,
        /// Why not.
        source: Arc<KeyError>,
    },
    /// The credential is sealed under another key than its workspace has.
    #[error(
        "the credential is sealed under workspace key `{found}`, and its workspace has `{held}`"
    )]
    UnknownWorkspaceKey {
        /// The key that the record names.
        found: WorkspaceKeyId,
        /// The key of the workspace.
        held: WorkspaceKeyId,
    },
    /// The workspace has no key, but a credential.
    #[error("the workspace has no key")]
    NoWorkspaceKey,
    /// The record was altered, or is not where it was written.
    #[error("the {layer} was altered, or moved from another place or version")]
    Mismatch {
        /// Which of the three layers does not open.
        layer: &'static str,
    },
}

// === impl OpenError ===

impl OpenError {
    /// What the person at the terminal can do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Locked(reason) => reason.hint(),
            Self::KeyFile { source, .. } => source.hint(),
            Self::Record(RecordError::OtherEnd { .. }) => {
                "the database was altered: set the credential again, with its value and the end that it is to have"
            }
            Self::Record(_) => "a later release of Lockstep wrote it, or the database is damaged",
            Self::UnknownKek { .. } => {
                "start again with the key file, or the `LOCKSTEP_KEY`, that holds the key named here"
            }
            Self::UnknownWorkspaceKey { .. } | Self::NoWorkspaceKey | Self::Mismatch { .. } => {
                "the database was altered or is damaged: restore it from your backup"
            }
        }
    }
}

// === impl WrappedWorkspaceKey ===

impl WrappedWorkspaceKey {
    /// A record that a store kept.
    ///
    /// # Errors
    /// [`RecordError`] if it is not such a record.
    pub fn from_record(record: Vec<u8>) -> Result<Self, RecordError> {
        let parts = WorkspaceKeyRecord::parse(&record)?;
        let (kek, id) = (parts.kek, parts.workspace_key);
        Ok(Self {
            kek,
            id,
            record: record.into(),
        })
    }

    /// The bytes to keep.
    #[must_use]
    pub fn record(&self) -> &[u8] {
        &self.record
    }

    /// Which key-encryption key wraps it.
    #[must_use]
    pub fn kek(&self) -> KekId {
        self.kek
    }

    /// The name of the wrapped key; it stays when another key-encryption key wraps it.
    #[must_use]
    pub fn id(&self) -> WorkspaceKeyId {
        self.id
    }

    /// Makes a new key for `workspace`.
    pub(crate) fn create(kek: &Kek, workspace: &WorkspaceName) -> Result<Self, NoRandomness> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|_| NoRandomness)?;
        Self::wrap(kek, WorkspaceKeyId(id), workspace, &random_key()?)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the key's bytes are the plaintext of its wrapping"
    )]
    pub(crate) fn wrap(
        kek: &Kek,
        id: WorkspaceKeyId,
        workspace: &WorkspaceName,
        key: &KeyMaterial,
    ) -> Result<Self, NoRandomness> {
        let context = Context::workspace_key(&kek.id(), &id, workspace);
        let wrapped = layer::seal(kek.key(), &context, key.expose())?;
        let record = WorkspaceKeyRecord {
            kek: kek.id(),
            workspace_key: id,
            wrapped: &wrapped,
        };
        Ok(Self {
            kek: kek.id(),
            id,
            record: record.encode().into(),
        })
    }

    /// The key itself.
    pub(crate) fn unwrap(
        &self,
        ring: &Keyring,
        workspace: &WorkspaceName,
    ) -> Result<KeyMaterial, OpenError> {
        let kek = ring.find(self.kek).ok_or_else(|| OpenError::UnknownKek {
            kek: self.kek,
            held: ring.ids(),
        })?;
        let context = Context::workspace_key(&self.kek, &self.id, workspace);
        let wrapped = WorkspaceKeyRecord::parse(&self.record)?.wrapped;
        open_key(kek.key(), &context, wrapped, "key of the workspace")
    }
}

// === impl SealedCredential ===

impl SealedCredential {
    /// A record that a store kept, and the version it kept it under. It is looked at when it is opened, so that one
    /// bad record does not stop the others.
    #[must_use]
    pub fn from_record(version: u64, record: Vec<u8>) -> Self {
        Self {
            version,
            record: record.into(),
            expires_at: None,
        }
    }

    /// The same, beside which this end was kept.
    #[must_use]
    pub fn expiring(self, expires_at: Option<Timestamp>) -> Self {
        Self { expires_at, ..self }
    }

    /// When it expires, if it does: from then on no run gets it that starts.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }

    /// Which version of the credential it is.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The bytes to keep.
    #[must_use]
    pub fn record(&self) -> &[u8] {
        &self.record
    }

    /// What is known of it without a key. Nothing of that is proven: only who opens it knows that it is whole.
    ///
    /// # Errors
    /// [`RecordError`] if it is not such a record, or says another end than was kept beside it.
    pub fn head(&self) -> Result<SealedHead, RecordError> {
        let record = self.parsed()?;
        Ok(SealedHead {
            workspace_key: record.workspace_key,
            // A record that was parsed is long enough.
            value_bytes: layer::plaintext_length(record.value).unwrap_or(0),
            binds_end: record.terms.end() != SealedEnd::Unsaid,
            handling: record.terms.into_handling(),
        })
    }

    /// What a step gets of it, whatever the record says of its end: for the next version, which has its own.
    ///
    /// # Errors
    /// [`RecordError`] if it is not such a record.
    pub fn handling(&self) -> Result<Handling, RecordError> {
        let record = CredentialRecord::parse(&self.record)?;
        Ok(record.terms.into_handling())
    }

    /// Seals `value` under a fresh data key, which is gone when this returns.
    #[expect(
        clippy::disallowed_methods,
        reason = "the value and its data key are the plaintexts of their layers"
    )]
    pub(crate) fn seal(
        workspace_key: &KeyMaterial,
        workspace_key_id: WorkspaceKeyId,
        workspace: &WorkspaceName,
        version: CredentialVersion<'_>,
        value: &Secret,
    ) -> Result<Self, SealError> {
        check_length(value)?;
        let expires_at = version.expires_at.map(to_the_microsecond);
        let terms = Terms::new(version.handling.clone(), expires_at);
        let place = Place {
            workspace,
            scope: version.scope,
            key: version.key,
            version: version.version,
            terms: &terms,
        };
        let data_key = random_key()?;
        let (wrapped_data_key, value) = (
            layer::seal(
                workspace_key,
                &Context::data_key(&workspace_key_id, place),
                data_key.expose(),
            )?,
            layer::seal(
                &data_key,
                &Context::value(&workspace_key_id, place),
                value.expose().as_bytes(),
            )?,
        );
        let record = CredentialRecord {
            workspace_key: workspace_key_id,
            terms,
            wrapped_data_key: &wrapped_data_key,
            value: &value,
        };
        Ok(Self {
            version: version.version,
            record: record.encode().into(),
            expires_at,
        })
    }

    /// The value.
    pub(crate) fn open(
        &self,
        workspace_key: &KeyMaterial,
        workspace_key_id: WorkspaceKeyId,
        workspace: &WorkspaceName,
        (scope, key): (&Scope, &CredentialKey),
    ) -> Result<Secret, OpenError> {
        let record = self.parsed()?;
        let place = Place {
            workspace,
            scope,
            key,
            version: self.version,
            terms: &record.terms,
        };
        if record.workspace_key != workspace_key_id {
            return Err(OpenError::UnknownWorkspaceKey {
                found: record.workspace_key,
                held: workspace_key_id,
            });
        }
        let context = Context::data_key(&workspace_key_id, place);
        let data_key = open_key(workspace_key, &context, record.wrapped_data_key, "data key")?;
        let mismatch = || OpenError::Mismatch { layer: "value" };

        let length = layer::plaintext_length(record.value).ok_or_else(mismatch)?;
        let mut value = Zeroizing::new(vec![0; length]);
        let context = Context::value(&workspace_key_id, place);
        layer::open(&data_key, &context, record.value, &mut value).map_err(|_| mismatch())?;
        Secret::from_utf8(std::mem::take(&mut *value)).map_err(|_| mismatch())
    }

    /// The record, which says the end that was kept beside it, or nothing of one.
    fn parsed(&self) -> Result<CredentialRecord<'_>, RecordError> {
        let record = CredentialRecord::parse(&self.record)?;
        match record.terms.end() {
            SealedEnd::Said(sealed) if sealed != self.expires_at => {
                let kept = self.expires_at;
                Err(RecordError::OtherEnd { sealed, kept })
            }
            SealedEnd::Said(_) | SealedEnd::Unsaid => Ok(record),
        }
    }
}

/// As precise as a record is, and a store.
fn to_the_microsecond(at: Timestamp) -> Timestamp {
    // A time that exists is one without its nanoseconds, too.
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}

fn check_length(value: &Secret) -> Result<(), SealError> {
    match value.len() {
        0 => Err(SealError::Empty),
        length if length > MAX_VALUE_BYTES => Err(SealError::TooLong { length }),
        _ => Ok(()),
    }
}

fn open_key(
    key: &KeyMaterial,
    context: &Context,
    wrapped: &[u8],
    layer: &'static str,
) -> Result<KeyMaterial, OpenError> {
    KeyMaterial::try_fill(|bytes| layer::open(key, context, wrapped, bytes))
        .map_err(|layer::Mismatch| OpenError::Mismatch { layer })
}

impl fmt::Debug for SealedCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedCredential")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

// === impl WorkspaceKeyId ===

impl WorkspaceKeyId {
    pub(crate) fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for WorkspaceKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "w{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for WorkspaceKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
