//! Where the requests of a workflow may go.

use jiff::Timestamp;

use lockstep_step::{Caller, MAX_RULES, WorkflowEgress, WorkflowName, WorkspaceName};
use lockstep_vault::AdminPermit;

use crate::error::ManageError;
use crate::runner::Runner;

impl Runner {
    /// Sets where the requests of a workflow may go. [`Runner::workflows`] tells it.
    ///
    /// # Errors
    /// [`ManageError::NotFound`], [`ManageError::Forbidden`], [`ManageError::TooManyRules`].
    pub async fn set_egress(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        workflow: &WorkflowName,
        egress: &WorkflowEgress,
    ) -> Result<(), ManageError> {
        let permit = AdminPermit::check(caller, workspace)?;
        if let WorkflowEgress::Only(rules) = egress
            && rules.len() > MAX_RULES
        {
            return Err(ManageError::TooManyRules {
                given: rules.len(),
                limit: MAX_RULES,
            });
        }
        let now = Timestamp::now();
        let set = self
            .store()
            .set_egress(&permit, workflow, egress, now)
            .await;
        self.told(caller, workspace, set).await
    }
}
