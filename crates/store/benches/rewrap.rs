//! How many keys of workspaces are wrapped anew in a second, in batches as the runner makes them.
//!
//! `cargo bench -p lockstep-store --bench rewrap`

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program that prints figures, or stops"
)]

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use lockstep_secret::{KeyMaterial, Secret};
use lockstep_step::{Caller, Handling, Role, Scope, WorkspaceName};
use lockstep_store::{PutCredential, RewrappedKey, SqliteStore, Store};
use lockstep_vault::{AdminPermit, CredentialVersion, Kek, KeyPermit, Keyring, Rewrapper, Vault};

const WORKSPACES: u32 = 10_000;

fn main() {
    let runtime = Runtime::new().unwrap();
    // On the disk that the repository is on: many systems keep `/tmp` in memory.
    let directory = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let store: Arc<dyn Store> =
        Arc::new(SqliteStore::open(directory.path(), Timestamp::UNIX_EPOCH).unwrap());
    runtime.block_on(add_workspaces(&store));
    println!("{WORKSPACES} keys of workspaces; batch   keys a second   of that not the store");
    for (round, batch) in [1, 10, 100, 1_000].into_iter().enumerate() {
        let vault = rotated(u8::try_from(round).unwrap());
        let (whole, ciphers) = runtime.block_on(rewrap(store.as_ref(), &vault, batch));
        println!(
            "{batch:>34} {:>15.0} {:>21.0}%",
            f64::from(WORKSPACES) / whole,
            100.0 * ciphers / whole
        );
    }
}

fn kek(number: u8) -> Kek {
    let filled = KeyMaterial::try_fill(|bytes| {
        bytes.fill(number);
        Ok::<_, ()>(())
    });
    Kek::new(filled.unwrap())
}

/// A vault whose primary is the next after the one that wraps in this round.
fn rotated(round: u8) -> Vault {
    Vault::new(Keyring::new(kek(round + 1)).and_for_opening(kek(round)))
}

fn caller() -> Caller {
    Caller {
        name: "bench".to_owned(),
        role: Role::Admin,
    }
}

async fn add_workspaces(store: &Arc<dyn Store>) {
    let vault = Arc::new(Vault::new(Keyring::new(kek(0))));
    let check = kek(0).check();
    store.add_kek(&check, Timestamp::UNIX_EPOCH).await.unwrap();
    let mut adding = JoinSet::new();
    for number in 0..WORKSPACES {
        let (store, vault) = (Arc::clone(store), Arc::clone(&vault));
        adding.spawn(async move { add_workspace(store.as_ref(), &vault, number).await });
    }
    adding.join_all().await;
}

async fn add_workspace(store: &dyn Store, vault: &Vault, number: u32) {
    let workspace: WorkspaceName = format!("tenant-{number:05}").parse().unwrap();
    let admin = AdminPermit::check(&caller(), &workspace).unwrap();
    let at = Timestamp::UNIX_EPOCH;
    store.add_workspace(&admin, at).await.unwrap();
    let workspace_key = vault.create_workspace_key(&admin).unwrap();
    let (scope, key) = (Scope::Workspace, "TOKEN".parse().unwrap());
    let value = Secret::new("a value of the usual length, 1f93".to_owned());
    let version = CredentialVersion {
        scope: &scope,
        key: &key,
        version: 1,
        handling: &Handling::Reveal,
        expires_at: None,
    };
    let sealed = vault.seal(&admin, &workspace_key, version, &value).unwrap();
    let put = PutCredential {
        scope,
        key,
        current: None,
        sealed,
        maskable: true,
        workspace_key,
        note: None,
    };
    store.put_credentials(&admin, vec![put], at).await.unwrap();
}

/// Seconds for all, and seconds in the vault.
async fn rewrap(store: &dyn Store, vault: &Vault, batch: u32) -> (f64, f64) {
    let permit = KeyPermit::check(&caller()).unwrap();
    let rewrapper = vault.rewrapper(&permit).unwrap();
    let at = Timestamp::UNIX_EPOCH;
    store.add_kek(&rewrapper.check(), at).await.unwrap();
    let (began, mut ciphers, mut replaced) = (Instant::now(), 0.0, 0);
    let mut after: Option<WorkspaceName> = None;
    loop {
        let primary = rewrapper.primary();
        let page = store
            .workspace_keys_not_under(&permit, primary, after.as_ref(), batch)
            .await
            .unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.workspace.clone());
        let wrapping = Instant::now();
        let keys = page
            .into_iter()
            .map(|entry| anew(&rewrapper, entry.workspace, entry.key.unwrap()))
            .collect();
        ciphers += wrapping.elapsed().as_secs_f64();
        replaced += store
            .replace_workspace_keys(&permit, keys, at)
            .await
            .unwrap();
    }
    assert_eq!(replaced, u64::from(WORKSPACES));
    (began.elapsed().as_secs_f64(), ciphers)
}

fn anew(
    rewrapper: &Rewrapper,
    workspace: WorkspaceName,
    read: lockstep_vault::WrappedWorkspaceKey,
) -> RewrappedKey {
    let rewrapped = rewrapper.rewrap(&workspace, &read).unwrap();
    RewrappedKey {
        workspace,
        read,
        rewrapped,
    }
}
