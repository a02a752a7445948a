//! Which credentials a workflow may use.

use jiff::Timestamp;

use lockstep_step::{
    Caller, Condition, MAX_PERMITTED_KEYS, UsagePermission, WorkflowName, WorkspaceName,
};
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
    /// [`ManageError::NotFound`], [`ManageError::Forbidden`], [`ManageError::TooManyKeys`].
    pub async fn set_permission(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        workflow: &WorkflowName,
        permission: &UsagePermission,
    ) -> Result<(), ManageError> {
        self.set_permission_if(caller, workspace, workflow, permission, &Condition::NONE)
            .await
    }

    /// The same, if this holds of the microsecond at which it was set last, or of 0 if it never was.
    ///
    /// # Errors
    /// The store's `Condition` if it does not; as for [`Runner::set_permission`].
    pub async fn set_permission_if(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        workflow: &WorkflowName,
        permission: &UsagePermission,
        condition: &Condition,
    ) -> Result<(), ManageError> {
        let permit = AdminPermit::check(caller, workspace)?;
        if let UsagePermission::Selected(keys) = permission
            && keys.len() > MAX_PERMITTED_KEYS
        {
            return Err(ManageError::TooManyKeys {
                given: keys.len(),
                limit: MAX_PERMITTED_KEYS,
            });
        }
        let now = Timestamp::now();
        let set = self
            .store()
            .set_permission(&permit, workflow, permission, condition, now)
            .await;
        self.told(caller, workspace, set).await
    }
}
