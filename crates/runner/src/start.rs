//! Runs that go on without whoever asked for them, and how they are ended.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use lockstep_step::{Caller, Digest, RunId, WorkspaceName};
use lockstep_store::{RunState, StoreError};
use lockstep_vault::{RecordPermit, RunPermit};

use crate::error::{ManageError, RunError};
use crate::hang_up::HungUp;
use crate::request::{Call, RunRequest};
use crate::run::Begun;
use crate::runner::Runner;

/// A run whose record is open, and which goes on by itself.
#[derive(Clone, Copy, Debug)]
pub struct RunStarted {
    /// Its name in the record.
    pub run: RunId,
    /// SHA-256 of the step that runs.
    pub digest: Digest,
    /// When its record was opened.
    pub started_at: Timestamp,
}

/// Why a run was not cancelled.
#[derive(Debug, thiserror::Error)]
pub enum CancelError {
    /// It is over.
    #[error("run `{0}` is over")]
    Over(RunId),
    /// It goes on in another process, which alone can end it.
    #[error("run `{0}` goes on in another process, which alone can end it")]
    Elsewhere(RunId),
    /// The caller may not, or there is no such run.
    #[error(transparent)]
    Manage(#[from] ManageError),
}

impl Runner {
    /// Starts a run, and tells of it once its record is open. It goes on whatever becomes of the returned future; the
    /// token of the request cancels it, and so does [`Runner::cancel`].
    ///
    /// # Errors
    /// [`RunError`]: the call was wrong, or the run could not be recorded. What comes later is in the record.
    pub async fn start(
        &self,
        caller: &Caller,
        request: RunRequest,
        call: Call,
    ) -> Result<RunStarted, RunError> {
        self.check(&request)?;
        let workspace = request.workspace.clone();
        let cancel = request.cancel.child_token();
        let (id, parts) = (RunId::generate(), Arc::clone(&self.parts));
        let (told, begun) = oneshot::channel();
        let asking = caller.clone();
        let story = async move {
            match Begun::begin(parts, id, &asking, &request, call, &cancel).await {
                Ok(begun) => {
                    // Whoever asked may be gone.
                    drop(told.send(Ok(begun.started())));
                    if let Err(error) = begun.go_on(request, cancel, &HungUp::default()).await {
                        tracing::error!("a run that nobody waits for failed in the host: {error}");
                    }
                }
                Err(error) => drop(told.send(Err(error))),
            }
        };
        let span = tracing::info_span!("run", %id);
        self.parts.runs.spawn(story.instrument(span));
        let begun = begun.await.unwrap_or(Err(RunError::Task));
        self.with_nearest(caller, &workspace, begun).await
    }

    /// Ends a run of this process with the outcome `cancelled`. Its record is closed soon after, not at once.
    ///
    /// That the caller wants it is in the audit before the run is told. One that ends already is not told again.
    ///
    /// # Errors
    /// [`CancelError`].
    pub async fn cancel(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        run: &RunId,
    ) -> Result<(), CancelError> {
        if let Some(live) = self.parts.live.find(workspace, run) {
            let permit = RunPermit::check(caller, workspace, &live.workflow);
            let permit = permit.map_err(ManageError::from)?;
            return self.cancel_live(permit, *run, live.cancel).await;
        }
        let permit = RecordPermit::check(caller, workspace).map_err(ManageError::from)?;
        let found = self.store().run(&permit, run).await;
        let record = found.map_err(ManageError::from)?;
        RunPermit::check(caller, workspace, &record.workflow).map_err(ManageError::from)?;
        match record.state {
            RunState::Open => Err(CancelError::Elsewhere(*run)),
            RunState::Ended { .. } | RunState::Forbidden { .. } | RunState::Lost { .. } => {
                Err(CancelError::Over(*run))
            }
        }
    }

    /// Goes on if whoever asked goes away: what is in the audit is done.
    async fn cancel_live(
        &self,
        permit: RunPermit,
        run: RunId,
        cancel: CancellationToken,
    ) -> Result<(), CancelError> {
        if cancel.is_cancelled() {
            return Ok(());
        }
        let store = Arc::clone(&self.parts.store);
        let telling = async move {
            store
                .tell_cancelled(&permit, &run, Timestamp::now())
                .await?;
            cancel.cancel();
            Ok(())
        };
        match self.parts.runs.spawn(telling).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(StoreError::RunClosed(run))) => Err(CancelError::Over(run)),
            Ok(Err(error)) => Err(ManageError::from(error).into()),
            Err(error) => Err(ManageError::from(StoreError::Failed(Box::new(error))).into()),
        }
    }
}
