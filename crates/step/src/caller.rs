//! Who asks.

use serde::{Deserialize, Serialize};

/// What a caller may do in a workspace.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything, credentials and usage permissions included.
    Admin,
    /// Edits and runs workflows; sees the keys of credentials.
    Editor,
    /// Sees runs and keys.
    Viewer,
}

/// An authenticated caller. Every operation that reads or changes something owned takes one.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Caller {
    /// How the record names the caller, such as `cli:alice`.
    pub name: String,
    /// What the caller may do.
    pub role: Role,
}
