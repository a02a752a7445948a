//! Workspaces, workflows, and where their requests may go.

use lockstep_runner::{
    CredentialEntry, Explanation, Removal, RequestQuestion, Token, WorkflowEntry, WorkspaceEntry,
};
use lockstep_step::{
    Handling, SealingPolicy, TokenName, UsagePermission, WorkflowEgress, WorkflowName,
    WorkspaceName,
};

use super::Backend;
use super::answers::{explanation, removal, workflow_entry, workspace_entry};
use crate::problem::Problem;

impl Backend {
    /// All workspaces; of a server, the one that the token is for, unless it speaks for the host.
    pub(crate) async fn workspaces(&self) -> Result<Vec<WorkspaceEntry>, Problem> {
        match self {
            Self::Here(host) => Ok(host.runner.workspaces().await?),
            Self::There(client) => {
                let workspaces = client.workspaces().await?.into_iter();
                Ok(workspaces.map(workspace_entry).collect())
            }
        }
    }

    pub(crate) async fn workspace(
        &self,
        workspace: &WorkspaceName,
    ) -> Result<WorkspaceEntry, Problem> {
        match self {
            Self::Here(host) => Ok(host.runner.workspace(&host.caller, workspace).await?),
            Self::There(client) => Ok(workspace_entry(client.workspace(workspace).await?)),
        }
    }

    pub(crate) async fn set_sealing(
        &self,
        workspace: &WorkspaceName,
        sealing: SealingPolicy,
    ) -> Result<(), Problem> {
        match self {
            Self::Here(host) => {
                let runner = &host.runner;
                Ok(runner.set_sealing(&host.caller, workspace, sealing).await?)
            }
            Self::There(client) => {
                let is_required = sealing == SealingPolicy::Required;
                client.require_sealing(workspace, is_required).await?;
                Ok(())
            }
        }
    }

    /// The credentials that a workspace with this policy gives to no run.
    pub(crate) async fn credentials_against(
        &self,
        workspace: &WorkspaceName,
        sealing: SealingPolicy,
    ) -> Result<Vec<CredentialEntry>, Problem> {
        let is_against = |handling: &Handling| !sealing.allows(handling);
        let mut credentials = self.credentials(workspace).await?;
        credentials.retain(|entry| entry.handling.as_ref().is_ok_and(is_against));
        Ok(credentials)
    }

    /// Adds a workspace, and a token of the role `admin` for it, if that has a name.
    pub(crate) async fn add_workspace(
        &self,
        workspace: &WorkspaceName,
        admin_token: Option<&TokenName>,
    ) -> Result<Option<Token>, Problem> {
        match (self, admin_token) {
            (Self::Here(host), None) => {
                host.runner.add_workspace(&host.caller, workspace).await?;
                Ok(None)
            }
            (Self::Here(host), Some(name)) => {
                let (runner, name) = (&host.runner, name.clone());
                let made = runner.add_workspace_with_token(&host.caller, workspace, name);
                Ok(Some(made.await?))
            }
            (Self::There(client), name) => {
                let added = client.add_workspace(workspace, name).await?;
                let made = added.admin_token.map(|made| Token::parse(made.token));
                let made = made.transpose();
                made.map_err(|error| Problem::host("strange_server", &error))
            }
        }
    }

    pub(crate) async fn remove_workspace(
        &self,
        workspace: &WorkspaceName,
        how: Removal,
    ) -> Result<(), Problem> {
        match self {
            Self::Here(host) => {
                let runner = &host.runner;
                let removed = runner.remove_workspace(&host.caller, workspace, how);
                Ok(removed.await?)
            }
            Self::There(client) => {
                let removed = client.remove_workspace(workspace, removal(how));
                Ok(removed.await?)
            }
        }
    }

    pub(crate) async fn workflows(
        &self,
        workspace: &WorkspaceName,
    ) -> Result<Vec<WorkflowEntry>, Problem> {
        match self {
            Self::Here(host) => Ok(host.runner.workflows(&host.caller, workspace).await?),
            Self::There(client) => {
                let workflows = client.workflows(workspace).await?.into_iter();
                Ok(workflows.map(workflow_entry).collect())
            }
        }
    }

    pub(crate) async fn workflow(
        &self,
        workspace: &WorkspaceName,
        workflow: &WorkflowName,
    ) -> Result<WorkflowEntry, Problem> {
        match self {
            Self::Here(host) => {
                let runner = &host.runner;
                Ok(runner.workflow(&host.caller, workspace, workflow).await?)
            }
            Self::There(client) => Ok(workflow_entry(client.workflow(workspace, workflow).await?)),
        }
    }

    pub(crate) async fn add_workflow(
        &self,
        workspace: &WorkspaceName,
        workflow: &WorkflowName,
    ) -> Result<(), Problem> {
        match self {
            Self::Here(host) => {
                let added = host.runner.add_workflow(&host.caller, workspace, workflow);
                Ok(added.await?)
            }
            Self::There(client) => {
                client.add_workflow(workspace, workflow).await?;
                Ok(())
            }
        }
    }

    pub(crate) async fn remove_workflow(
        &self,
        workspace: &WorkspaceName,
        workflow: &WorkflowName,
        how: Removal,
    ) -> Result<(), Problem> {
        match self {
            Self::Here(host) => {
                let removed = host
                    .runner
                    .remove_workflow(&host.caller, workspace, workflow, how);
                Ok(removed.await?)
            }
            Self::There(client) => {
                let removed = client.remove_workflow(workspace, workflow, removal(how));
                Ok(removed.await?)
            }
        }
    }

    pub(crate) async fn set_permission(
        &self,
        workspace: &WorkspaceName,
        workflow: &WorkflowName,
        permission: &UsagePermission,
    ) -> Result<(), Problem> {
        match self {
            Self::Here(host) => {
                let set = host
                    .runner
                    .set_permission(&host.caller, workspace, workflow, permission);
                Ok(set.await?)
            }
            Self::There(client) => {
                let set = client.set_permission(workspace, workflow, permission);
                Ok(set.await?)
            }
        }
    }

    pub(crate) async fn set_egress(
        &self,
        workspace: &WorkspaceName,
        workflow: &WorkflowName,
        egress: &WorkflowEgress,
    ) -> Result<(), Problem> {
        match self {
            Self::Here(host) => {
                let set = host
                    .runner
                    .set_egress(&host.caller, workspace, workflow, egress);
                Ok(set.await?)
            }
            Self::There(client) => {
                client.set_egress(workspace, workflow, egress).await?;
                Ok(())
            }
        }
    }

    /// What would become of a request. A server resolves the host, and asks what its operator allows.
    pub(crate) async fn explain_request(
        &self,
        workspace: &WorkspaceName,
        workflow: &WorkflowName,
        question: RequestQuestion<'_>,
    ) -> Result<Explanation, Problem> {
        match self {
            Self::Here(host) => {
                let explained =
                    host.runner
                        .explain_request(&host.caller, workspace, workflow, question);
                Ok(explained.await?)
            }
            Self::There(client) => {
                let RequestQuestion { method, url, key } = question;
                let explained = client
                    .explain_request(workspace, workflow, method, url, key)
                    .await?;
                Ok(explanation(explained))
            }
        }
    }
}
