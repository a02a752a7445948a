//! Claims about key-encryption keys and the keys of workspaces that they wrap.

#![expect(
    clippy::unwrap_used,
    reason = "a failure of the store is a broken promise"
)]

use std::sync::Arc;

use lockstep_step::WorkspaceName;
use lockstep_vault::{Kek, KekId, KeyPermit, Keyring, Rewrapper, Vault};

use crate::error::{StoreError, Thing};
use crate::kek::{KekEntry, RewrappedKey};
use crate::store::Store;

use super::setup::{Setup, alice, at, name, reveal, workspace_scope};

pub(super) async fn claims(make: &impl AsyncFn() -> Arc<dyn Store>) {
    a_key_is_remembered_once(&Setup::new(make().await).await).await;
    keys_of_workspaces_are_listed_in_pages_until_none_is_left(&Rotation::new(make().await).await)
        .await;
    a_wrapped_key_is_replaced_if_it_is_the_one_that_was_read(&Rotation::new(make().await).await)
        .await;
    a_credential_that_was_sealed_meanwhile_is_set(&Rotation::new(make().await).await).await;
    a_replaced_key_moves_the_mark_and_changes_nothing_else(&Rotation::new(make().await).await)
        .await;
    a_workspace_that_was_added_again_keeps_its_own_key(&Rotation::new(make().await).await).await;
    a_key_that_is_not_known_replaces_none(&Rotation::new(make().await).await).await;
    a_key_that_wraps_something_is_not_retired(&Rotation::new(make().await).await).await;
    a_retired_key_wraps_nothing_any_more(&Rotation::new(make().await).await).await;
}

fn keys() -> KeyPermit {
    KeyPermit::check(&alice()).unwrap()
}

/// A store in which keys of workspaces are wrapped by `old`, and a vault whose primary is `new`.
struct Rotation {
    setup: Setup,
    rotated: Setup,
    old: KekId,
    new: KekId,
}

impl Rotation {
    async fn new(store: Arc<dyn Store>) -> Self {
        let bytes = |byte: u8| {
            lockstep_secret::KeyMaterial::try_fill(|bytes| {
                bytes.fill(byte);
                Ok::<_, ()>(())
            })
            .unwrap()
        };
        let (old, new) = (Kek::new(bytes(1)), Kek::new(bytes(2)));
        let (old_id, new_id) = (old.id(), new.id());
        for kek in [&old, &new] {
            store.add_kek(&kek.check(), at(0)).await.unwrap();
        }
        let ring = Keyring::new(new).and_for_opening(Kek::new(bytes(1)));
        let setup = |vault| Setup {
            store: Arc::clone(&store),
            vault: Arc::new(vault),
        };
        Self {
            setup: setup(Vault::new(Keyring::new(old))),
            rotated: setup(Vault::new(ring)),
            old: old_id,
            new: new_id,
        }
    }

    async fn add_tenants(&self, workspaces: &[&str]) {
        for workspace in workspaces {
            let tenant = self.setup.add_tenant(workspace).await;
            tenant.set(&workspace_scope(), "TOKEN", workspace).await;
        }
    }

    fn rewrapper(&self) -> Rewrapper {
        self.rotated.vault.rewrapper(&keys()).unwrap()
    }

    /// Those that `old` wraps, and how they are to be replaced.
    async fn rewrapped(&self, after: Option<&str>, limit: u32) -> Vec<RewrappedKey> {
        let after: Option<WorkspaceName> = after.map(name);
        let entries = self
            .setup
            .store
            .workspace_keys_not_under(&keys(), self.new, after.as_ref(), limit)
            .await
            .unwrap();
        let rewrapper = self.rewrapper();
        let rewrapped = entries.into_iter().map(|entry| {
            let read = entry.key.unwrap();
            assert_eq!((entry.kek, read.kek()), (self.old, self.old));
            let rewrapped = rewrapper.rewrap(&entry.workspace, &read).unwrap();
            RewrappedKey {
                workspace: entry.workspace,
                read,
                rewrapped,
            }
        });
        rewrapped.collect()
    }

    async fn replace(&self, keys_: Vec<RewrappedKey>) -> u64 {
        let store = &self.setup.store;
        store
            .replace_workspace_keys(&keys(), keys_, at(9))
            .await
            .unwrap()
    }

    async fn entry(&self, kek: KekId) -> KekEntry {
        let keks = self.setup.store.keks().await.unwrap();
        keks.into_iter()
            .find(|entry| entry.check.kek == kek)
            .unwrap()
    }

    /// How many keys of workspaces are under the old and under the new key.
    async fn counts(&self) -> (u64, u64) {
        let (old, new) = (self.entry(self.old).await, self.entry(self.new).await);
        (old.wrapped_keys, new.wrapped_keys)
    }
}

fn names(keys: &[RewrappedKey]) -> Vec<&str> {
    keys.iter().map(|key| key.workspace.as_str()).collect()
}

async fn a_key_is_remembered_once(setup: &Setup) {
    let (store, kek) = (&setup.store, Kek::generate().unwrap());
    store.add_kek(&kek.check(), at(1)).await.unwrap();
    store.add_kek(&kek.check(), at(2)).await.unwrap();
    store
        .add_made_kek(&keys(), &kek.check(), at(2))
        .await
        .unwrap();
    let mut other = kek.check();
    other.check[0] ^= 1;
    let refused = store.add_kek(&other, at(3)).await;
    assert!(matches!(refused, Err(StoreError::Exists(Thing::Kek(id))) if id == kek.id()));
    let refused = store.add_made_kek(&keys(), &other, at(3)).await;
    assert!(matches!(refused, Err(StoreError::Exists(Thing::Kek(id))) if id == kek.id()));

    setup
        .default_tenant()
        .set(&workspace_scope(), "TOKEN", "one")
        .await;
    let keks = store.keks().await.unwrap();
    let used: Vec<_> = keks.iter().map(|kek| kek.wrapped_keys).collect();
    assert_eq!(used, [1, 0]);
    assert_eq!((keks[1].check, keks[1].added_at), (kek.check(), at(1)));
}

async fn keys_of_workspaces_are_listed_in_pages_until_none_is_left(rotation: &Rotation) {
    rotation.add_tenants(&["c", "a", "b"]).await;
    // One without credentials has no key.
    rotation.setup.add_tenant("empty").await;
    assert_eq!(rotation.counts().await, (3, 0));
    let first = rotation.rewrapped(None, 2).await;
    assert_eq!(names(&first), ["a", "b"]);
    let second = rotation.rewrapped(Some("b"), 2).await;
    assert_eq!(names(&second), ["c"]);
    assert_eq!(names(&rotation.rewrapped(Some("c"), 2).await), [""; 0]);

    assert_eq!(rotation.replace(first).await, 2);
    assert_eq!(rotation.counts().await, (1, 2));
    assert_eq!(names(&rotation.rewrapped(None, 2).await), ["c"]);
    assert_eq!(rotation.replace(second).await, 1);
    assert_eq!(rotation.counts().await, (0, 3));
    assert_eq!(names(&rotation.rewrapped(None, 2).await), [""; 0]);
    for workspace in ["a", "b", "c"] {
        let tenant = rotation.rotated.tenant(workspace);
        let told = tenant.reveal("default", "TOKEN").await;
        assert_eq!(told, Ok(workspace.to_owned()));
    }
}

async fn a_wrapped_key_is_replaced_if_it_is_the_one_that_was_read(rotation: &Rotation) {
    rotation.add_tenants(&["a", "b"]).await;
    let (first, late) = (
        rotation.rewrapped(None, 10).await,
        rotation.rewrapped(None, 10).await,
    );
    let [a, _] = first.clone().try_into().unwrap();
    assert_eq!(rotation.replace(vec![a]).await, 1);
    // Of those who were late, `b` is still what they read.
    assert_eq!(rotation.replace(late).await, 1);
    assert_eq!(rotation.replace(first).await, 0);
    assert_eq!(rotation.counts().await, (0, 2));
}

async fn a_credential_that_was_sealed_meanwhile_is_set(rotation: &Rotation) {
    rotation.add_tenants(&["a"]).await;
    let tenant = rotation.setup.tenant("a");
    let put = tenant
        .sealed(&workspace_scope(), "TOKEN", "sealed before")
        .await;
    let before = tenant.snapshot().await;
    let rewrapped = rotation.rewrapped(None, 10).await;
    rotation.replace(rewrapped).await;
    tenant.put(put, 5).await.unwrap();
    assert_eq!(
        rotation.counts().await,
        (0, 1),
        "the put left the new wrapping"
    );
    let tenant = rotation.rotated.tenant("a");
    let told = tenant.reveal("default", "TOKEN").await;
    assert_eq!(told, Ok("sealed before".to_owned()));
    // A run that began before sees what it saw.
    let old = reveal(&rotation.setup.vault, Arc::new(before), "default", "TOKEN");
    assert_eq!(old, Ok("a".to_owned()));
}

async fn a_replaced_key_moves_the_mark_and_changes_nothing_else(rotation: &Rotation) {
    rotation.add_tenants(&["a", "b"]).await;
    let (a, b) = (rotation.rotated.tenant("a"), rotation.rotated.tenant("b"));
    let (before, untouched) = (a.snapshot().await, b.snapshot().await);
    let rewrapped = rotation.rewrapped(None, 1).await;
    rotation.replace(rewrapped).await;
    let store = &rotation.setup.store;
    let changes = store.changes_since(a.workspace(), before.mark()).await;
    let changes = changes.unwrap();
    assert!(!changes.from_empty && changes.changes.is_empty());
    assert!(before.mark().unwrap().revision < changes.mark.revision);
    let key = changes.key.clone().unwrap().unwrap();
    assert_eq!(key.kek(), rotation.new);
    let fresh = Arc::new(before.apply(changes));
    // Without the old key: what opens is what was wrapped anew.
    let told = reveal(&a.vault, fresh, "default", "TOKEN");
    assert_eq!(told, Ok("a".to_owned()));
    assert_eq!(b.snapshot().await.mark(), untouched.mark());
}

async fn a_workspace_that_was_added_again_keeps_its_own_key(rotation: &Rotation) {
    rotation.add_tenants(&["a"]).await;
    let rewrapped = rotation.rewrapped(None, 10).await;
    let store = &rotation.setup.store;
    let admin = rotation.setup.tenant("a").admin;
    let forced = crate::credential::Removal::Forced;
    store.remove_workspace(&admin, forced, at(9)).await.unwrap();
    assert_eq!(rotation.replace(rewrapped.clone()).await, 0);
    rotation.add_tenants(&["a"]).await;
    assert_eq!(rotation.replace(rewrapped).await, 0);
    assert_eq!(rotation.counts().await, (1, 0));
    let told = rotation
        .rotated
        .tenant("a")
        .reveal("default", "TOKEN")
        .await;
    assert_eq!(told, Ok("a".to_owned()));
}

async fn a_key_that_is_not_known_replaces_none(rotation: &Rotation) {
    rotation.add_tenants(&["a", "b"]).await;
    let mut rewrapped = rotation.rewrapped(None, 10).await;
    let stranger = Kek::generate().unwrap();
    let id = stranger.id();
    let other = Vault::new(Keyring::new(stranger));
    let tenant = rotation.setup.tenant("b");
    rewrapped[1].rewrapped = other.create_workspace_key(&tenant.admin).unwrap();
    let store = &rotation.setup.store;
    let refused = store
        .replace_workspace_keys(&keys(), rewrapped, at(9))
        .await;
    assert!(
        matches!(refused, Err(StoreError::NotFound(Thing::Kek(named))) if named == id),
        "{refused:?}"
    );
    assert_eq!(rotation.counts().await, (2, 0));
}

async fn a_key_that_wraps_something_is_not_retired(rotation: &Rotation) {
    rotation.add_tenants(&["a", "b"]).await;
    let store = &rotation.setup.store;
    let old = rotation.old;
    let retired = store.retire_kek(&keys(), old, at(1)).await;
    assert!(
        matches!(retired, Err(StoreError::Wraps { kek, wrapped_keys: 2 }) if kek == old),
        "{retired:?}"
    );
    let rewrapped = rotation.rewrapped(None, 10).await;
    rotation.replace(rewrapped).await;
    store.retire_kek(&keys(), old, at(2)).await.unwrap();
    store.retire_kek(&keys(), old, at(3)).await.unwrap();
    let entry = rotation.entry(old).await;
    assert_eq!(entry.retired_at, Some(at(2)));
    assert_eq!(entry.retired_by, Some(alice().name));
    assert_eq!(rotation.entry(rotation.new).await.retired_at, None);
    let nobody: KekId = Kek::generate().unwrap().id();
    let unknown = store.retire_kek(&keys(), nobody, at(3)).await;
    assert!(matches!(unknown, Err(StoreError::NotFound(Thing::Kek(id))) if id == nobody));
}

async fn a_retired_key_wraps_nothing_any_more(rotation: &Rotation) {
    rotation.add_tenants(&["a"]).await;
    let late = rotation.rewrapped(None, 10).await;
    let store = &rotation.setup.store;
    // A process that has the new key on its ring, and one that holds on to it after it was retired in turn.
    let new = rotation.new;
    store.retire_kek(&keys(), new, at(1)).await.unwrap();
    let refused = store.replace_workspace_keys(&keys(), late, at(9)).await;
    assert!(matches!(refused, Err(StoreError::Retired(id)) if id == new));
    let tenant = rotation.rotated.add_tenant("b").await;
    let put = tenant.sealed(&workspace_scope(), "TOKEN", "late").await;
    let refused = tenant.put(put, 2).await;
    assert!(matches!(refused, Err(StoreError::Retired(id)) if id == new));
    assert_eq!(rotation.counts().await, (1, 0));
    let again = rotation.rotated.vault.ring().unwrap().primary().check();
    let refused = store.add_kek(&again, at(3)).await;
    assert!(matches!(refused, Err(StoreError::Retired(id)) if id == new));
    let refused = store.add_made_kek(&keys(), &again, at(3)).await;
    assert!(matches!(refused, Err(StoreError::Retired(id)) if id == new));
    // What another key wraps goes on.
    let other = rotation.setup.tenant("b");
    other.set(&workspace_scope(), "TOKEN", "in time").await;
    assert_eq!(rotation.counts().await, (2, 0));
}
