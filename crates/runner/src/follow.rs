//! The log of a run, followed while it goes on.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use lockstep_step::{Caller, RunId, WorkspaceName};
use lockstep_store::{LogEntry, RunStatus};
use lockstep_vault::RecordPermit;

use crate::error::ManageError;
use crate::runner::{Parts, Runner};
use crate::shares::Share;

/// Pieces that a follower is given at a time, and holds: with what a piece mostly has at most, 256 KiB.
const PIECES: u32 = 16;
/// How often it is looked whether a run of another process went on: nobody here is told.
const ELSEWHERE: Duration = Duration::from_secs(2);

/// Somebody who follows the log of a run. Holds none of it.
#[must_use]
pub struct Follower {
    parts: Arc<Parts>,
    permit: RecordPermit,
    run: RunId,
    /// The next piece.
    sequence: u64,
    /// Moves with the record of a run of this process.
    recorded: Option<watch::Receiver<()>>,
    is_elsewhere: bool,
    is_over: bool,
    _seat: Share,
}

/// What a follower is given next.
#[derive(Debug)]
pub enum Followed {
    /// More of the log.
    Log(Vec<LogEntry>),
    /// The run is over, and there is no more.
    End(RunStatus),
}

/// There are as many followers as there may be.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "{taken} of the workspace follow runs already, as many as it leaves to others; the limit of the host is {limit}"
)]
pub struct NoSeat {
    /// Followers in the workspace.
    pub taken: usize,
    /// Followers that the host has at most.
    pub limit: usize,
}

/// Why a run cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// Too many follow runs already.
    #[error(transparent)]
    NoSeat(#[from] NoSeat),
    /// The caller may not, or there is no such run.
    #[error(transparent)]
    Manage(#[from] ManageError),
}

impl Runner {
    /// Follows the log of a run from the piece `sequence` on.
    ///
    /// # Errors
    /// [`FollowError`].
    pub async fn follow(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        run: &RunId,
        sequence: u64,
    ) -> Result<Follower, FollowError> {
        let permit = RecordPermit::check(caller, workspace).map_err(ManageError::from)?;
        let seat = self.parts.followers.take(workspace, 1);
        let seat = seat.map_err(|full| NoSeat {
            taken: full.taken,
            limit: full.limit,
        })?;
        let live = self.parts.live.find(workspace, run);
        let mut is_elsewhere = false;
        if live.is_none() {
            let found = self.store().run_status(&permit, run).await;
            is_elsewhere = found.map_err(ManageError::from)? == RunStatus::Open;
        }
        Ok(Follower {
            parts: Arc::clone(&self.parts),
            permit,
            run: *run,
            sequence,
            recorded: live.map(|live| live.hear()),
            is_elsewhere,
            is_over: false,
            _seat: seat,
        })
    }
}

impl Follower {
    /// Whether the run went on in another process when this began: then the end of this process does not end it.
    #[must_use]
    pub fn is_elsewhere(&self) -> bool {
        self.is_elsewhere
    }

    /// Waits for what comes next. `None` after the end.
    ///
    /// # Errors
    /// [`ManageError`]: it can be asked again.
    pub async fn next(&mut self) -> Result<Option<Followed>, ManageError> {
        while !self.is_over {
            // Before the record is read: what comes into it from here on ends the wait below.
            let ended = self.ended().await?;
            let pieces = self.pieces().await?;
            if let Some(last) = pieces.last() {
                self.sequence = last.sequence + 1;
                return Ok(Some(Followed::Log(pieces)));
            }
            if let Some(status) = ended {
                self.is_over = true;
                return Ok(Some(Followed::End(status)));
            }
            self.wait().await;
        }
        Ok(None)
    }

    /// How the run ended, if it did.
    async fn ended(&mut self) -> Result<Option<RunStatus>, ManageError> {
        if let Some(recorded) = &mut self.recorded {
            let goes_on = recorded.has_changed().is_ok();
            recorded.mark_unchanged();
            if goes_on {
                return Ok(None);
            }
            self.recorded = None;
        }
        let status = self.parts.store.run_status(&self.permit, &self.run).await?;
        Ok((status != RunStatus::Open).then_some(status))
    }

    async fn pieces(&self) -> Result<Vec<LogEntry>, ManageError> {
        let store = &self.parts.store;
        let log = store.log(&self.permit, &self.run, self.sequence, PIECES);
        Ok(log.await?)
    }

    async fn wait(&mut self) {
        match &mut self.recorded {
            // That its record was closed is seen next.
            Some(recorded) => drop(recorded.changed().await),
            None => sleep(ELSEWHERE).await,
        }
    }
}
