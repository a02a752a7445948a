//! Credentials.

use lockstep_client::PutRule as ClientPutRule;
use lockstep_runner::{
    CredentialEntry, CredentialPut, CredentialUsage, EffectiveCredential, NewCredential, PutRule,
    Removal, breaks_header,
};
use lockstep_step::{CredentialKey, Handling, Scope, WorkflowName, WorkspaceName};

use super::Backend;
use super::answers::{
    credential_entry, credential_put, credential_usage, effective_credential, new_credential,
    removal,
};
use crate::problem::Problem;

impl Backend {
    /// All credentials of a workspace and of its workflows.
    pub(crate) async fn credentials(
        &self,
        workspace: &WorkspaceName,
    ) -> Result<Vec<CredentialEntry>, Problem> {
        let client = match self {
            Self::Here(host) => {
                return Ok(host.runner.credentials(&host.caller, workspace).await?);
            }
            Self::There(client) => client,
        };
        let mut all = client.credentials(workspace, &Scope::Workspace).await?;
        for workflow in client.workflows(workspace).await? {
            if workflow.credentials > 0 {
                let scope = Scope::Workflow(workflow.name);
                all.extend(client.credentials(workspace, &scope).await?);
            }
        }
        // As on this machine: by key, the workspace's before those of workflows.
        all.sort_by(|one, other| (&one.key, &one.workflow).cmp(&(&other.key, &other.workflow)));
        Ok(all.into_iter().map(credential_entry).collect())
    }

    pub(crate) async fn effective_credentials(
        &self,
        workspace: &WorkspaceName,
        workflow: &WorkflowName,
    ) -> Result<Vec<EffectiveCredential>, Problem> {
        match self {
            Self::Here(host) => {
                let effective =
                    host.runner
                        .effective_credentials(&host.caller, workspace, workflow);
                Ok(effective.await?)
            }
            Self::There(client) => {
                let effective = client.effective_credentials(workspace, workflow).await?;
                Ok(effective.into_iter().map(effective_credential).collect())
            }
        }
    }

    pub(crate) async fn credential_usage(
        &self,
        workspace: &WorkspaceName,
        scope: &Scope,
        key: &CredentialKey,
    ) -> Result<CredentialUsage, Problem> {
        match self {
            Self::Here(host) => {
                let usage = host
                    .runner
                    .credential_usage(&host.caller, workspace, scope, key);
                Ok(usage.await?)
            }
            Self::There(client) => {
                let (credential, used_by) = client.credential(workspace, scope, key).await?;
                Ok(credential_usage(credential, used_by))
            }
        }
    }

    pub(crate) async fn delete_credential(
        &self,
        workspace: &WorkspaceName,
        scope: &Scope,
        key: &CredentialKey,
        how: Removal,
    ) -> Result<(), Problem> {
        match self {
            Self::Here(host) => {
                let deleted =
                    host.runner
                        .delete_credential(&host.caller, workspace, scope, key, how);
                Ok(deleted.await?)
            }
            Self::There(client) => {
                let deleted = client.delete_credential(workspace, scope, key, removal(how));
                Ok(deleted.await?)
            }
        }
    }

    /// Whether a credential would be taken so. Asks for no value.
    pub(crate) async fn check_planned(
        &self,
        workspace: &WorkspaceName,
        scope: &Scope,
        key: &CredentialKey,
        handling: Option<&Handling>,
    ) -> Result<(), Problem> {
        match self {
            Self::Here(host) => {
                let planned =
                    host.runner
                        .planned_handling(&host.caller, workspace, scope, key, handling);
                planned.await?;
                Ok(())
            }
            Self::There(client) => {
                // Who may set credentials may see the workspace; others hear from here that they may not.
                let entry = client.workspace(workspace).await?;
                let is_revealed = matches!(handling, Some(Handling::Reveal));
                if entry.require_sealing && is_revealed {
                    let (workspace, key) = (workspace.clone(), key.clone());
                    return Err(sealing_required(workspace, key));
                }
                Ok(())
            }
        }
    }

    /// Sets credentials of one scope, all of them or none.
    pub(crate) async fn put_credentials(
        &self,
        workspace: &WorkspaceName,
        scope: &Scope,
        credentials: Vec<NewCredential>,
        rule: PutRule<'_>,
    ) -> Result<Vec<CredentialPut>, Problem> {
        let client = match self {
            Self::Here(host) => {
                let put =
                    host.runner
                        .put_credentials(&host.caller, workspace, scope, &credentials, rule);
                return Ok(put.await?);
            }
            Self::There(client) => client,
        };
        let (mut asked, mut expected) = (Vec::new(), Vec::new());
        for new in credentials {
            let handling = match &new.handling {
                Some(handling) => handling.clone(),
                None => self.present_handling(workspace, scope, &new.key).await?,
            };
            let breaks_header = breaks_header(&new.value, &handling);
            expected.push((new.key.clone(), handling, breaks_header));
            asked.push(new_credential(new));
        }
        let rule = match rule {
            PutRule::Rotate => ClientPutRule::Rotate,
            // Commands know no versions.
            PutRule::CreateOrRotate | PutRule::If(_) => ClientPutRule::CreateOrRotate,
        };
        let sets = match <[_; 1]>::try_from(asked) {
            Ok([new]) => vec![client.put_credential(workspace, scope, new, rule).await?],
            Err(several) => client.put_credentials(workspace, scope, &several).await?,
        };
        let told = expected.into_iter().zip(&sets);
        told.map(|((key, handling, breaks), set)| credential_put(key, set, handling, breaks))
            .collect()
    }

    /// What a step gets of a credential as it is now, and would of its next version if nothing is said.
    async fn present_handling(
        &self,
        workspace: &WorkspaceName,
        scope: &Scope,
        key: &CredentialKey,
    ) -> Result<Handling, Problem> {
        match self.credential_usage(workspace, scope, key).await {
            Ok(usage) => Ok(usage.credential.handling.unwrap_or(Handling::Reveal)),
            Err(problem) if problem.code == "not_found" => Ok(Handling::Reveal),
            Err(problem) => Err(problem),
        }
    }
}

fn sealing_required(workspace: WorkspaceName, key: CredentialKey) -> Problem {
    (&lockstep_runner::StoreError::SealingRequired { workspace, key }).into()
}
