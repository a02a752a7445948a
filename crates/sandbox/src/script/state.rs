//! The state of one run of a script.

use std::sync::Arc;
use std::time::Instant;

use wasmtime::Memory;

use crate::host::{CredentialDesk, Guest, GuestState};
use crate::log::RunLog;

/// What the host keeps for one run.
pub(crate) struct ScriptState {
    /// What the guest takes next. Dropped before the desk, which wipes what it shares.
    pub(super) waiting: Waiting,
    pub(super) guest: Guest,
    pub(super) log: RunLog,
    pub(super) began: Instant,
    /// That of the guest, once it has one.
    pub(super) memory: Option<Memory>,
}

/// A text whose length the guest has been told, until it takes it.
#[derive(Default)]
pub(super) enum Waiting {
    #[default]
    Nothing,
    Value(Arc<str>),
    Keys(String),
}

impl ScriptState {
    pub(crate) fn new(desk: CredentialDesk, log: &RunLog, memory_bytes: u64) -> Self {
        Self {
            waiting: Waiting::Nothing,
            guest: Guest::new(desk, memory_bytes),
            log: log.clone(),
            began: Instant::now(),
            memory: None,
        }
    }

    /// What is left when the instance is gone.
    pub(crate) fn into_guest(self) -> Guest {
        self.guest
    }
}

impl GuestState for ScriptState {
    fn guest(&mut self) -> &mut Guest {
        &mut self.guest
    }
}

impl Waiting {
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Nothing => "",
            Self::Value(value) => value,
            Self::Keys(keys) => keys,
        }
    }
}
