//! Key-encryption keys, by their names. No key is in here, and nothing that is computed from one but its name.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use lockstep_runner::{
    KeyEntry, KeyOverview, KeyRetired, KeyRotated, KeyWas, KeysFrom, RewrapFailure, Rewrapped,
};

/// The key-encryption keys.
#[derive(Serialize, ToSchema)]
pub(crate) struct Keys {
    /// Where the host has them from: `key_file`, which can be rotated, or `environment`; null if none is at hand.
    source: Option<&'static str>,
    /// Why none is at hand. A server that had none when it started has none until it is started again; one whose key file was
    /// broken since goes on with what it has read.
    locked: Option<String>,
    /// The primary first, then the others that are at hand, then those that are not.
    keys: Vec<Key>,
}

/// A key-encryption key.
#[derive(Serialize, ToSchema)]
pub(crate) struct Key {
    /// Its name: `k` and 16 hex digits.
    id: String,
    /// `primary`, `opens`, `unused`, `unknown` or `retired`.
    state: &'static str,
    /// Whether it is at hand.
    on_ring: bool,
    /// How many records it wraps: keys of workspaces.
    records: u64,
    /// When the host saw it first; null if it never did.
    #[schema(value_type = Option<String>, format = DateTime)]
    first_seen: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    retired_at: Option<Timestamp>,
    retired_by: Option<String>,
}

/// A new key that is the primary.
#[derive(Serialize, ToSchema)]
pub(crate) struct Rotated {
    /// The new key.
    primary: String,
    /// The others in the key file, which open.
    kept: Vec<String>,
    /// How many records they wrap: keys of workspaces.
    records_to_rewrap: u64,
}

/// A re-wrapping that has ended.
#[derive(Serialize, ToSchema)]
pub(crate) struct KeysRewrapped {
    /// The key that wraps.
    primary: String,
    /// Keys of workspaces that were wrapped anew.
    rewrapped: u64,
    /// Those that could not be.
    failed: u64,
    /// The first of them, 20 at most.
    failures: Vec<NotRewrapped>,
}

/// The key of a workspace that stayed as it was.
#[derive(Serialize, ToSchema)]
pub(crate) struct NotRewrapped {
    workspace: String,
    /// The key-encryption key that wraps it.
    key: String,
    /// Why, for people.
    message: String,
}

/// A key that was retired.
#[derive(Serialize, ToSchema)]
pub(crate) struct Retired {
    id: String,
    /// Whether it was taken off the key file.
    removed_from_key_file: bool,
    /// Where it was at hand: `key_file`; `environment`, where whoever keeps that text takes it out; null if nowhere.
    was_in: Option<&'static str>,
}

impl From<KeyOverview> for Keys {
    fn from(overview: KeyOverview) -> Self {
        Self {
            source: overview.source.map(KeysFrom::as_str),
            locked: overview.locked.map(|reason| reason.without_paths()),
            keys: overview.keys.into_iter().map(Key::from).collect(),
        }
    }
}

impl From<KeyEntry> for Key {
    fn from(entry: KeyEntry) -> Self {
        Self {
            id: entry.id.to_string(),
            state: entry.state.as_str(),
            on_ring: entry.on_ring,
            records: entry.records,
            first_seen: entry.first_seen,
            retired_at: entry.retired_at,
            retired_by: entry.retired_by,
        }
    }
}

impl From<KeyRotated> for Rotated {
    fn from(rotated: KeyRotated) -> Self {
        Self {
            primary: rotated.primary.to_string(),
            kept: rotated.kept.iter().map(ToString::to_string).collect(),
            records_to_rewrap: rotated.records_to_rewrap,
        }
    }
}

impl From<Rewrapped> for KeysRewrapped {
    fn from(done: Rewrapped) -> Self {
        Self {
            primary: done.primary.to_string(),
            rewrapped: done.rewrapped,
            failed: done.failed,
            failures: done.failures.iter().map(NotRewrapped::from).collect(),
        }
    }
}

impl From<&RewrapFailure> for NotRewrapped {
    fn from(failure: &RewrapFailure) -> Self {
        Self {
            workspace: failure.workspace.to_string(),
            key: failure.kek.to_string(),
            message: failure.error.to_string(),
        }
    }
}

impl From<KeyRetired> for Retired {
    fn from(KeyRetired { id, was }: KeyRetired) -> Self {
        let was_in = match was {
            KeyWas::InKeyFile => Some(KeysFrom::KeyFile),
            KeyWas::InText => Some(KeysFrom::Text),
            KeyWas::Gone => None,
        };
        Self {
            id: id.to_string(),
            removed_from_key_file: was == KeyWas::InKeyFile,
            was_in: was_in.map(KeysFrom::as_str),
        }
    }
}
