//! That a backup is to take the place of the database: from the call that has sent it to whoever ends the server for it,
//! and what came of it, for the server after.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use lockstep_runner::ReadyBackup;

/// What came of the last restore in this process.
#[derive(Clone, Debug)]
pub struct RestoreEnd {
    /// When it was asked for, by which its caller knows it.
    pub asked_at: Timestamp,
    /// The name in the data directory under which the database is kept that was there before, or why nothing was replaced.
    pub result: Result<Option<String>, RestoreFailure>,
}

/// Why a backup that was whole did not take the place of the database.
#[derive(Clone, Debug)]
pub struct RestoreFailure {
    /// A word for programs.
    pub code: &'static str,
    /// For people, without a path of this machine.
    pub detail: String,
}

/// A backup that waits, and since when.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) asked_at: Timestamp,
    pub(crate) backup: ReadyBackup,
}

/// What is to take the place of the database.
#[derive(Default)]
pub(crate) struct Replacing {
    waiting: Mutex<Option<Waiting>>,
    /// When there is one.
    wanted: CancellationToken,
}

impl Replacing {
    /// Hands a backup to whoever waits for one. Runners let one in at a time.
    pub(crate) fn hand_over(&self, waiting: Waiting) {
        *self.lock() = Some(waiting);
        self.wanted.cancel();
    }

    /// Since when one waits.
    pub(crate) fn asked_at(&self) -> Option<Timestamp> {
        self.lock().as_ref().map(|waiting| waiting.asked_at)
    }

    /// Waits until there is one.
    pub(crate) async fn wanted(&self) {
        self.wanted.cancelled().await;
    }

    pub(crate) fn take(&self) -> Option<Waiting> {
        self.lock().take()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
