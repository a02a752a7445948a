//! The key-encryption keys of the host, by their names: no key comes out of a server or goes into it. For admins of `default`.

use std::time::Duration;

use form_urlencoded::byte_serialize;
use http::Method;
use jiff::Timestamp;
use serde::Deserialize;

use lockstep_step::WorkspaceName;

use crate::client::{Client, Patience};
use crate::error::ClientError;

/// A server re-wraps thousands of keys a second: this is for more workspaces than any has.
const REWRAPPED: Duration = Duration::from_secs(30 * 60);

/// The key-encryption keys of a host.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct HostKeys {
    /// Where the host has them from: `key_file` or `environment`; `None` if none is at hand.
    pub source: Option<String>,
    /// Why none is at hand.
    pub locked: Option<String>,
    /// The primary first, then the others that are at hand, then those that are not.
    pub keys: Vec<HostKey>,
}

/// A key-encryption key.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct HostKey {
    /// Its name.
    pub id: String,
    /// `primary`, `opens`, `unused`, `unknown` or `retired`.
    pub state: String,
    /// Whether it is at hand.
    pub on_ring: bool,
    /// How many records it wraps: keys of workspaces.
    pub records: u64,
    /// When the host saw it first.
    pub first_seen: Option<Timestamp>,
    /// When it was retired.
    pub retired_at: Option<Timestamp>,
    /// By whom.
    pub retired_by: Option<String>,
}

/// A new key that is the primary.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct HostKeyRotated {
    /// The new key.
    pub primary: String,
    /// The others, which open.
    pub kept: Vec<String>,
    /// How many records they wrap.
    pub records_to_rewrap: u64,
}

/// A re-wrapping that has ended.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct HostKeysRewrapped {
    /// The key that wraps.
    pub primary: String,
    /// Keys of workspaces that were wrapped anew.
    pub rewrapped: u64,
    /// Those that could not be.
    pub failed: u64,
    /// The first of them.
    pub failures: Vec<NotRewrapped>,
}

/// The key of a workspace that stayed as it was.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct NotRewrapped {
    /// Whose key.
    pub workspace: WorkspaceName,
    /// The key-encryption key that wraps it.
    pub key: String,
    /// Why, for people.
    pub message: String,
}

/// A key that was retired.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct HostKeyRetired {
    /// The key.
    pub id: String,
    /// Where it was at hand: `key_file`, which has it no more, or `environment`; `None` if nowhere.
    pub was_in: Option<String>,
}

impl Client {
    /// The key-encryption keys.
    ///
    /// # Errors
    /// [`ClientError`], here and in all that follow.
    pub async fn host_keys(&self) -> Result<HostKeys, ClientError> {
        self.get("/v1/host/keys").send().await?.json().await
    }

    /// Makes a new key the primary, in the key file of the host.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn rotate_host_key(&self) -> Result<HostKeyRotated, ClientError> {
        let ask = self.ask(Method::POST, "/v1/host/keys/rotate");
        ask.send().await?.json().await
    }

    /// Has the host wrap with the primary what other keys wrap. Whoever drops the future ends it between two batches.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn rewrap_host_keys(&self) -> Result<HostKeysRewrapped, ClientError> {
        let ask = self.ask(Method::POST, "/v1/host/keys/rewrap");
        let ask = ask.patience(Patience::Long(REWRAPPED));
        ask.send().await?.json().await
    }

    /// Retires the key of this name, which wraps nothing and is not the primary.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn retire_host_key(&self, id: &str) -> Result<HostKeyRetired, ClientError> {
        let id: String = byte_serialize(id.as_bytes()).collect();
        let ask = self.ask(Method::DELETE, format!("/v1/host/keys/{id}"));
        ask.send().await?.json().await
    }
}
