//! Copies of the whole database.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use lockstep_runner::{BackupContents, ReadyBackup};

use crate::replacing::RestoreEnd;

/// A backup that takes the place of the database.
#[derive(Serialize, ToSchema)]
pub(crate) struct RestoreBegun {
    /// When it was asked for: `GET` tells with the same time what came of it.
    #[schema(value_type = String, format = DateTime)]
    asked_at: Timestamp,
    #[serde(flatten)]
    contents: Contents,
    /// Of the keys that its credentials need, those that the server does not have.
    keys_missing: Vec<String>,
}

/// What a backup holds.
#[derive(Serialize, ToSchema)]
pub(crate) struct Contents {
    bytes: u64,
    /// The schema of the database, brought to that of the server.
    schema: u32,
    /// The key-encryption keys that open its credentials.
    keys: Vec<String>,
    workspaces: u64,
    workflows: u64,
    credentials: u64,
    steps: u64,
    runs: u64,
    /// Runs that were open in the backup. They are marked `lost`.
    open_runs: u64,
}

/// How far the last restore is.
#[derive(Serialize, ToSchema)]
pub(crate) struct RestoreShown {
    #[schema(value_type = String, format = DateTime)]
    asked_at: Timestamp,
    /// `waiting` for runs to end; `restored`; `failed`: the database is as it was.
    state: &'static str,
    /// The name in the data directory of the host under which the database is kept that was there before.
    replaced: Option<String>,
    /// Why it failed, for programs: `in_use` or `internal`.
    code: Option<&'static str>,
    /// Why it failed, for people.
    detail: Option<String>,
}

impl RestoreBegun {
    pub(crate) fn of(asked_at: Timestamp, backup: &ReadyBackup) -> Self {
        Self {
            asked_at,
            contents: Contents::from(backup.staged.contents()),
            keys_missing: backup
                .keys_missing
                .iter()
                .map(ToString::to_string)
                .collect(),
        }
    }
}

impl From<&BackupContents> for Contents {
    fn from(contents: &BackupContents) -> Self {
        Self {
            bytes: contents.bytes,
            schema: contents.schema,
            keys: contents.keks.iter().map(ToString::to_string).collect(),
            workspaces: contents.workspaces,
            workflows: contents.workflows,
            credentials: contents.credentials,
            steps: contents.steps,
            runs: contents.runs,
            open_runs: contents.open_runs,
        }
    }
}

impl RestoreShown {
    pub(crate) fn waiting(asked_at: Timestamp) -> Self {
        Self {
            asked_at,
            state: "waiting",
            replaced: None,
            code: None,
            detail: None,
        }
    }
}

impl From<&RestoreEnd> for RestoreShown {
    fn from(end: &RestoreEnd) -> Self {
        let none = Self::waiting(end.asked_at);
        match &end.result {
            Ok(replaced) => Self {
                state: "restored",
                replaced: replaced.clone(),
                ..none
            },
            Err(failure) => Self {
                state: "failed",
                code: Some(failure.code),
                detail: Some(failure.detail.clone()),
                ..none
            },
        }
    }
}
