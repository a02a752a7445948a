//! The registry of steps: validated, encoded and compiled when they are added, so that a run finds them ready.

use jiff::Timestamp;

use lockstep_sandbox::{Artifact, StepCode, StepFile};
use lockstep_step::{
    Caller, Condition, CredentialKey, DenialReason, Digest, Expiry, StepName, WorkflowName,
    WorkspaceName,
};
use lockstep_store::{NewStep, StepEntry, StepVersion};
use lockstep_vault::{EditPermit, ViewPermit, choose};

use crate::error::ManageError;
use crate::runner::Runner;

/// A step that was added, and what its author should know.
#[derive(Debug)]
pub struct StepAdded {
    /// The step, as it stands now.
    pub step: StepEntry,
    /// What would keep it from running well.
    pub warnings: Vec<StepWarning>,
    /// Keys that it names and gets a placeholder for, as the credential is sealed.
    pub sealed: Vec<CredentialKey>,
    /// Keys that it names and gets until soon, with their end.
    pub expiring: Vec<(CredentialKey, Timestamp)>,
}

/// What a step gets of the credentials that it names.
#[derive(Default)]
struct Named {
    warnings: Vec<StepWarning>,
    sealed: Vec<CredentialKey>,
    expiring: Vec<(CredentialKey, Timestamp)>,
}

/// A credential that the code names and would not get.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StepWarning {
    /// Its key.
    pub key: CredentialKey,
    /// Why it would not get it.
    pub reason: DenialReason,
}

impl Runner {
    /// Adds a step to a workflow, or a new version of it. It is validated and compiled first.
    ///
    /// # Errors
    /// [`ManageError::Load`] if the bytes are no step; [`ManageError::NotFound`], [`ManageError::Forbidden`].
    pub async fn add_step(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        workflow: &WorkflowName,
        name: &StepName,
        file: StepFile,
    ) -> Result<StepAdded, ManageError> {
        let place = (workflow, name);
        self.add_step_if(caller, workspace, place, file, &Condition::NONE)
            .await
    }

    /// The same, if this holds of its present version.
    ///
    /// # Errors
    /// The store's `Condition` if it does not; as for [`Runner::add_step`].
    pub async fn add_step_if(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        (workflow, name): (&WorkflowName, &StepName),
        file: StepFile,
        condition: &Condition,
    ) -> Result<StepAdded, ManageError> {
        let permit = EditPermit::check(caller, workspace)?;
        let Artifact {
            digest,
            kind,
            bytes,
            keys,
            dynamic,
        } = self.parts.sandbox.prepare(workspace.as_str(), file).await?;
        let code = async { Ok(StepCode::Artifact(bytes.clone())) };
        let load = self
            .parts
            .sandbox
            .load(workspace.as_str(), Digest::of(&bytes), code);
        load.await?;
        let named = self.named(workspace, workflow, &keys).await;
        let kind = kind.as_str().to_owned();
        let new = NewStep {
            digest,
            kind,
            artifact: bytes,
            references: keys.into_iter().collect(),
            dynamic,
        };
        let put = self
            .store()
            .put_step(&permit, workflow, name, new, condition, Timestamp::now())
            .await;
        let step = self.told(caller, workspace, put).await?;
        let named = self.told(caller, workspace, named).await?;
        Ok(StepAdded::new(step, named))
    }

    /// All steps of a workspace, or of one workflow.
    ///
    /// # Errors
    /// [`ManageError::NotFound`], [`ManageError::Forbidden`].
    pub async fn steps(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        workflow: Option<&WorkflowName>,
    ) -> Result<Vec<StepEntry>, ManageError> {
        let permit = ViewPermit::check(caller, workspace)?;
        let steps = self.store().steps(&permit, workflow).await;
        self.told(caller, workspace, steps).await
    }

    /// The steps of a workflow whose names come after `after`, by name: at most `limit`.
    ///
    /// # Errors
    /// [`ManageError::NotFound`], [`ManageError::Forbidden`].
    pub async fn steps_of(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        workflow: &WorkflowName,
        after: Option<&StepName>,
        limit: u32,
    ) -> Result<Vec<StepEntry>, ManageError> {
        let permit = ViewPermit::check(caller, workspace)?;
        let steps = self.store().steps_of(&permit, workflow, after, limit).await;
        self.told(caller, workspace, steps).await
    }

    /// The versions of a step below `before`, the latest first: at most `limit`.
    ///
    /// # Errors
    /// [`ManageError::NotFound`], [`ManageError::Forbidden`].
    pub async fn step_versions(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        (workflow, name): (&WorkflowName, &StepName),
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<StepVersion>, ManageError> {
        let permit = ViewPermit::check(caller, workspace)?;
        let versions = self
            .store()
            .step_versions(&permit, workflow, name, before, limit)
            .await;
        self.told(caller, workspace, versions).await
    }

    /// One step, with the credentials that it names and would not get.
    ///
    /// # Errors
    /// [`ManageError::NotFound`], [`ManageError::Forbidden`].
    pub async fn step(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        workflow: &WorkflowName,
        name: &StepName,
    ) -> Result<StepAdded, ManageError> {
        let permit = ViewPermit::check(caller, workspace)?;
        let found = self.store().step(&permit, workflow, name).await;
        let step = self.told(caller, workspace, found).await?;
        let keys: Vec<_> = step.references.iter().cloned().collect();
        let named = self.named(workspace, workflow, &keys).await?;
        Ok(StepAdded::new(step, named))
    }

    /// Removes a step in all its versions. The record of its runs stays.
    ///
    /// # Errors
    /// [`ManageError::NotFound`], [`ManageError::Forbidden`].
    pub async fn remove_step(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        workflow: &WorkflowName,
        name: &StepName,
    ) -> Result<(), ManageError> {
        let place = (workflow, name);
        self.remove_step_if(caller, workspace, place, &Condition::NONE)
            .await
    }

    /// The same, if this holds of its present version.
    ///
    /// # Errors
    /// The store's `Condition` if it does not; as for [`Runner::remove_step`].
    pub async fn remove_step_if(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        (workflow, name): (&WorkflowName, &StepName),
        condition: &Condition,
    ) -> Result<(), ManageError> {
        let permit = EditPermit::check(caller, workspace)?;
        let removed = self
            .store()
            .remove_step(&permit, workflow, name, condition, Timestamp::now())
            .await;
        self.told(caller, workspace, removed).await
    }

    /// Those of `keys` that a run of the workflow would be refused now, and those that are sealed.
    async fn named(
        &self,
        workspace: &WorkspaceName,
        workflow: &WorkflowName,
        keys: &[CredentialKey],
    ) -> Result<Named, lockstep_store::StoreError> {
        let mut named = Named::default();
        if keys.is_empty() {
            return Ok(named);
        }
        let mark = self.store().mark(workspace).await?;
        let snapshot = self
            .parts
            .snapshots
            .at(self.store(), workspace, mark)
            .await?;
        let now = Timestamp::now();
        for key in keys {
            let key = key.clone();
            let chosen = match choose(&snapshot, workflow, &key, now) {
                Ok(chosen) => chosen,
                Err(reason) => {
                    named.warnings.push(StepWarning { key, reason });
                    continue;
                }
            };
            if let Expiry::Soon(end) = Expiry::at(chosen.sealed.expires_at(), now) {
                named.expiring.push((key.clone(), end));
            }
            if chosen.handling.sealing().is_some() {
                named.sealed.push(key);
            }
        }
        Ok(named)
    }
}

impl StepAdded {
    fn new(step: StepEntry, named: Named) -> Self {
        let Named {
            warnings,
            sealed,
            expiring,
        } = named;
        Self {
            step,
            warnings,
            sealed,
            expiring,
        }
    }
}
