//! Workspaces and workflows, as callers see them.

use jiff::Timestamp;

use lockstep_step::{
    Caller, Handling, Role, SealingPolicy, TokenName, WorkflowName, WorkspaceName,
};
use lockstep_store::{
    CredentialEntry, NewToken, Removal, StoreError, Thing, WorkflowEntry, WorkspaceEntry,
};
use lockstep_vault::{AdminPermit, EditPermit, ViewPermit};

use crate::error::ManageError;
use crate::nearest::nearest;
use crate::runner::Runner;
use crate::token::Token;
use crate::tokens::generated;

impl Runner {
    /// All workspaces, by name.
    ///
    /// # Errors
    /// [`ManageError`].
    pub async fn workspaces(&self) -> Result<Vec<WorkspaceEntry>, ManageError> {
        Ok(self.store().workspaces().await?)
    }

    /// One workspace.
    ///
    /// # Errors
    /// [`ManageError::NotFound`], [`ManageError::Forbidden`].
    pub async fn workspace(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
    ) -> Result<WorkspaceEntry, ManageError> {
        let permit = ViewPermit::check(caller, workspace)?;
        let entry = self.store().workspace(&permit).await;
        self.told(caller, workspace, entry).await
    }

    /// Says whether the credentials of a workspace must be sealed. Those that are there stay as they are;
    /// [`Runner::credentials_against`] tells which no run gets from now on.
    ///
    /// # Errors
    /// [`ManageError::NotFound`], [`ManageError::Forbidden`].
    pub async fn set_sealing(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        sealing: SealingPolicy,
    ) -> Result<(), ManageError> {
        let permit = AdminPermit::check(caller, workspace)?;
        let set = self
            .store()
            .set_sealing(&permit, sealing, Timestamp::now())
            .await;
        self.told(caller, workspace, set).await
    }

    /// The credentials that a workspace with this policy gives to no run.
    ///
    /// # Errors
    /// [`ManageError::NotFound`], [`ManageError::Forbidden`].
    pub async fn credentials_against(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        sealing: SealingPolicy,
    ) -> Result<Vec<CredentialEntry>, ManageError> {
        let is_against = |handling: &Handling| !sealing.allows(handling);
        let mut credentials = self.credentials(caller, workspace).await?;
        credentials.retain(|entry| entry.handling.as_ref().is_ok_and(is_against));
        Ok(credentials)
    }

    /// Adds a workspace, with a workflow called `default`.
    ///
    /// # Errors
    /// [`ManageError::Exists`], [`ManageError::Forbidden`].
    pub async fn add_workspace(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
    ) -> Result<(), ManageError> {
        let permit = AdminPermit::check(caller, workspace)?;
        Ok(self
            .store()
            .add_workspace(&permit, Timestamp::now())
            .await?)
    }

    /// The same, with a token of the role `admin` for it: both or neither. The token is told here, and never again.
    ///
    /// # Errors
    /// [`ManageError::Exists`], [`ManageError::Forbidden`], [`ManageError::NoRandomness`].
    pub async fn add_workspace_with_token(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        name: TokenName,
    ) -> Result<Token, ManageError> {
        let permit = AdminPermit::check(caller, workspace)?;
        let token = generated()?;
        let new = NewToken {
            name,
            role: Role::Admin,
            member: None,
            digest: token.digest(),
            expires_at: None,
        };
        let now = Timestamp::now();
        let added = self.store().add_workspace_with_token(&permit, new, now);
        added.await?;
        Ok(token)
    }

    /// Removes a workspace with all that it owns.
    ///
    /// # Errors
    /// [`ManageError::NotFound`]; the store's `HasCredentials` unless `removal` is forced, `Permanent` for `default`.
    pub async fn remove_workspace(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        removal: Removal,
    ) -> Result<(), ManageError> {
        let permit = AdminPermit::check(caller, workspace)?;
        let removed = self
            .store()
            .remove_workspace(&permit, removal, Timestamp::now())
            .await;
        self.told(caller, workspace, removed).await
    }

    /// All workflows of a workspace, by name.
    ///
    /// # Errors
    /// [`ManageError::NotFound`], [`ManageError::Forbidden`].
    pub async fn workflows(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
    ) -> Result<Vec<WorkflowEntry>, ManageError> {
        let permit = ViewPermit::check(caller, workspace)?;
        let workflows = self.store().workflows(&permit).await;
        self.told(caller, workspace, workflows).await
    }

    /// One workflow.
    ///
    /// # Errors
    /// [`ManageError::NotFound`], [`ManageError::Forbidden`].
    pub async fn workflow(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        workflow: &WorkflowName,
    ) -> Result<WorkflowEntry, ManageError> {
        let workflows = self.workflows(caller, workspace).await?;
        let found = workflows.into_iter().find(|entry| entry.name == *workflow);
        let found = found.ok_or_else(|| StoreError::NotFound(Thing::Workflow(workflow.clone())));
        self.told(caller, workspace, found).await
    }

    /// Adds a workflow, which may use all credentials.
    ///
    /// # Errors
    /// [`ManageError::Exists`], [`ManageError::NotFound`], [`ManageError::Forbidden`].
    pub async fn add_workflow(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        workflow: &WorkflowName,
    ) -> Result<(), ManageError> {
        let permit = EditPermit::check(caller, workspace)?;
        let added = self
            .store()
            .add_workflow(&permit, workflow, Timestamp::now())
            .await;
        self.told(caller, workspace, added).await
    }

    /// Removes a workflow with its steps. One that has credentials only with force, which only an admin may use.
    ///
    /// # Errors
    /// [`ManageError::NotFound`], [`ManageError::Forbidden`]; the store's `HasCredentials` or `Permanent`.
    pub async fn remove_workflow(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        workflow: &WorkflowName,
        removal: Removal,
    ) -> Result<(), ManageError> {
        let now = Timestamp::now();
        let removed = match removal {
            Removal::IfUnused => {
                let permit = EditPermit::check(caller, workspace)?;
                self.store().remove_workflow(&permit, workflow, now).await
            }
            Removal::Forced => {
                let permit = AdminPermit::check(caller, workspace)?;
                self.store()
                    .remove_workflow_with_credentials(&permit, workflow, now)
                    .await
            }
        };
        self.told(caller, workspace, removed).await
    }

    /// An answer of the store as the caller hears it: with the nearest name if one was not found.
    pub(crate) async fn told<T>(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        answer: Result<T, StoreError>,
    ) -> Result<T, ManageError> {
        match answer.map_err(ManageError::from) {
            Err(ManageError::NotFound { what, .. }) => {
                let nearest = self.nearest_to(caller, workspace, &what).await;
                Err(ManageError::NotFound { what, nearest })
            }
            other => other,
        }
    }

    /// The name that is most like that of a thing which does not exist. Only of what the caller may see; a store that
    /// fails meanwhile has no name to offer.
    pub(crate) async fn nearest_to(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        what: &Thing,
    ) -> Option<String> {
        let store = self.store();
        let permit = ViewPermit::check(caller, workspace).ok()?;
        match what {
            Thing::Workspace(name) => {
                let names = store.workspaces().await.ok()?;
                nearest(
                    name.as_str(),
                    names.into_iter().map(|entry| entry.name.into()),
                )
            }
            Thing::Workflow(name) => {
                let names = store.workflows(&permit).await.ok()?;
                nearest(
                    name.as_str(),
                    names.into_iter().map(|entry| entry.name.into()),
                )
            }
            Thing::Credential(scope, key) => {
                let names = store.credentials(&permit).await.ok()?;
                let in_scope = names.into_iter().filter(|entry| entry.scope == *scope);
                nearest(key.as_str(), in_scope.map(|entry| entry.key.into()))
            }
            Thing::Step(workflow, name) => {
                let names = store.steps(&permit, Some(workflow)).await.ok()?;
                nearest(
                    name.as_str(),
                    names.into_iter().map(|entry| entry.name.into()),
                )
            }
            Thing::Artifact(_)
            | Thing::Run(_)
            | Thing::Kek(_)
            | Thing::Token(_)
            | Thing::Member(_)
            | Thing::Permission(_) => None,
        }
    }
}
