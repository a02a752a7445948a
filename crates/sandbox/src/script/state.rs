//! The state of one run of a script.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use wasmtime::Memory;

use lockstep_step::Limits;

use super::network::Network;
use crate::host::{Guest, GuestState};
use crate::log::RunLog;
use crate::run::StepContext;

/// What the host keeps for one run.
pub(crate) struct ScriptState {
    /// What the guest takes next. Dropped before the desk, which wipes what it shares.
    pub(super) waiting: Waiting,
    pub(super) guest: Guest,
    /// Its requests that go on.
    pub(super) network: Network,
    pub(super) log: RunLog,
    pub(super) began: Instant,
    timeout: Duration,
    context: StepContext,
    /// That of the guest, once it has one.
    pub(super) memory: Option<Memory>,
}

/// What a script can read of its run, as the engine takes it.
#[derive(Serialize)]
pub(super) struct ScriptContext<'a> {
    #[serde(flatten)]
    context: &'a StepContext,
    /// When the run is ended, in milliseconds since 1970.
    deadline_ms: i64,
}

/// A text whose length the guest has been told, until it takes it.
#[derive(Default)]
pub(super) enum Waiting {
    #[default]
    Nothing,
    Value(Arc<str>),
    Text(String),
    Bytes(Bytes),
}

impl ScriptState {
    pub(crate) fn new(
        guest: Guest,
        context: StepContext,
        log: &RunLog,
        (began, limits): (Instant, &Limits),
    ) -> Self {
        Self {
            waiting: Waiting::Nothing,
            guest,
            network: Network::default(),
            log: log.clone(),
            began,
            timeout: limits.timeout,
            context,
            memory: None,
        }
    }

    /// What the step can read of its run.
    pub(super) fn context(&self) -> ScriptContext<'_> {
        let left = self.timeout.saturating_sub(self.began.elapsed());
        let left_ms = i64::try_from(left.as_millis()).unwrap_or(i64::MAX);
        ScriptContext {
            context: &self.context,
            deadline_ms: Timestamp::now().as_millisecond().saturating_add(left_ms),
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
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Nothing => &[],
            Self::Value(value) => value.as_bytes(),
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}
