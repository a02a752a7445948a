//! Which credentials a workflow may use.

use jiff::Timestamp;

use lockstep_step::{Caller, UsagePermission, WorkflowName, WorkspaceName};
use lockstep_vault::{AdminPermit, ViewPermit};

use crate::error::ManageError;
use crate::runner::Runner;

impl Runner {
    /// What a workflow may use.
    ///
    /// # Errors
    /// [`ManageError::NotFound`], [`ManageError::Forbidden`].
    pub async fn permission(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        workflow: &WorkflowName,
    ) -> Result<UsagePermission, ManageError> {
        let permit = ViewPermit::check(caller, workspace)?;
        let permission = self.store().permission(&permit, workflow).await;
        self.told(caller, workspace, permission).await
    }

    /// Sets what a workflow may use. It may list keys that do not exist yet.
    ///
    /// # Errors
    /// [`ManageError::NotFound`], [`ManageError::Forbidden`].
    pub async fn set_permission(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        workflow: &WorkflowName,
        permission: &UsagePermission,
    ) -> Result<(), ManageError> {
        let permit = AdminPermit::check(caller, workspace)?;
        let set = self
            .store()
            .set_permission(&permit, workflow, permission, Timestamp::now())
            .await;
        self.told(caller, workspace, set).await
    }
}
