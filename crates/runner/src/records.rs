//! The record of runs, as callers see it.

use lockstep_step::{Caller, RunId, WorkspaceName};
use lockstep_store::{LogEntry, RunFilter, RunRecord, RunSummary};
use lockstep_vault::RecordPermit;

use crate::error::ManageError;
use crate::runner::Runner;

impl Runner {
    /// The runs of a workspace, the latest first.
    ///
    /// # Errors
    /// [`ManageError::NotFound`], [`ManageError::Forbidden`].
    pub async fn runs(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        filter: &RunFilter,
    ) -> Result<Vec<RunSummary>, ManageError> {
        let permit = RecordPermit::check(caller, workspace)?;
        let runs = self.store().runs(&permit, filter).await;
        self.told(caller, workspace, runs).await
    }

    /// One run.
    ///
    /// # Errors
    /// [`ManageError::NotFound`], [`ManageError::Forbidden`].
    pub async fn run_record(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        run: &RunId,
    ) -> Result<RunRecord, ManageError> {
        let permit = RecordPermit::check(caller, workspace)?;
        Ok(self.store().run(&permit, run).await?)
    }

    /// The log of a run from the piece `sequence` on, at most `limit` pieces of it.
    ///
    /// # Errors
    /// [`ManageError::NotFound`], [`ManageError::Forbidden`].
    pub async fn run_log(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        run: &RunId,
        sequence: u64,
        limit: u32,
    ) -> Result<Vec<LogEntry>, ManageError> {
        let permit = RecordPermit::check(caller, workspace)?;
        Ok(self.store().log(&permit, run, sequence, limit).await?)
    }
}
