//! The store's contract: each operation as one piece of work for the writer or for a reader.

use std::sync::{Arc, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;
use prometheus_client::registry::Registry;
use rusqlite::Connection;
use tokio::task;

use lockstep_step::{
    Condition, CredentialKey, Digest, LogChunk, MemberName, Role, RunId, Scope, SealingPolicy,
    StepName, TokenName, UsagePermission, WorkflowEgress, WorkflowName, WorkspaceName,
};
use lockstep_vault::{
    AdminPermit, EditPermit, HostPermit, KekCheck, KekId, KeyPermit, RecordPermit, RunPermit,
    SnapshotMark, Vault, ViewPermit, WorkspaceChanges,
};

use crate::audit::{
    AuditAction, AuditChain, AuditEntry, AuditFilter, AuditHead, AuditReport, AuditUse, Fields,
    Refusal,
};
use crate::backup::{BackupCopy, BackupError, RestoreError};
use crate::credential::{
    CredentialEntry, CredentialRemovals, Dependents, PutBase, PutCredential, Removal,
};
use crate::error::StoreError;
use crate::kek::{KekEntry, RewrappedKey, WorkspaceKeyEntry};
use crate::member::MemberEntry;
use crate::run::{
    LogEntry, NewRun, OpenedRun, RunEnd, RunFilter, RunRecord, RunStatus, RunSummary,
};
use crate::step::{NewStep, StepEntry, StepVersion};
use crate::store::Store;
use crate::token::{NewToken, TokenEntry};
use crate::workspace::{WorkflowEntry, WorkspaceEntry};

use super::credentials::Stamp;
use super::restore::{RESTORE_BEGUN, restoring};
use super::writer::Weight;
use super::{
    OpenStoreError, SqliteStore, Staging, audit, changes, column, credentials, dead_owners, egress,
    history, keks, members, open, runs, steps, tell_lost, tokens, workspaces,
};

impl SqliteStore {
    /// A change in a workspace: the end of its chain is sealed in the same transaction, if its key is at hand.
    async fn change<T: Send + 'static>(
        &self,
        workspace: WorkspaceName,
        mut work: impl FnMut(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let vault = self.vault();
        self.writer
            .write(Weight::Change, move |connection| {
                let done = work(connection)?;
                if let Some(vault) = &vault {
                    audit::seal(connection, &workspace, vault)?;
                }
                Ok(done)
            })
            .await
    }

    /// A change that the host's own chain tells: its end is sealed in the same transaction, if a key is at hand.
    async fn change_host<T: Send + 'static>(
        &self,
        mut work: impl FnMut(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let vault = self.vault();
        self.writer
            .write(Weight::Change, move |connection| {
                let done = work(connection)?;
                audit::seal_host(connection, vault.as_deref())?;
                Ok(done)
            })
            .await
    }

    /// An entry of the host's own chain.
    async fn tell_host(
        &self,
        permit: &HostPermit,
        fields: Fields<'static>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let permit = permit.clone();
        self.change_host(move |connection| {
            let stamp = Stamp::of(permit.caller(), at);
            audit::append_to_host(connection, stamp, fields)
        })
        .await
    }

    /// Checks a chain, on a connection that reads: nobody who writes waits for it.
    async fn verify(
        &self,
        chain: AuditChain,
        exported: Vec<AuditHead>,
    ) -> Result<AuditReport, StoreError> {
        let (vault, waits) = (self.vault(), Arc::new(()));
        // It is gone as soon as this future is.
        let wanted = Arc::downgrade(&waits);
        let report = self.readers.read(move |connection| {
            audit::verify(connection, &chain, &exported, vault.as_deref(), &wanted)
        });
        let report = report.await;
        drop(waits);
        report
    }

    pub(super) fn vault(&self) -> Option<Arc<Vault>> {
        let vault = self.vault.read();
        vault.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn keks(&self) -> Result<Vec<KekEntry>, StoreError> {
        self.readers.read(keks::list).await
    }

    async fn add_kek(&self, check: &KekCheck, at: Timestamp) -> Result<(), StoreError> {
        let check = *check;
        self.change_host(move |connection| {
            let by = audit::HOST;
            keks::add(connection, &check, Stamp { at, by })
        })
        .await
    }

    async fn add_made_kek(
        &self,
        permit: &KeyPermit,
        check: &KekCheck,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let (permit, check) = (permit.clone(), *check);
        self.change_host(move |connection| {
            keks::add(connection, &check, Stamp::of(permit.caller(), at))
        })
        .await
    }

    async fn retire_kek(
        &self,
        permit: &KeyPermit,
        kek: KekId,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let permit = permit.clone();
        self.change_host(move |connection| {
            let stamp = Stamp::of(permit.caller(), at);
            keks::retire(connection, kek, stamp)
        })
        .await
    }

    async fn workspace_keys_not_under(
        &self,
        _: &KeyPermit,
        kek: KekId,
        after: Option<&WorkspaceName>,
        limit: u32,
    ) -> Result<Vec<WorkspaceKeyEntry>, StoreError> {
        let after = after.cloned();
        self.readers
            .read(move |connection| keks::not_under(connection, kek, after.as_ref(), limit))
            .await
    }

    async fn replace_workspace_keys(
        &self,
        permit: &KeyPermit,
        keys: Vec<RewrappedKey>,
        at: Timestamp,
    ) -> Result<u64, StoreError> {
        let (permit, vault) = (permit.clone(), self.vault());
        self.writer
            .write(Weight::Change, move |connection| {
                let stamp = Stamp::of(permit.caller(), at);
                let replaced = keks::replace(connection, &keys, stamp)?;
                if let Some(vault) = &vault {
                    for key in &keys {
                        audit::seal(connection, &key.workspace, vault)?;
                    }
                }
                Ok(replaced)
            })
            .await
    }

    async fn workspaces(&self) -> Result<Vec<WorkspaceEntry>, StoreError> {
        self.readers.read(workspaces::list).await
    }

    async fn workspace(&self, permit: &ViewPermit) -> Result<WorkspaceEntry, StoreError> {
        let workspace = permit.workspace().clone();
        self.readers
            .read(move |connection| workspaces::find(connection, &workspace))
            .await
    }

    async fn set_sealing(
        &self,
        permit: &AdminPermit,
        sealing: SealingPolicy,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let permit = permit.clone();
        self.change(permit.workspace().clone(), move |connection| {
            let stamp = Stamp::of(permit.caller(), at);
            workspaces::set_sealing(connection, permit.workspace(), sealing, stamp)
        })
        .await
    }

    async fn add_workspace(&self, permit: &AdminPermit, at: Timestamp) -> Result<(), StoreError> {
        let (permit, vault) = (permit.clone(), self.vault());
        self.change(permit.workspace().clone(), move |connection| {
            let stamp = Stamp::of(permit.caller(), at);
            workspaces::add(connection, permit.workspace(), stamp)?;
            audit::seal_host(connection, vault.as_deref())
        })
        .await
    }

    async fn add_workspace_with_token(
        &self,
        permit: &AdminPermit,
        token: NewToken,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let (permit, vault) = (permit.clone(), self.vault());
        self.change(permit.workspace().clone(), move |connection| {
            let stamp = Stamp::of(permit.caller(), at);
            workspaces::add(connection, permit.workspace(), stamp)?;
            tokens::add(connection, permit.workspace(), &token, stamp)?;
            audit::seal_host(connection, vault.as_deref())
        })
        .await
    }

    async fn remove_workspace(
        &self,
        permit: &AdminPermit,
        removal: Removal,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let (permit, vault) = (permit.clone(), self.vault());
        self.change(permit.workspace().clone(), move |connection| {
            let stamp = Stamp::of(permit.caller(), at);
            workspaces::remove(connection, permit.workspace(), removal, stamp)?;
            audit::seal_host(connection, vault.as_deref())
        })
        .await
    }

    async fn workflows(&self, permit: &ViewPermit) -> Result<Vec<WorkflowEntry>, StoreError> {
        let workspace = permit.workspace().clone();
        self.readers
            .read(move |connection| workspaces::list_workflows(connection, &workspace))
            .await
    }

    async fn add_workflow(
        &self,
        permit: &EditPermit,
        workflow: &WorkflowName,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let (permit, workflow) = (permit.clone(), workflow.clone());
        self.change(permit.workspace().clone(), move |connection| {
            let stamp = Stamp::of(permit.caller(), at);
            workspaces::add_workflow(connection, permit.workspace(), &workflow, stamp)
        })
        .await
    }

    async fn remove_workflow(
        &self,
        permit: &EditPermit,
        workflow: &WorkflowName,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let permit = permit.clone();
        let workflow = workflow.clone();
        self.change(permit.workspace().clone(), move |connection| {
            let stamp = Stamp::of(permit.caller(), at);
            let removal = Removal::IfUnused;
            workspaces::remove_workflow(connection, permit.workspace(), &workflow, removal, stamp)
        })
        .await
    }

    async fn remove_workflow_with_credentials(
        &self,
        permit: &AdminPermit,
        workflow: &WorkflowName,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let permit = permit.clone();
        let workflow = workflow.clone();
        self.change(permit.workspace().clone(), move |connection| {
            let stamp = Stamp::of(permit.caller(), at);
            let removal = Removal::Forced;
            workspaces::remove_workflow(connection, permit.workspace(), &workflow, removal, stamp)
        })
        .await
    }

    async fn credentials(&self, permit: &ViewPermit) -> Result<Vec<CredentialEntry>, StoreError> {
        let workspace = permit.workspace().clone();
        self.readers
            .read(move |connection| credentials::list(connection, &workspace))
            .await
    }

    async fn credentials_of(
        &self,
        permit: &ViewPermit,
        scope: &Scope,
        after: Option<&CredentialKey>,
        limit: u32,
    ) -> Result<Vec<CredentialEntry>, StoreError> {
        let workspace = permit.workspace().clone();
        let (scope, after) = (scope.clone(), after.cloned());
        self.readers
            .read(move |connection| {
                credentials::list_of(connection, &workspace, &scope, after.as_ref(), limit)
            })
            .await
    }

    async fn credential(
        &self,
        permit: &ViewPermit,
        scope: &Scope,
        key: &CredentialKey,
    ) -> Result<CredentialEntry, StoreError> {
        let workspace = permit.workspace().clone();
        let (scope, key) = (scope.clone(), key.clone());
        self.readers
            .read(move |connection| credentials::find(connection, &workspace, &scope, &key))
            .await
    }

    async fn put_base(
        &self,
        permit: &AdminPermit,
        scope: &Scope,
        key: &CredentialKey,
    ) -> Result<PutBase, StoreError> {
        let workspace = permit.workspace().clone();
        let (scope, key) = (scope.clone(), key.clone());
        self.readers
            .read(move |connection| credentials::put_base(connection, &workspace, &scope, &key))
            .await
    }

    async fn put_credentials(
        &self,
        permit: &AdminPermit,
        puts: Vec<PutCredential>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let permit = permit.clone();
        self.change(permit.workspace().clone(), move |connection| {
            let stamp = Stamp::of(permit.caller(), at);
            credentials::put_all(connection, permit.workspace(), &puts, stamp)
        })
        .await
    }

    async fn remove_credential(
        &self,
        permit: &AdminPermit,
        scope: &Scope,
        key: &CredentialKey,
        removal: Removal,
        condition: &Condition,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let permit = permit.clone();
        let (scope, key, condition) = (scope.clone(), key.clone(), condition.clone());
        self.change(permit.workspace().clone(), move |connection| {
            let stamp = Stamp::of(permit.caller(), at);
            let workspace = permit.workspace();
            let place = (&scope, &key);
            credentials::check(connection, workspace, place, &condition)?;
            credentials::remove(connection, workspace, place, removal, stamp)
        })
        .await
    }

    async fn change_credentials(
        &self,
        permit: &AdminPermit,
        removals: CredentialRemovals,
        puts: Vec<PutCredential>,
        at: Timestamp,
    ) -> Result<Vec<CredentialKey>, StoreError> {
        let permit = permit.clone();
        self.change(permit.workspace().clone(), move |connection| {
            let stamp = Stamp::of(permit.caller(), at);
            let workspace = permit.workspace();
            // First, so that a key may be spelled anew.
            let removed = credentials::remove_all(connection, workspace, &removals, stamp)?;
            credentials::put_all(connection, workspace, &puts, stamp)?;
            Ok(removed)
        })
        .await
    }

    async fn dependents(
        &self,
        permit: &ViewPermit,
        scope: &Scope,
        key: &CredentialKey,
    ) -> Result<Dependents, StoreError> {
        let workspace = permit.workspace().clone();
        let (scope, key) = (scope.clone(), key.clone());
        self.readers
            .read(move |connection| credentials::dependents(connection, &workspace, &scope, &key))
            .await
    }

    async fn permission(
        &self,
        permit: &ViewPermit,
        workflow: &WorkflowName,
    ) -> Result<UsagePermission, StoreError> {
        let (workspace, workflow) = (permit.workspace().clone(), workflow.clone());
        self.readers
            .read(move |connection| workspaces::permission(connection, &workspace, &workflow))
            .await
    }

    async fn set_permission(
        &self,
        permit: &AdminPermit,
        workflow: &WorkflowName,
        permission: &UsagePermission,
        condition: &Condition,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let permit = permit.clone();
        let (workflow, permission) = (workflow.clone(), permission.clone());
        let condition = condition.clone();
        self.change(permit.workspace().clone(), move |connection| {
            let stamp = Stamp::of(permit.caller(), at);
            let workspace = permit.workspace();
            workspaces::check_permission(connection, workspace, &workflow, &condition)?;
            workspaces::set_permission(connection, workspace, &workflow, &permission, stamp)
        })
        .await
    }

    async fn set_egress(
        &self,
        permit: &AdminPermit,
        workflow: &WorkflowName,
        egress: &WorkflowEgress,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let permit = permit.clone();
        let (workflow, egress) = (workflow.clone(), egress.clone());
        self.change(permit.workspace().clone(), move |connection| {
            let stamp = Stamp::of(permit.caller(), at);
            egress::set(connection, permit.workspace(), &workflow, &egress, stamp)
        })
        .await
    }

    async fn add_token(
        &self,
        permit: &AdminPermit,
        token: NewToken,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let permit = permit.clone();
        self.change(permit.workspace().clone(), move |connection| {
            let stamp = Stamp::of(permit.caller(), at);
            tokens::add(connection, permit.workspace(), &token, stamp)
        })
        .await
    }

    async fn tokens(&self, permit: &AdminPermit) -> Result<Vec<TokenEntry>, StoreError> {
        let workspace = permit.workspace().clone();
        self.readers
            .read(move |connection| tokens::list(connection, &workspace))
            .await
    }

    async fn revoke_token(
        &self,
        permit: &AdminPermit,
        token: &TokenName,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let (permit, token) = (permit.clone(), token.clone());
        self.change(permit.workspace().clone(), move |connection| {
            let stamp = Stamp::of(permit.caller(), at);
            tokens::revoke(connection, permit.workspace(), &token, stamp)
        })
        .await
    }

    async fn token(&self, digest: &Digest) -> Result<Option<TokenEntry>, StoreError> {
        let digest = *digest;
        self.readers
            .glance(move |connection| tokens::find(connection, &digest))
            .await
    }

    fn register_metrics(&self, registry: &mut Registry) {
        self.writer.register_metrics(registry);
    }

    async fn touch_token(&self, digest: &Digest, at: Timestamp) -> Result<(), StoreError> {
        let digest = *digest;
        self.writer
            .write(Weight::Passing, move |connection| {
                tokens::touch(connection, &digest, at)
            })
            .await
    }

    async fn add_member(
        &self,
        permit: &AdminPermit,
        member: &MemberName,
        role: Role,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let (permit, member) = (permit.clone(), member.clone());
        self.change(permit.workspace().clone(), move |connection| {
            let stamp = Stamp::of(permit.caller(), at);
            members::add(connection, permit.workspace(), &member, role, stamp)
        })
        .await
    }

    async fn members(&self, permit: &AdminPermit) -> Result<Vec<MemberEntry>, StoreError> {
        let workspace = permit.workspace().clone();
        self.readers
            .read(move |connection| members::list(connection, &workspace))
            .await
    }

    async fn set_member(
        &self,
        permit: &AdminPermit,
        member: &MemberName,
        role: Role,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let (permit, member) = (permit.clone(), member.clone());
        self.change(permit.workspace().clone(), move |connection| {
            let stamp = Stamp::of(permit.caller(), at);
            members::set_role(connection, permit.workspace(), &member, role, stamp)
        })
        .await
    }

    async fn remove_member(
        &self,
        permit: &AdminPermit,
        member: &MemberName,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let (permit, member) = (permit.clone(), member.clone());
        self.change(permit.workspace().clone(), move |connection| {
            let stamp = Stamp::of(permit.caller(), at);
            members::remove(connection, permit.workspace(), &member, stamp)
        })
        .await
    }

    fn seal_heads(&self, vault: Arc<Vault>) {
        let held = self.vault.write();
        *held.unwrap_or_else(PoisonError::into_inner) = Some(vault);
    }

    async fn audit(
        &self,
        permit: &AdminPermit,
        filter: &AuditFilter,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let chain = AuditChain::Workspace(permit.workspace().clone());
        let filter = filter.clone();
        self.readers
            .read(move |connection| audit::list(connection, &chain, &filter))
            .await
    }

    async fn audit_head(&self, permit: &AdminPermit) -> Result<Option<AuditHead>, StoreError> {
        let chain = AuditChain::Workspace(permit.workspace().clone());
        self.readers
            .read(move |connection| audit::chain_head(connection, chain))
            .await
    }

    async fn verify_workspace_audit(
        &self,
        permit: &AdminPermit,
        exported: &[AuditHead],
    ) -> Result<AuditReport, StoreError> {
        let chain = AuditChain::Workspace(permit.workspace().clone());
        self.verify(chain, exported.to_owned()).await
    }

    async fn host_audit(
        &self,
        _: &HostPermit,
        filter: &AuditFilter,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let filter = filter.clone();
        self.readers
            .read(move |connection| audit::list(connection, &AuditChain::Host, &filter))
            .await
    }

    async fn audit_chains(&self, _: &HostPermit) -> Result<Vec<AuditChain>, StoreError> {
        self.readers.read(audit::chains).await
    }

    async fn audit_heads(&self, _: &HostPermit) -> Result<Vec<AuditHead>, StoreError> {
        self.readers.read(audit::heads).await
    }

    async fn verify_audit(
        &self,
        _: &HostPermit,
        chain: &AuditChain,
        exported: &[AuditHead],
    ) -> Result<AuditReport, StoreError> {
        self.verify(chain.clone(), exported.to_owned()).await
    }

    async fn take_backup(
        &self,
        permit: &HostPermit,
        at: Timestamp,
    ) -> Result<BackupCopy, BackupError> {
        self.tell_host(permit, Fields::of(AuditAction::BackupTaken), at)
            .await?;
        self.copy_out().await
    }

    async fn stage_backup(&self, _: &HostPermit, bytes: u64) -> Result<Staging, RestoreError> {
        let (directory, own) = (self.directory.clone(), self.owner.id().to_owned());
        let vault = self.vault();
        let staged = task::spawn_blocking(move || Self::stage(directory, &own, vault, bytes)).await;
        staged.map_err(|error| OpenStoreError::Store(StoreError::Failed(Box::new(error))))?
    }

    async fn tell_restore(&self, permit: &HostPermit, at: Timestamp) -> Result<(), StoreError> {
        self.tell_host(permit, restoring(RESTORE_BEGUN), at).await
    }

    async fn mark(&self, workspace: &WorkspaceName) -> Result<SnapshotMark, StoreError> {
        let workspace = workspace.clone();
        self.readers
            .glance(move |connection| changes::mark(connection, &workspace))
            .await
    }

    async fn changes_since(
        &self,
        workspace: &WorkspaceName,
        mark: Option<SnapshotMark>,
    ) -> Result<WorkspaceChanges, StoreError> {
        let workspace = workspace.clone();
        self.readers
            .read(move |connection| changes::since(connection, &workspace, mark))
            .await
    }

    async fn put_step(
        &self,
        permit: &EditPermit,
        workflow: &WorkflowName,
        name: &StepName,
        step: NewStep,
        condition: &Condition,
        at: Timestamp,
    ) -> Result<StepEntry, StoreError> {
        let permit = permit.clone();
        let (workflow, name, condition) = (workflow.clone(), name.clone(), condition.clone());
        // Megabytes are hashed here, not on the thread that all writers wait for.
        let artifact = Digest::of(&step.artifact);
        self.change(permit.workspace().clone(), move |connection| {
            let stamp = Stamp::of(permit.caller(), at);
            let place = (permit.workspace(), &workflow, &name);
            steps::put(connection, place, &step, &artifact, &condition, stamp)
        })
        .await
    }

    async fn steps(
        &self,
        permit: &ViewPermit,
        workflow: Option<&WorkflowName>,
    ) -> Result<Vec<StepEntry>, StoreError> {
        let (workspace, workflow) = (permit.workspace().clone(), workflow.cloned());
        self.readers
            .read(move |connection| steps::list(connection, &workspace, workflow.as_ref()))
            .await
    }

    async fn steps_of(
        &self,
        permit: &ViewPermit,
        workflow: &WorkflowName,
        after: Option<&StepName>,
        limit: u32,
    ) -> Result<Vec<StepEntry>, StoreError> {
        let workspace = permit.workspace().clone();
        let (workflow, after) = (workflow.clone(), after.cloned());
        self.readers
            .read(move |connection| {
                steps::list_of(connection, &workspace, &workflow, after.as_ref(), limit)
            })
            .await
    }

    async fn step_versions(
        &self,
        permit: &ViewPermit,
        workflow: &WorkflowName,
        name: &StepName,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<StepVersion>, StoreError> {
        let workspace = permit.workspace().clone();
        let (workflow, name) = (workflow.clone(), name.clone());
        let before = before.map(column::bound_column);
        self.readers
            .read(move |connection| {
                steps::versions(connection, &workspace, (&workflow, &name), before, limit)
            })
            .await
    }

    async fn step(
        &self,
        permit: &ViewPermit,
        workflow: &WorkflowName,
        name: &StepName,
    ) -> Result<StepEntry, StoreError> {
        let workspace = permit.workspace().clone();
        let (workflow, name) = (workflow.clone(), name.clone());
        self.readers
            .read(move |connection| steps::find(connection, &workspace, &workflow, &name))
            .await
    }

    async fn remove_step(
        &self,
        permit: &EditPermit,
        workflow: &WorkflowName,
        name: &StepName,
        condition: &Condition,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let permit = permit.clone();
        let (workflow, name, condition) = (workflow.clone(), name.clone(), condition.clone());
        self.change(permit.workspace().clone(), move |connection| {
            let stamp = Stamp::of(permit.caller(), at);
            let workspace = permit.workspace();
            steps::remove(connection, workspace, &workflow, &name, &condition, stamp)
        })
        .await
    }

    async fn artifact(
        &self,
        workspace: &WorkspaceName,
        artifact: &Digest,
    ) -> Result<Vec<u8>, StoreError> {
        let (workspace, artifact) = (workspace.clone(), *artifact);
        self.readers
            .read(move |connection| steps::artifact(connection, &workspace, &artifact))
            .await
    }

    async fn open_run(&self, run: NewRun) -> Result<OpenedRun, StoreError> {
        let owner = self.owner.id().to_owned();
        self.writer
            .write(Weight::Passing, move |connection| {
                runs::open(connection, &run, &owner)
            })
            .await
    }

    async fn settle_run(&self, run: &RunId, uses: Vec<AuditUse>) -> Result<(), StoreError> {
        let (run, vault) = (*run, self.vault());
        self.writer
            .write(Weight::Record, move |connection| {
                runs::settle(connection, &run, &uses, vault.as_deref())
            })
            .await
    }

    async fn append_uses(&self, run: &RunId, uses: Vec<AuditUse>) -> Result<(), StoreError> {
        let (run, vault) = (*run, self.vault());
        self.writer
            .write(Weight::Passing, move |connection| {
                runs::append_uses(connection, &run, &uses, vault.as_deref()).map(drop)
            })
            .await
    }

    async fn append_log(&self, run: &RunId, chunks: Vec<LogChunk>) -> Result<(), StoreError> {
        let run = *run;
        self.writer
            .write(Weight::Passing, move |connection| {
                runs::append_log(connection, &run, &chunks)
            })
            .await
    }

    async fn tell_cancelled(
        &self,
        permit: &RunPermit,
        run: &RunId,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let (permit, run) = (permit.clone(), *run);
        self.change(permit.workspace().clone(), move |connection| {
            let stamp = Stamp::of(permit.caller(), at);
            let place = (permit.workspace(), permit.workflow());
            runs::tell_cancelled(connection, place, &run, stamp)
        })
        .await
    }

    async fn tell_refused(
        &self,
        chain: &AuditChain,
        refusals: Vec<Refusal>,
    ) -> Result<(), StoreError> {
        let told_in = chain.clone();
        let append =
            move |connection: &Connection| audit::append_refusals(connection, &told_in, &refusals);
        match chain.workspace() {
            Some(workspace) => self.change(workspace.clone(), append).await,
            None => self.change_host(append).await,
        }
    }

    async fn close_run(&self, run: &RunId, end: RunEnd) -> Result<(), StoreError> {
        let (run, vault) = (*run, self.vault());
        let weight = if end.waits_for_disk {
            Weight::Record
        } else {
            Weight::Soon
        };
        self.writer
            .write(weight, move |connection| {
                runs::close(connection, &run, &end, vault.as_deref())
            })
            .await
    }

    async fn forbid_run(&self, run: &RunId, at: Timestamp) -> Result<(), StoreError> {
        let run = *run;
        self.writer
            .write(Weight::Record, move |connection| {
                runs::forbid(connection, &run, at)
            })
            .await
    }

    async fn mark_lost(&self, at: Timestamp) -> Result<Vec<RunId>, StoreError> {
        let directory = self.directory.clone();
        let locking = task::spawn_blocking(move || open::lock_opening(&directory));
        let opening = locking
            .await
            .map_err(|error| StoreError::Failed(Box::new(error)))??;
        let directory = self.directory.clone();
        let dead = self
            .readers
            .read(move |connection| Ok(dead_owners(connection, &directory)?))
            .await?;
        // Who is dead stays dead, so the lock is not needed to write it down.
        drop(opening);
        if dead.is_empty() {
            return Ok(Vec::new());
        }
        let lost = self
            .writer
            .write(Weight::Record, move |connection| {
                runs::mark_lost(connection, &dead, at)
            })
            .await?;
        tell_lost(&lost);
        Ok(lost)
    }

    async fn runs(
        &self,
        permit: &RecordPermit,
        filter: &RunFilter,
    ) -> Result<Vec<RunSummary>, StoreError> {
        let (workspace, filter) = (permit.workspace().clone(), filter.clone());
        self.readers
            .read(move |connection| history::list(connection, &workspace, &filter))
            .await
    }

    async fn run(&self, permit: &RecordPermit, run: &RunId) -> Result<RunRecord, StoreError> {
        let (workspace, run) = (permit.workspace().clone(), *run);
        self.readers
            .read(move |connection| history::find(connection, &workspace, &run))
            .await
    }

    async fn run_status(
        &self,
        permit: &RecordPermit,
        run: &RunId,
    ) -> Result<RunStatus, StoreError> {
        let (workspace, run) = (permit.workspace().clone(), *run);
        self.readers
            .read(move |connection| history::status(connection, &workspace, &run))
            .await
    }

    async fn log(
        &self,
        permit: &RecordPermit,
        run: &RunId,
        sequence: u64,
        limit: u32,
    ) -> Result<Vec<LogEntry>, StoreError> {
        let (workspace, run) = (permit.workspace().clone(), *run);
        let sequence = column::number_column(sequence)?;
        self.readers
            .read(move |connection| history::log(connection, &workspace, &run, sequence, limit))
            .await
    }
}
