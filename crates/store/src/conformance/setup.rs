//! A store with a vault beside it, and the words that claims are made in.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a claim that cannot be set up is a broken promise"
)]

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;

use lockstep_secret::Secret;
use lockstep_step::{
    Caller, Condition, CredentialKey, DenialReason, Digest, Handling, Role, RunId, Scope,
    SealedPlace, Sealing, StepName, WorkflowName, WorkspaceName,
};
use lockstep_vault::{
    AdminPermit, CredentialVersion, EditPermit, Kek, Keyring, RecordPermit, RevealError, RunPermit,
    Vault, ViewPermit, WorkspaceSnapshot,
};

use crate::credential::PutCredential;
use crate::error::StoreError;
use crate::run::{NewRun, RunSource};
use crate::step::{NewStep, StepEntry};
use crate::store::Store;

/// A store and a vault, as the runner has them.
pub(super) struct Setup {
    pub(super) store: Arc<dyn Store>,
    pub(super) vault: Arc<Vault>,
}

/// A workspace, seen by one admin.
pub(super) struct Tenant {
    pub(super) store: Arc<dyn Store>,
    pub(super) vault: Arc<Vault>,
    pub(super) admin: AdminPermit,
    pub(super) editor: EditPermit,
    pub(super) viewer: ViewPermit,
    pub(super) reader: RecordPermit,
}

/// The parts of a store's contract are claimed one by one; this is the time of the `n`th thing that happens.
pub(super) fn at(n: i64) -> Timestamp {
    Timestamp::from_microsecond(1_700_000_000_000_000 + n).expect("a time of our days")
}

/// A name of any kind.
pub(super) fn name<T: FromStr<Err: fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a valid name")
}

pub(super) fn workspace_scope() -> Scope {
    Scope::Workspace
}

pub(super) fn scope(workflow: &str) -> Scope {
    Scope::Workflow(name(workflow))
}

/// Sealed for requests to these hosts, in these places.
pub(super) fn sealed_to(to: &[&str], places: &[SealedPlace]) -> Handling {
    let to = to.iter().map(|text| name(text));
    let sealing = Sealing::new(to, places.iter().copied());
    Handling::Sealed(sealing.expect("some hosts"))
}

pub(super) fn alice() -> Caller {
    Caller {
        name: "test:alice".to_owned(),
        role: Role::Admin,
    }
}

impl Setup {
    /// A vault with a new key, which the store knows.
    pub(super) async fn new(store: Arc<dyn Store>) -> Self {
        let kek = Kek::generate().expect("randomness");
        store
            .add_kek(&kek.check(), at(0))
            .await
            .expect("a new key is remembered");
        let vault = Arc::new(Vault::new(Keyring::new(kek)));
        Self { store, vault }
    }

    /// The workspace that is always there.
    pub(super) fn default_tenant(&self) -> Tenant {
        self.tenant("default")
    }

    pub(super) fn tenant(&self, workspace: &str) -> Tenant {
        let (caller, workspace) = (alice(), name(workspace));
        Tenant {
            store: Arc::clone(&self.store),
            vault: Arc::clone(&self.vault),
            admin: AdminPermit::check(&caller, &workspace).expect("an admin"),
            editor: EditPermit::check(&caller, &workspace).expect("an admin"),
            viewer: ViewPermit::check(&caller, &workspace).expect("an admin"),
            reader: RecordPermit::check(&caller, &workspace).expect("an admin"),
        }
    }

    /// A workspace that is added.
    pub(super) async fn add_tenant(&self, workspace: &str) -> Tenant {
        let tenant = self.tenant(workspace);
        self.store
            .add_workspace(&tenant.admin, at(0))
            .await
            .expect("a new workspace");
        tenant
    }
}

impl Tenant {
    pub(super) fn workspace(&self) -> &WorkspaceName {
        self.admin.workspace()
    }

    /// What is to be put to give `key` this value next.
    pub(super) async fn sealed(&self, scope: &Scope, key: &str, value: &str) -> PutCredential {
        self.sealed_as(scope, key, value, &Handling::Reveal).await
    }

    /// The same, for steps to use in this way.
    pub(super) async fn sealed_as(
        &self,
        scope: &Scope,
        key: &str,
        value: &str,
        handling: &Handling,
    ) -> PutCredential {
        self.sealed_until(scope, key, value, handling, None).await
    }

    /// The same, which expires then.
    pub(super) async fn sealed_until(
        &self,
        scope: &Scope,
        key: &str,
        value: &str,
        handling: &Handling,
        expires_at: Option<Timestamp>,
    ) -> PutCredential {
        let key: CredentialKey = name(key);
        let base = self
            .store
            .put_base(&self.admin, scope, &key)
            .await
            .expect("a base");
        let workspace_key = match base.workspace_key {
            Some(wrapped) => wrapped,
            None => self
                .vault
                .create_workspace_key(&self.admin)
                .expect("a new key"),
        };
        let value = Secret::new(value.to_owned());
        let version = CredentialVersion {
            scope,
            key: &key,
            version: base.next,
            handling,
            expires_at,
        };
        let sealed = self
            .vault
            .seal(&self.admin, &workspace_key, version, &value)
            .expect("a value is sealed");
        PutCredential {
            scope: scope.clone(),
            key,
            current: base.current,
            sealed,
            maskable: true,
            workspace_key,
            note: None,
        }
    }

    pub(super) async fn put(&self, put: PutCredential, n: i64) -> Result<(), StoreError> {
        self.store
            .put_credentials(&self.admin, vec![put], at(n))
            .await
    }

    /// Sets or rotates a credential.
    pub(super) async fn set(&self, scope: &Scope, key: &str, value: &str) {
        let put = self.sealed(scope, key, value).await;
        self.put(put, 1).await.expect("a credential is set");
    }

    pub(super) async fn add_workflow(&self, workflow: &str) -> WorkflowName {
        let workflow: WorkflowName = name(workflow);
        self.store
            .add_workflow(&self.editor, &workflow, at(0))
            .await
            .expect("a new workflow");
        workflow
    }

    /// All that the store has, from scratch.
    pub(super) async fn snapshot(&self) -> WorkspaceSnapshot {
        let empty = WorkspaceSnapshot::empty(self.workspace().clone());
        self.refreshed(&empty).await
    }

    /// The next of `snapshot`, by what changed since.
    pub(super) async fn refreshed(&self, snapshot: &WorkspaceSnapshot) -> WorkspaceSnapshot {
        let changes = self
            .store
            .changes_since(self.workspace(), snapshot.mark())
            .await
            .expect("changes");
        snapshot.apply(changes)
    }

    /// What a run of `workflow` gets for `key`.
    pub(super) async fn reveal(&self, workflow: &str, key: &str) -> Result<String, DenialReason> {
        let snapshot = Arc::new(self.snapshot().await);
        reveal(&self.vault, snapshot, workflow, key)
    }

    /// Registers a step that names `references`.
    pub(super) async fn add_step(
        &self,
        workflow: &str,
        step: &str,
        code: &str,
        references: &[&str],
    ) -> StepEntry {
        let step_name: StepName = name(step);
        let new = new_step(code, references);
        self.store
            .put_step(
                &self.editor,
                &name(workflow),
                &step_name,
                new,
                &Condition::NONE,
                at(2),
            )
            .await
            .expect("a step is registered")
    }

    /// A run of a file.
    pub(super) fn new_run(&self, workflow: &str, n: i64) -> NewRun {
        NewRun {
            id: RunId::generate(),
            workspace: self.workspace().clone(),
            workflow: name(workflow),
            source: RunSource::File {
                label: "step.wasm".to_owned(),
                digest: Digest::of(b"step"),
            },
            caller: alice().name,
            started_at: at(n),
            idempotency: None,
        }
    }

    /// A run of a file that is open.
    pub(super) async fn open_run(&self, workflow: &str, n: i64) -> RunId {
        let run = self.new_run(workflow, n);
        let id = run.id;
        self.store.open_run(run).await.expect("a run is opened");
        id
    }
}

pub(super) fn new_step(code: &str, references: &[&str]) -> NewStep {
    NewStep {
        digest: Digest::of(code.as_bytes()),
        kind: "component".to_owned(),
        artifact: format!("encoded {code}").into_bytes(),
        references: references.iter().map(|key| name(key)).collect(),
        dynamic: false,
    }
}

pub(super) fn reveal(
    vault: &Arc<Vault>,
    snapshot: Arc<WorkspaceSnapshot>,
    workflow: &str,
    key: &str,
) -> Result<String, DenialReason> {
    reveal_at(vault, snapshot, workflow, key, at(1))
}

/// What a run that starts then gets.
#[expect(
    clippy::disallowed_methods,
    reason = "a claim compares made-up values in plaintext"
)]
pub(super) fn reveal_at(
    vault: &Arc<Vault>,
    snapshot: Arc<WorkspaceSnapshot>,
    workflow: &str,
    key: &str,
    started_at: Timestamp,
) -> Result<String, DenialReason> {
    let permit = RunPermit::check(&alice(), snapshot.workspace(), &name(workflow));
    let grants = vault
        .resolve(permit.expect("an admin"), snapshot, started_at)
        .expect("one workspace");
    match grants.open_for_host(&name(key)) {
        Ok(revealed) => Ok(revealed.secret.expose().to_owned()),
        Err(RevealError::Denied { reason, .. }) => Err(reason),
        Err(error @ (RevealError::Sealed { .. } | RevealError::Open { .. })) => {
            panic!("what was sealed opens for the host: {error}")
        }
    }
}
