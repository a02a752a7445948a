//! The key-encryption keys.

use serde::{Serialize, Serializer};

use lockstep_client::Client;
use lockstep_runner::{
    KeyEntry, KeyOverview, KeyRetired, KeyRotated, KeysFrom, ManageError, NewKeyFile,
    RewrapFailure, RewrapProgress, Rewrapped,
};
use lockstep_step::WorkspaceName;
use lockstep_vault::{KekId, KeyError};

use super::Backend;
use super::answers::{host_keys, key_retired, key_rotated, keys_rewrapped};
use crate::problem::{Exit, Problem};

/// The keys of a host.
pub(crate) struct HostKeys {
    /// Where they come from; `None` if none is at hand.
    pub(crate) source: Option<KeysFrom>,
    pub(crate) keys: Vec<KeyEntry>,
    /// Why none is at hand.
    pub(crate) locked: Option<Locked>,
}

/// Why no key is at hand.
pub(crate) struct Locked {
    pub(crate) message: String,
    pub(crate) hint: String,
}

/// A re-wrapping that has ended.
#[derive(Serialize)]
pub(crate) struct KeysRewrapped {
    #[serde(serialize_with = "name")]
    pub(crate) primary: KekId,
    /// Keys of workspaces that were wrapped anew.
    pub(crate) rewrapped: u64,
    /// Those that could not be.
    pub(crate) failed: u64,
    /// The first of them.
    pub(crate) failures: Vec<NotRewrapped>,
}

/// The key of a workspace that stayed as it was.
#[derive(Serialize)]
pub(crate) struct NotRewrapped {
    pub(crate) workspace: WorkspaceName,
    #[serde(serialize_with = "name")]
    pub(crate) key: KekId,
    pub(crate) message: String,
}

impl Backend {
    pub(crate) async fn keys(&self) -> Result<HostKeys, Problem> {
        match self {
            Self::Here(host) => Ok(host.runner.keys(&host.caller).await?.into()),
            Self::There(client) => host_keys(client.host_keys().await?),
        }
    }

    /// `into` names a file of this machine.
    pub(crate) async fn rotate_key(&self, into: Option<NewKeyFile>) -> Result<KeyRotated, Problem> {
        match (self, into) {
            (Self::Here(host), into) => {
                let rotated = host.runner.rotate_key(&host.caller, into).await;
                rotated.map_err(not_rotated)
            }
            (Self::There(client), None) => key_rotated(&client.rotate_host_key().await?),
            (Self::There(client), Some(_)) => Err(not_remote(client)),
        }
    }

    /// Tells of its progress on this machine alone: a server answers at the end.
    pub(crate) async fn rewrap_keys(
        &self,
        progress: impl FnMut(RewrapProgress) + Send,
    ) -> Result<KeysRewrapped, Problem> {
        match self {
            Self::Here(host) => {
                let rewrapped = host.runner.rewrap_keys(&host.caller, progress).await?;
                Ok(rewrapped.into())
            }
            Self::There(client) => keys_rewrapped(client.rewrap_host_keys().await?),
        }
    }

    pub(crate) async fn retire_key(&self, id: KekId) -> Result<KeyRetired, Problem> {
        match self {
            Self::Here(host) => Ok(host.runner.retire_key(&host.caller, id).await?),
            Self::There(client) => key_retired(&client.retire_host_key(&id.to_string()).await?),
        }
    }
}

/// A file that cannot be written, such as one of a read-only mount, can be left where it is.
fn not_rotated(error: ManageError) -> Problem {
    let is_file =
        matches!(&error, ManageError::Key(reason) if matches!(**reason, KeyError::File { .. }));
    let problem = Problem::from(error);
    if is_file {
        problem.hint("check the file and its directory, which must be writable; or leave it there and name a new file with `--to-file PATH`")
    } else {
        problem
    }
}

fn not_remote(client: &Client) -> Problem {
    let server = client.server();
    let message = format!(
        "`--to-file` names a file of this machine, and the keys are those of the server `{server}`"
    );
    Problem::new(Exit::Usage, "not_remote", message).hint(
        "without it a new key is added to the key file of the server; do it on the machine of the host for another file",
    )
}

/// The name of a key, as it is shown.
fn name<S: Serializer>(id: &KekId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

impl From<KeyOverview> for HostKeys {
    fn from(overview: KeyOverview) -> Self {
        Self {
            source: overview.source,
            keys: overview.keys,
            locked: overview.locked.map(|reason| Locked {
                message: reason.to_string(),
                hint: reason.hint().to_owned(),
            }),
        }
    }
}

impl From<Rewrapped> for KeysRewrapped {
    fn from(done: Rewrapped) -> Self {
        Self {
            primary: done.primary,
            rewrapped: done.rewrapped,
            failed: done.failed,
            failures: done.failures.into_iter().map(NotRewrapped::from).collect(),
        }
    }
}

impl From<RewrapFailure> for NotRewrapped {
    fn from(failure: RewrapFailure) -> Self {
        Self {
            workspace: failure.workspace,
            key: failure.kek,
            message: failure.error.to_string(),
        }
    }
}
