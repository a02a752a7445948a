//! What a run does with credentials, on its way into the audit.
//!
//! A use is noted here before it has an effect in the run, and nothing leaves the run while it is noted here alone: requests
//! wait at the [`Threshold`], the live log is held back, and the end of the run is written with what is left. So a use is
//! in the audit before anybody outside of the run can tell that there was one; and a run that ends at once, as most do,
//! writes nothing more often for it.

use std::collections::HashSet;
use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::sleep;

use lockstep_sandbox::{Purpose, Threshold};
use lockstep_step::{CredentialUse, Denied, RunId};
use lockstep_store::{AuditMode, AuditUse, AuditUseKind, Store, StoreError};

use crate::runner::Parts;

/// How long what was noted waits for the end of the run: as long as a run takes that only computes a little.
const MOMENT: Duration = Duration::from_millis(2);

/// The uses of one run.
#[derive(Default)]
pub(crate) struct Uses {
    noted: Mutex<Noted>,
    /// There is something to write.
    news: Notify,
    /// One writes at a time: who comes second learns whether what the first wrote is there. It says whether the run is on
    /// disk, and all that was noted before.
    writing: tokio::sync::Mutex<Settled>,
}

#[derive(Default)]
struct Noted {
    /// All of the run, so that each is told once.
    known: HashSet<Known>,
    /// Those that are not in the audit, the ones that are being written included.
    unwritten: Vec<AuditUse>,
}

#[derive(Eq, Hash, PartialEq)]
enum Known {
    Used(CredentialUse, AuditMode, Option<String>),
    Denied(Denied),
}

#[derive(Clone, Copy, Default, Eq, PartialEq)]
enum Settled {
    #[default]
    No,
    Yes,
}

// === impl Uses ===

impl Uses {
    pub(crate) fn used(&self, used: &CredentialUse, purpose: Purpose<'_>) {
        let (mode, host) = match purpose {
            Purpose::Reveal => (AuditMode::Revealed, None),
            Purpose::Sign => (AuditMode::Signed, None),
            Purpose::Request(host) => (AuditMode::Sealed, Some(host.to_owned())),
        };
        let known = Known::Used(used.clone(), mode, host.clone());
        self.note(known, || AuditUseKind::Used {
            key: used.key.clone(),
            scope: used.scope.clone(),
            version: used.version,
            mode,
            host,
        });
    }

    pub(crate) fn denied(&self, denied: &Denied) {
        self.note(Known::Denied(denied.clone()), || {
            AuditUseKind::Denied(denied.clone())
        });
    }

    fn note(&self, known: Known, what: impl FnOnce() -> AuditUseKind) {
        let mut noted = self.noted();
        if noted.known.insert(known) {
            let (at, what) = (Timestamp::now(), what());
            noted.unwritten.push(AuditUse { at, what });
            self.news.notify_one();
        }
    }

    /// Whether something is not in the audit yet.
    pub(crate) fn has_unwritten(&self) -> bool {
        !self.noted().unwritten.is_empty()
    }

    /// Returns a moment after something was noted: a run that only gives way to others is over by then, and has it written
    /// with its end.
    pub(crate) async fn news(&self) {
        self.news.notified().await;
        sleep(MOMENT).await;
    }

    /// What is not in the audit: for the end of the run, when nobody else writes.
    pub(crate) fn unwritten(&self) -> Vec<AuditUse> {
        self.noted().unwritten.clone()
    }

    /// So many are in the audit, from the first on. If nobody can tell they are written again: rather twice than not at all.
    pub(crate) fn written(&self, count: usize) {
        self.noted().unwritten.drain(..count);
    }

    /// Writes what is noted to the audit. It outlives this process then.
    pub(crate) async fn write(&self, store: &dyn Store, run: &RunId) -> Result<(), StoreError> {
        let mut settled = self.writing.lock().await;
        let unwritten = self.unwritten();
        let count = unwritten.len();
        if count > 0 {
            *settled = Settled::No;
            store.append_uses(run, unwritten).await?;
            self.written(count);
        }
        Ok(())
    }

    /// Sees to it that the run, and all that is noted, is on disk.
    async fn settle(&self, store: &dyn Store, run: &RunId) -> Result<(), StoreError> {
        let mut settled = self.writing.lock().await;
        let unwritten = self.unwritten();
        let count = unwritten.len();
        if *settled == Settled::Yes && count == 0 {
            return Ok(());
        }
        *settled = Settled::No;
        store.settle_run(run, unwritten).await?;
        self.written(count);
        *settled = Settled::Yes;
        Ok(())
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The threshold of a run: its record and its uses of credentials are on disk before a request leaves.
pub(crate) struct OnDisk {
    pub(crate) parts: Arc<Parts>,
    pub(crate) run: RunId,
    pub(crate) uses: Arc<Uses>,
}

#[async_trait]
impl Threshold for OnDisk {
    async fn cross(&self) -> Result<(), Box<dyn Error + Send + Sync>> {
        let store = self.parts.store.as_ref();
        Ok(self.uses.settle(store, &self.run).await?)
    }
}
