//! What the store takes and tells about key-encryption keys and the keys of workspaces that they wrap.

use jiff::Timestamp;

use lockstep_step::WorkspaceName;
use lockstep_vault::{KekCheck, KekId, RecordError, WrappedWorkspaceKey};

/// A key-encryption key that the store has seen.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KekEntry {
    /// Its name, and what it is recognised by.
    pub check: KekCheck,
    /// When it was first used here.
    pub added_at: Timestamp,
    /// How many keys of workspaces it wraps.
    pub wrapped_keys: u64,
    /// When it was retired; `None` while it may wrap.
    pub retired_at: Option<Timestamp>,
    /// By whom.
    pub retired_by: Option<String>,
}

/// The key of a workspace in a list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WorkspaceKeyEntry {
    /// The workspace.
    pub workspace: WorkspaceName,
    /// Which key-encryption key it is counted under.
    pub kek: KekId,
    /// The key. One that cannot be read does not stop the others.
    pub key: Result<WrappedWorkspaceKey, RecordError>,
}

/// The key of a workspace, wrapped anew.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RewrappedKey {
    /// The workspace.
    pub workspace: WorkspaceName,
    /// As it was read: if it is another by now, it stays.
    pub read: WrappedWorkspaceKey,
    /// As it shall be.
    pub rewrapped: WrappedWorkspaceKey,
}
