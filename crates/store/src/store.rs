//! The contract of a store.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use prometheus_client::registry::Registry;

use lockstep_step::{
    Condition, CredentialKey, Digest, LogChunk, MemberName, Role, RunId, Scope, SealingPolicy,
    StepName, TokenName, UsagePermission, WorkflowEgress, WorkflowName, WorkspaceName,
};
use lockstep_vault::{
    AdminPermit, EditPermit, HostPermit, KekCheck, KekId, KeyPermit, RecordPermit, RunPermit,
    SnapshotMark, Vault, ViewPermit, WorkspaceChanges,
};

use crate::audit::{
    AuditChain, AuditEntry, AuditFilter, AuditHead, AuditReport, AuditUse, Refusal,
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
use crate::sqlite::Staging;
use crate::step::{NewStep, StepEntry, StepVersion};
use crate::token::{NewToken, TokenEntry};
use crate::workspace::{WorkflowEntry, WorkspaceEntry};

/// Keeps what Lockstep keeps.
///
/// - A change that was answered with `Ok` is on disk. One that was answered with `Err` changed nothing.
/// - Of a run that goes on ([`Store::open_run`], [`Store::append_log`], [`Store::append_uses`]) the answer means less: it outlives the process,
///   and is on disk with the next change that is, at the latest with the end of the run. So a loss of power can take
///   with it the record of a run that nobody has heard the end of.
/// - A change goes on if the caller drops its future: it happens or it does not, never by half.
/// - What one process changed, all see from then on: nothing is cached in here.
/// - Where a permit is asked for, it names the workspace. So there is no way into another one.
/// - `NotFound` of a workspace or workflow comes from any operation on one that does not exist.
/// - `at` is the present time: a store has no clock. Times are kept in microseconds.
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync {
    // Key-encryption keys.

    /// The key-encryption keys that this store has seen.
    async fn keks(&self) -> Result<Vec<KekEntry>, StoreError>;

    /// Remembers a key-encryption key, before it wraps anything. `Exists` if the store knows another key of this name,
    /// `Retired` if it may not wrap any more.
    async fn add_kek(&self, check: &KekCheck, at: Timestamp) -> Result<(), StoreError>;

    /// The same of one that a caller made, whom its entry in the audit names.
    async fn add_made_kek(
        &self,
        permit: &KeyPermit,
        check: &KekCheck,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Retires a key-encryption key that wraps nothing: from now on it cannot. One that is retired stays as it is.
    ///
    /// `Wraps` while it wraps something; `NotFound` if it is not among [`Store::keks`].
    async fn retire_kek(
        &self,
        permit: &KeyPermit,
        kek: KekId,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// The keys of workspaces that are wrapped by another key-encryption key than `kek`: of workspaces whose names come
    /// after `after`, by name, at most `limit`.
    async fn workspace_keys_not_under(
        &self,
        permit: &KeyPermit,
        kek: KekId,
        after: Option<&WorkspaceName>,
        limit: u32,
    ) -> Result<Vec<WorkspaceKeyEntry>, StoreError>;

    /// Replaces the keys of workspaces that are still what [`RewrappedKey::read`] says, and tells how many it were. The
    /// mark of each moves.
    ///
    /// `NotFound` if the key-encryption key is not among [`Store::keks`], `Retired` if it may not wrap any more: then
    /// none is replaced.
    async fn replace_workspace_keys(
        &self,
        permit: &KeyPermit,
        keys: Vec<RewrappedKey>,
        at: Timestamp,
    ) -> Result<u64, StoreError>;

    // Workspaces and workflows.

    /// All workspaces, by name. The one called `default` is always there.
    async fn workspaces(&self) -> Result<Vec<WorkspaceEntry>, StoreError>;

    /// The permit's workspace.
    async fn workspace(&self, permit: &ViewPermit) -> Result<WorkspaceEntry, StoreError>;

    /// Says whether the credentials of the permit's workspace must be sealed. Those that are there stay as they are; the
    /// mark moves.
    async fn set_sealing(
        &self,
        permit: &AdminPermit,
        sealing: SealingPolicy,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Adds the permit's workspace, with a workflow called `default`. `Exists` if it is there.
    async fn add_workspace(&self, permit: &AdminPermit, at: Timestamp) -> Result<(), StoreError>;

    /// The same with its first token, as [`Store::add_token`] would add it: both or neither.
    async fn add_workspace_with_token(
        &self,
        permit: &AdminPermit,
        token: NewToken,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Removes the permit's workspace with all that it owns, the record of its runs included.
    ///
    /// `HasCredentials` unless `removal` is forced; `Permanent` for the one called `default`.
    async fn remove_workspace(
        &self,
        permit: &AdminPermit,
        removal: Removal,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// All workflows of the workspace, by name. The one called `default` is always there.
    async fn workflows(&self, permit: &ViewPermit) -> Result<Vec<WorkflowEntry>, StoreError>;

    /// Adds a workflow, which may use all credentials. `Exists` if it is there.
    async fn add_workflow(
        &self,
        permit: &EditPermit,
        workflow: &WorkflowName,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Removes a workflow with its steps and its usage permission. The record of its runs stays with the workspace.
    ///
    /// `HasCredentials` if it has some; `Permanent` for the one called `default`.
    async fn remove_workflow(
        &self,
        permit: &EditPermit,
        workflow: &WorkflowName,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Removes a workflow and its credentials, which only an admin may do.
    async fn remove_workflow_with_credentials(
        &self,
        permit: &AdminPermit,
        workflow: &WorkflowName,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    // Credentials and usage permissions.

    /// All credentials of the workspace and of its workflows: by key, the workspace's own first.
    async fn credentials(&self, permit: &ViewPermit) -> Result<Vec<CredentialEntry>, StoreError>;

    /// The credentials of one scope whose keys come after `after`, by key: at most `limit`.
    async fn credentials_of(
        &self,
        permit: &ViewPermit,
        scope: &Scope,
        after: Option<&CredentialKey>,
        limit: u32,
    ) -> Result<Vec<CredentialEntry>, StoreError>;

    /// One credential.
    async fn credential(
        &self,
        permit: &ViewPermit,
        scope: &Scope,
        key: &CredentialKey,
    ) -> Result<CredentialEntry, StoreError>;

    /// What to seal the next version of a credential on, whether it exists or not.
    async fn put_base(
        &self,
        permit: &AdminPermit,
        scope: &Scope,
        key: &CredentialKey,
    ) -> Result<PutBase, StoreError>;

    /// Sets or rotates credentials: all of them or none.
    ///
    /// - `VersionConflict` if one is not [`PutCredential::current`] any more, or if the workspace has another key by
    ///   now: read the bases and seal again.
    /// - `CaseConflict` if its scope has a key that differs only by case.
    /// - `SealingRequired` if the workspace requires sealing, and the record of one does not say that it is sealed.
    /// - `NotFound` if the key-encryption key is not among [`Store::keks`], `Retired` if it may not wrap any more.
    async fn put_credentials(
        &self,
        permit: &AdminPermit,
        puts: Vec<PutCredential>,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Deletes a credential. Its versions are not used again.
    ///
    /// `Condition` unless that holds; `InUse` with its [`Store::dependents`], unless `removal` is forced.
    async fn remove_credential(
        &self,
        permit: &AdminPermit,
        scope: &Scope,
        key: &CredentialKey,
        removal: Removal,
        condition: &Condition,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Deletes credentials and then sets others: all of it or nothing. Tells which there were to delete.
    ///
    /// As [`Store::remove_credential`] and [`Store::put_credentials`] would; but what is not there to delete is gone.
    async fn change_credentials(
        &self,
        permit: &AdminPermit,
        removals: CredentialRemovals,
        puts: Vec<PutCredential>,
        at: Timestamp,
    ) -> Result<Vec<CredentialKey>, StoreError>;

    /// What would miss this credential: workflows that list its key and steps that name it. A workflow whose own
    /// credential overrides the workspace's does not miss the workspace's.
    async fn dependents(
        &self,
        permit: &ViewPermit,
        scope: &Scope,
        key: &CredentialKey,
    ) -> Result<Dependents, StoreError>;

    /// What a workflow may use.
    async fn permission(
        &self,
        permit: &ViewPermit,
        workflow: &WorkflowName,
    ) -> Result<UsagePermission, StoreError>;

    /// Sets what a workflow may use. It may list keys that do not exist yet.
    ///
    /// `Condition` unless that holds of the microsecond at which it was set last, or 0 if it never was.
    async fn set_permission(
        &self,
        permit: &AdminPermit,
        workflow: &WorkflowName,
        permission: &UsagePermission,
        condition: &Condition,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Sets where the requests of a workflow may go.
    async fn set_egress(
        &self,
        permit: &AdminPermit,
        workflow: &WorkflowName,
        egress: &WorkflowEgress,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    // Tokens.

    /// Keeps what a new token of the permit's workspace is recognised by. `Exists` if it ever had one of this name,
    /// `NotFound` if there is no such member as it is for.
    async fn add_token(
        &self,
        permit: &AdminPermit,
        token: NewToken,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// All tokens that the workspace ever had, by name.
    async fn tokens(&self, permit: &AdminPermit) -> Result<Vec<TokenEntry>, StoreError>;

    /// Revokes a token, for all processes at once. One that is revoked stays as it was revoked first.
    async fn revoke_token(
        &self,
        permit: &AdminPermit,
        token: &TokenName,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// The token of this digest, whatever has become of it. It takes no permit, as permits are made from what it says.
    async fn token(&self, digest: &Digest) -> Result<Option<TokenEntry>, StoreError>;

    /// Notes that a token was used. As with a run that goes on, the answer outlives the process and not a loss of power.
    async fn touch_token(&self, digest: &Digest, at: Timestamp) -> Result<(), StoreError>;

    // Members.

    /// Adds a member to the permit's workspace. `Exists` if there is one of this name.
    async fn add_member(
        &self,
        permit: &AdminPermit,
        member: &MemberName,
        role: Role,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// All members of the workspace, by name.
    async fn members(&self, permit: &AdminPermit) -> Result<Vec<MemberEntry>, StoreError>;

    /// Gives a member a role. Its tokens may do no more from then on, in all processes.
    async fn set_member(
        &self,
        permit: &AdminPermit,
        member: &MemberName,
        role: Role,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Removes a member and revokes its tokens, for all processes at once.
    async fn remove_member(
        &self,
        permit: &AdminPermit,
        member: &MemberName,
        at: Timestamp,
    ) -> Result<(), StoreError>;
    // The audit. Each change above is told in the chain of its workspace, or of the host, in the same transaction.

    /// From now on, ends of chains are sealed with the keys of workspaces that `vault` can unwrap. Who has no key cannot
    /// write such a chain anew.
    fn seal_heads(&self, vault: Arc<Vault>);

    /// Entries of the permit's workspace. One that is gone has them still.
    async fn audit(
        &self,
        permit: &AdminPermit,
        filter: &AuditFilter,
    ) -> Result<Vec<AuditEntry>, StoreError>;

    /// Where the chain of the permit's workspace ends; `None` if there is no such chain.
    async fn audit_head(&self, permit: &AdminPermit) -> Result<Option<AuditHead>, StoreError>;

    /// Checks the chain of the permit's workspace, as [`Store::verify_audit`] does.
    async fn verify_workspace_audit(
        &self,
        permit: &AdminPermit,
        exported: &[AuditHead],
    ) -> Result<AuditReport, StoreError>;

    /// Entries of the host's own chain.
    async fn host_audit(
        &self,
        permit: &HostPermit,
        filter: &AuditFilter,
    ) -> Result<Vec<AuditEntry>, StoreError>;

    /// All chains that there are or should be, the host's first.
    async fn audit_chains(&self, permit: &HostPermit) -> Result<Vec<AuditChain>, StoreError>;

    /// Where each chain ends, to be kept elsewhere.
    async fn audit_heads(&self, permit: &HostPermit) -> Result<Vec<AuditHead>, StoreError>;

    /// Checks a chain at one moment: its entries, its end, its seal, what was `exported` of it before, and whether the
    /// credentials of the workspace are the versions that it names last. Heads of other chains are passed over. Who drops
    /// the future ends it, as a chain may be long.
    async fn verify_audit(
        &self,
        permit: &HostPermit,
        chain: &AuditChain,
        exported: &[AuditHead],
    ) -> Result<AuditReport, StoreError>;

    // The whole database.

    /// A copy of the database, of one moment, in which the host's chain tells that it was taken. Who drops the future ends
    /// it.
    async fn take_backup(
        &self,
        permit: &HostPermit,
        at: Timestamp,
    ) -> Result<BackupCopy, BackupError>;

    /// Room for a backup of so many bytes, that is to take the place of the database when this is closed. Nobody else may
    /// have it open.
    async fn stage_backup(&self, permit: &HostPermit, bytes: u64) -> Result<Staging, RestoreError>;

    /// Tells in the host's chain that a backup takes the place of the database: the last entry of what is replaced.
    async fn tell_restore(&self, permit: &HostPermit, at: Timestamp) -> Result<(), StoreError>;

    /// Has the registry tell how long changes take to be written.
    fn register_metrics(&self, registry: &mut Registry);

    // What runs resolve from.

    /// The present state of the workspace's credentials and permissions: cheap to ask for, and equal only if nothing
    /// changed.
    async fn mark(&self, workspace: &WorkspaceName) -> Result<SnapshotMark, StoreError>;

    /// What changed since `mark`, at one moment; everything for `None`, or if `mark` cannot be continued from.
    async fn changes_since(
        &self,
        workspace: &WorkspaceName,
        mark: Option<SnapshotMark>,
    ) -> Result<WorkspaceChanges, StoreError>;

    // Steps.

    /// Registers a step. If it is what the name stands for already, nothing changes. `Condition` unless that holds.
    async fn put_step(
        &self,
        permit: &EditPermit,
        workflow: &WorkflowName,
        name: &StepName,
        step: NewStep,
        condition: &Condition,
        at: Timestamp,
    ) -> Result<StepEntry, StoreError>;

    /// All steps of the workspace, or of one workflow: by workflow and name.
    async fn steps(
        &self,
        permit: &ViewPermit,
        workflow: Option<&WorkflowName>,
    ) -> Result<Vec<StepEntry>, StoreError>;

    /// The steps of a workflow whose names come after `after`, by name: at most `limit`.
    async fn steps_of(
        &self,
        permit: &ViewPermit,
        workflow: &WorkflowName,
        after: Option<&StepName>,
        limit: u32,
    ) -> Result<Vec<StepEntry>, StoreError>;

    /// The versions of a step below `before`, the latest first: at most `limit`.
    async fn step_versions(
        &self,
        permit: &ViewPermit,
        workflow: &WorkflowName,
        name: &StepName,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<StepVersion>, StoreError>;

    /// One step.
    async fn step(
        &self,
        permit: &ViewPermit,
        workflow: &WorkflowName,
        name: &StepName,
    ) -> Result<StepEntry, StoreError>;

    /// Removes a step in all its versions. `Condition` unless that holds.
    async fn remove_step(
        &self,
        permit: &EditPermit,
        workflow: &WorkflowName,
        name: &StepName,
        condition: &Condition,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// The bytes of [`StepEntry::artifact`], checked against it, if a step of the workspace has them.
    async fn artifact(
        &self,
        workspace: &WorkspaceName,
        artifact: &Digest,
    ) -> Result<Vec<u8>, StoreError>;

    // Runs.

    /// Records that a run starts, and says what it starts from. If this fails, nothing may happen.
    ///
    /// What reaches beyond this machine may not happen on this answer alone, as the record is not yet on disk.
    ///
    /// With [`NewRun::idempotency`] a day long `AlreadyAsked` if the same was asked under this key before,
    /// `IdempotencyReused` if something else was; `TooManyIdempotencyKeys` if the workspace has no room for the key.
    ///
    /// It takes no permit, as refused runs are recorded, too.
    async fn open_run(&self, run: NewRun) -> Result<OpenedRun, StoreError>;

    /// An open run is about to reach beyond this machine: when this returns, its record is on disk, and says so; and so are
    /// these and all uses of credentials that were appended before.
    async fn settle_run(&self, run: &RunId, uses: Vec<AuditUse>) -> Result<(), StoreError>;

    /// Appends what an open run uses to the audit of its workspace. `RunClosed` if it is not open.
    async fn append_uses(&self, run: &RunId, uses: Vec<AuditUse>) -> Result<(), StoreError>;

    /// Appends to the log of an open run. `RunClosed` if it is not open.
    async fn append_log(&self, run: &RunId, chunks: Vec<LogChunk>) -> Result<(), StoreError>;

    /// Appends to the audit of the permit's workspace that its caller has an open run cancelled, which is about to happen.
    /// `RunClosed` if it is not open, `NotFound` if it is no run of the permit's workflow.
    async fn tell_cancelled(
        &self,
        permit: &RunPermit,
        run: &RunId,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Appends calls that were refused to the chain that tells them. It takes no permit, as whoever was refused has none.
    async fn tell_refused(
        &self,
        chain: &AuditChain,
        refusals: Vec<Refusal>,
    ) -> Result<(), StoreError>;

    /// Closes an open run. `RunClosed` if it is not open.
    ///
    /// When this returns its record outlives this process, and is on disk if it [waits for that](RunEnd::waits_for_disk).
    /// One that never started and may be tried again gives its idempotency key back.
    async fn close_run(&self, run: &RunId, end: RunEnd) -> Result<(), StoreError>;

    /// Closes an open run that its caller may not start. `RunClosed` if it is not open.
    async fn forbid_run(&self, run: &RunId, at: Timestamp) -> Result<(), StoreError>;

    /// Marks the open runs of processes that are gone as lost, and tells which they were.
    async fn mark_lost(&self, at: Timestamp) -> Result<Vec<RunId>, StoreError>;

    /// The runs of the workspace, the latest first.
    async fn runs(
        &self,
        permit: &RecordPermit,
        filter: &RunFilter,
    ) -> Result<Vec<RunSummary>, StoreError>;

    /// One run of the workspace.
    async fn run(&self, permit: &RecordPermit, run: &RunId) -> Result<RunRecord, StoreError>;

    /// Where one run of the workspace stands.
    async fn run_status(&self, permit: &RecordPermit, run: &RunId)
    -> Result<RunStatus, StoreError>;

    /// The log of a run from `sequence` on, at most `limit` pieces.
    async fn log(
        &self,
        permit: &RecordPermit,
        run: &RunId,
        sequence: u64,
        limit: u32,
    ) -> Result<Vec<LogEntry>, StoreError>;
}
