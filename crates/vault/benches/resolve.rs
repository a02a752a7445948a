//! What it costs to start a run in a workspace with many credentials, and to refresh its snapshot after a change.
//!
//! `cargo bench -p lockstep-vault`

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program that prints figures, or stops"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use lockstep_secret::Secret;
use lockstep_step::{
    Caller, CredentialKey, Handling, Role, Scope, SealingPolicy, UsagePermission, WorkflowName,
};
use lockstep_vault::{
    AdminPermit, Change, CredentialVersion, Kek, Keyring, RunPermit, SealedCredential,
    SnapshotMark, Vault, WorkspaceChanges, WorkspaceSnapshot, WrappedWorkspaceKey,
};

const ROUNDS: usize = 10_000;

fn main() {
    println!("credentials   resolve   resolve and reveal one   refresh after one change");
    for count in [10, 10_000, 1_000_000] {
        let workspace = Workspace::new(count);
        println!(
            "{count:>11} {:>9.2?} {:>24.2?} {:>26.2?}",
            median(|_| workspace.resolve()),
            median(|round| workspace.reveal(round)),
            median(|round| workspace.refresh(round)),
        );
    }
}

/// A workspace with many credentials, all of which open.
struct Workspace {
    vault: Arc<Vault>,
    permit: RunPermit,
    snapshot: Arc<WorkspaceSnapshot>,
    key: WrappedWorkspaceKey,
    asked: Vec<CredentialKey>,
}

impl Workspace {
    fn new(count: usize) -> Self {
        let caller = Caller {
            name: "bench".to_owned(),
            role: Role::Admin,
        };
        let workspace = "acme".parse().unwrap();
        let workflow: WorkflowName = "daily".parse().unwrap();
        let admin = AdminPermit::check(&caller, &workspace).unwrap();
        let vault = Arc::new(Vault::new(Keyring::new(Kek::generate().unwrap())));
        let key = vault.create_workspace_key(&admin).unwrap();
        let seal = |index: usize| {
            let name: CredentialKey = format!("SERVICE_{index}_TOKEN").parse().unwrap();
            let value = Secret::new("0123456789abcdef0123456789abcdef01234567".to_owned());
            let version = CredentialVersion {
                scope: &Scope::Workspace,
                key: &name,
                version: 1,
                handling: &Handling::Reveal,
                expires_at: None,
            };
            let sealed = vault.seal(&admin, &key, version, &value).unwrap();
            (name, sealed)
        };
        let mut changes = vec![Change::Permission {
            workflow: workflow.clone(),
            permission: UsagePermission::All,
        }];
        changes.extend((0..count).map(|index| {
            let (key, sealed) = seal(index);
            set(key, sealed)
        }));
        let snapshot = WorkspaceSnapshot::empty(workspace.clone());
        // A few that are asked for again and again: a warm start.
        let asked = (0..10).map(|index| seal(index * count / 10).0).collect();
        Self {
            snapshot: Arc::new(snapshot.apply(of(&key, changes))),
            permit: RunPermit::check(&caller, &workspace, &workflow).unwrap(),
            vault,
            key,
            asked,
        }
    }

    fn resolve(&self) {
        let (permit, snapshot) = (self.permit.clone(), Arc::clone(&self.snapshot));
        black_box(
            self.vault
                .resolve(permit, snapshot, Timestamp::UNIX_EPOCH)
                .unwrap(),
        );
    }

    fn reveal(&self, round: usize) {
        let (permit, snapshot) = (self.permit.clone(), Arc::clone(&self.snapshot));
        let grants = self
            .vault
            .resolve(permit, snapshot, Timestamp::UNIX_EPOCH)
            .unwrap();
        let key = &self.asked[round % self.asked.len()];
        black_box(grants.reveal(key).unwrap());
    }

    fn refresh(&self, round: usize) {
        let key = self.asked[round % self.asked.len()].clone();
        let sealed = SealedCredential::from_record(2, vec![0; 200]);
        let changes = of(&self.key, vec![set(key, sealed)]);
        black_box(self.snapshot.apply(changes));
    }
}

fn set(key: CredentialKey, sealed: SealedCredential) -> Change {
    Change::Set {
        scope: Scope::Workspace,
        key,
        sealed,
    }
}

fn of(key: &WrappedWorkspaceKey, changes: Vec<Change>) -> WorkspaceChanges {
    WorkspaceChanges {
        mark: SnapshotMark {
            workspace: 1,
            revision: 1,
        },
        from_empty: false,
        key: Some(Ok(key.clone())),
        sealing: SealingPolicy::Optional,
        changes,
    }
}

fn median(mut work: impl FnMut(usize)) -> Duration {
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|round| {
            let start = Instant::now();
            work(round);
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[ROUNDS / 2]
}
