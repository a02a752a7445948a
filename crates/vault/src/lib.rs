//! Credentials at rest: sealed under three layers of keys, and opened for a run that may use them.
//!
//! A key-encryption key ([`Kek`]) outside of the database wraps one key per workspace, which wraps a fresh data key
//! per version of a credential, used once. `docs/envelope.md` in this crate gives the layout byte by byte.
//!
//! No SQL, no async, no clock: a store keeps what this crate seals, and hands back [`WorkspaceSnapshot`]s of it.
#![forbid(unsafe_code)]

mod vault;

mod permit;
mod resolve;
mod rewrap;
mod snapshot;
mod terms;

mod kek;
mod key_change;
mod key_file;
mod keyring;

mod context;
mod envelope;
mod handling;
mod head_seal;
mod layer;
mod record;

pub use envelope::{
    CredentialVersion, OpenError, SealError, SealedCredential, SealedHead, WorkspaceKeyId,
    WrappedWorkspaceKey,
};
pub use head_seal::{BackupSeal, HeadSeal, HostHeadSeal};
pub use kek::{InvalidKekId, Kek, KekCheck, KekId, NoRandomness};
pub use key_file::{IfAbsent, open_key_file};
pub use keyring::{KeyError, Keyring, MAX_RING_KEYS};
pub use permit::{
    AdminPermit, EditPermit, Forbidden, HostPermit, KeyPermit, RecordPermit, RunPermit, ViewPermit,
};
pub use record::RecordError;
pub use resolve::{Chosen, Grants, OtherWorkspace, RevealError, Revealed, choose};
pub use rewrap::{RewrapError, Rewrapper};
pub use snapshot::{Change, SnapshotMark, WorkspaceChanges, WorkspaceSnapshot};
pub use vault::Vault;
