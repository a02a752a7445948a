//! Re-wrapping: what other key-encryption keys wrap, wrapped anew with the primary.

use jiff::Timestamp;
use tokio::sync::SemaphorePermit;

use lockstep_step::{Caller, WorkspaceName};
use lockstep_store::{RewrappedKey, StoreError, WorkspaceKeyEntry};
use lockstep_vault::{KekId, KeyPermit, OpenError, RewrapError, Rewrapper};

use crate::error::ManageError;
use crate::runner::Runner;

/// Keys of workspaces that are read, wrapped and written at a time: enough to share the sync of the disk, few enough
/// that a run which wants to be recorded meanwhile hardly waits.
const REWRAP_BATCH: u32 = 100;

/// Failures that a re-wrapping tells one by one. They have few causes, and each is told by its key.
const MAX_FAILURES_TOLD: usize = 20;

/// How far a re-wrapping is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RewrapProgress {
    /// Keys of workspaces that were wrapped anew.
    pub done: u64,
    /// How many were to be when it began. Others may be added meanwhile.
    pub total: u64,
}

/// A re-wrapping that has ended.
#[derive(Debug)]
pub struct Rewrapped {
    /// The key that wraps now.
    pub primary: KekId,
    /// How many keys of workspaces were wrapped anew.
    pub rewrapped: u64,
    /// How many stayed as they were.
    pub failed: u64,
    /// The first of those.
    pub failures: Vec<RewrapFailure>,
}

/// The key of a workspace that stayed as it was.
#[derive(Debug)]
pub struct RewrapFailure {
    /// The workspace.
    pub workspace: WorkspaceName,
    /// The key-encryption key that it is counted under.
    pub kek: KekId,
    /// Why.
    pub error: RewrapError,
}

impl Runner {
    /// Wraps the key of each workspace anew that another key than the primary wraps. No credential is touched.
    ///
    /// It goes in batches, each of which is there or not: who breaks it off, by dropping the future, calls it again. Runs and
    /// credentials that are set meanwhile notice nothing.
    ///
    /// # Errors
    /// [`ManageError::Rewrapping`] while another goes on, [`ManageError::Locked`] if there is no ring, [`ManageError::Key`]
    /// if its file cannot be read again, [`ManageError::Store`], [`ManageError::Forbidden`]. The key of a workspace that
    /// cannot be unwrapped stops none of the others.
    pub async fn rewrap_keys(
        &self,
        caller: &Caller,
        mut progress: impl FnMut(RewrapProgress) + Send,
    ) -> Result<Rewrapped, ManageError> {
        let permit = KeyPermit::check(caller)?;
        let _turn = self.turn_to_rewrap()?;
        self.parts.vault.ring().map_err(ManageError::Locked)?;
        let rewrapper = self.parts.vault.rewrapper(&permit)?;
        let primary = rewrapper.primary();
        // The store knows the key-encryption key before anything is wrapped with it.
        self.store()
            .add_kek(&rewrapper.check(), Timestamp::now())
            .await?;
        let total = self.wrapped_by_others(primary).await?;
        let mut told = |done| progress(RewrapProgress { done, total });
        let mut all = Rewrapped::none(primary);
        // Another process may put a workspace's first key under an old one while we are past it.
        loop {
            let pass = self
                .rewrap_once(&permit, &rewrapper, all.rewrapped, &mut told)
                .await?;
            let is_done = pass.rewrapped == 0;
            all = Rewrapped {
                rewrapped: all.rewrapped + pass.rewrapped,
                ..pass
            };
            if is_done {
                break;
            }
        }
        tracing::info!(caller = caller.name, key = %primary, rewrapped = all.rewrapped, "keys of workspaces are wrapped anew");
        Ok(all)
    }

    /// One re-wrapping goes on at a time: a second one would do the same work.
    fn turn_to_rewrap(&self) -> Result<SemaphorePermit<'_>, ManageError> {
        let turn = self.parts.rewrapping.try_acquire();
        turn.map_err(|_| ManageError::Rewrapping)
    }

    async fn wrapped_by_others(&self, primary: KekId) -> Result<u64, StoreError> {
        let known = self.store().keks().await?;
        let others = known.iter().filter(|kek| kek.check.kek != primary);
        Ok(others.map(|kek| kek.wrapped_keys).sum())
    }

    /// Goes through the workspaces once, from the first name to the last.
    async fn rewrap_once(
        &self,
        permit: &KeyPermit,
        rewrapper: &Rewrapper,
        before: u64,
        told: &mut (impl FnMut(u64) + Send),
    ) -> Result<Rewrapped, ManageError> {
        let (store, primary) = (self.store(), rewrapper.primary());
        let mut pass = Rewrapped::none(primary);
        let mut after: Option<WorkspaceName> = None;
        loop {
            let page = store
                .workspace_keys_not_under(permit, primary, after.as_ref(), REWRAP_BATCH)
                .await?;
            let Some(last) = page.last() else {
                return Ok(pass);
            };
            after = Some(last.workspace.clone());
            let batch = pass.rewrap_all(page, rewrapper);
            pass.rewrapped += store
                .replace_workspace_keys(permit, batch, Timestamp::now())
                .await?;
            told(before + pass.rewrapped);
        }
    }
}

// === impl Rewrapped ===

impl Rewrapped {
    fn none(primary: KekId) -> Self {
        Self {
            primary,
            rewrapped: 0,
            failed: 0,
            failures: Vec::new(),
        }
    }

    /// Those of a page that can be wrapped anew; the others are noted.
    fn rewrap_all(
        &mut self,
        page: Vec<WorkspaceKeyEntry>,
        rewrapper: &Rewrapper,
    ) -> Vec<RewrappedKey> {
        let mut batch = Vec::with_capacity(page.len());
        for WorkspaceKeyEntry {
            workspace,
            kek,
            key,
        } in page
        {
            let rewrapped = key
                .map_err(|error| OpenError::from(error).into())
                .and_then(|read| Ok((rewrapper.rewrap(&workspace, &read)?, read)));
            match rewrapped {
                Ok((rewrapped, read)) => batch.push(RewrappedKey {
                    workspace,
                    read,
                    rewrapped,
                }),
                Err(error) => self.note(RewrapFailure {
                    workspace,
                    kek,
                    error,
                }),
            }
        }
        batch
    }

    fn note(&mut self, failure: RewrapFailure) {
        self.failed += 1;
        if self.failures.len() < MAX_FAILURES_TOLD {
            self.failures.push(failure);
        }
    }
}
