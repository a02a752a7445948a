//! Claims about members.

#![expect(
    clippy::unwrap_used,
    reason = "a failure of the store is a broken promise"
)]

use std::sync::Arc;

use lockstep_step::{Digest, Role};

use crate::audit::TokenRefusal;
use crate::error::{StoreError, Thing};
use crate::member::MemberEntry;
use crate::store::Store;
use crate::token::{NewToken, TokenEntry};

use super::setup::{Setup, Tenant, alice, at, name};

pub(super) async fn claims(make: &impl AsyncFn() -> Arc<dyn Store>) {
    a_member_is_kept_with_who_added_and_changed_it(&Setup::new(make().await).await).await;
    a_member_is_added_once(&Setup::new(make().await).await).await;
    a_token_has_the_role_of_its_member_at_most(&Setup::new(make().await).await).await;
    the_tokens_of_a_removed_member_are_revoked_for_good(&Setup::new(make().await).await).await;
    members_are_those_of_one_workspace(&Setup::new(make().await).await).await;
}

async fn add(tenant: &Tenant, text: &str, role: Role, n: i64) {
    let name = name(text);
    let added = tenant.store.add_member(&tenant.admin, &name, role, at(n));
    added.await.unwrap();
}

async fn set(tenant: &Tenant, text: &str, role: Role, n: i64) {
    let name = name(text);
    let set = tenant.store.set_member(&tenant.admin, &name, role, at(n));
    set.await.unwrap();
}

async fn members(tenant: &Tenant) -> Vec<MemberEntry> {
    tenant.store.members(&tenant.admin).await.unwrap()
}

fn token_of(member: &str, text: &str, role: Role) -> NewToken {
    NewToken {
        name: name(text),
        role,
        member: Some(name(member)),
        digest: Digest::of(text.as_bytes()),
        expires_at: None,
    }
}

async fn found(tenant: &Tenant, text: &str) -> TokenEntry {
    let digest = Digest::of(text.as_bytes());
    tenant.store.token(&digest).await.unwrap().unwrap()
}

async fn a_member_is_kept_with_who_added_and_changed_it(setup: &Setup) {
    let tenant = setup.default_tenant();
    add(&tenant, "bob", Role::Editor, 1).await;
    let added = MemberEntry {
        name: name("bob"),
        role: Role::Editor,
        created_at: at(1),
        created_by: alice().name,
        changed_at: at(1),
        changed_by: alice().name,
        tokens: 0,
    };
    assert_eq!(members(&tenant).await, std::slice::from_ref(&added));
    set(&tenant, "bob", Role::Editor, 2).await;
    assert_eq!(members(&tenant).await, std::slice::from_ref(&added));
    set(&tenant, "bob", Role::Viewer, 3).await;
    let changed = MemberEntry {
        role: Role::Viewer,
        changed_at: at(3),
        ..added
    };
    assert_eq!(members(&tenant).await, [changed]);
}

async fn a_member_is_added_once(setup: &Setup) {
    let tenant = setup.default_tenant();
    let bob = name("bob");
    let bobs = Thing::Member(name("bob"));
    let unknown = tenant
        .store
        .set_member(&tenant.admin, &bob, Role::Admin, at(1));
    assert!(matches!(unknown.await, Err(StoreError::NotFound(what)) if what == bobs));
    let unknown = tenant.store.remove_member(&tenant.admin, &bob, at(1));
    assert!(matches!(unknown.await, Err(StoreError::NotFound(what)) if what == bobs));
    add(&tenant, "bob", Role::Editor, 2).await;
    let again = tenant
        .store
        .add_member(&tenant.admin, &bob, Role::Admin, at(3));
    assert!(matches!(again.await, Err(StoreError::Exists(what)) if what == bobs));
    assert_eq!(members(&tenant).await[0].role, Role::Editor);
}

async fn a_token_has_the_role_of_its_member_at_most(setup: &Setup) {
    let tenant = setup.default_tenant();
    let nobodys = token_of("bob", "laptop", Role::Admin);
    let refused = tenant.store.add_token(&tenant.admin, nobodys, at(1)).await;
    assert!(
        matches!(refused, Err(StoreError::NotFound(what)) if what == Thing::Member(name("bob")))
    );
    add(&tenant, "bob", Role::Editor, 2).await;
    for (text, role) in [("laptop", Role::Admin), ("ci", Role::Runner)] {
        let token = token_of("bob", text, role);
        let added = tenant.store.add_token(&tenant.admin, token, at(3));
        added.await.unwrap();
    }
    let now = async |text| found(&tenant, text).await.role_now();
    assert_eq!(now("laptop").await, Some(Role::Editor));
    assert_eq!(now("ci").await, Some(Role::Runner));
    assert_eq!(
        found(&tenant, "ci").await.caller_name(),
        "member:bob/token:ci"
    );
    assert_eq!(members(&tenant).await[0].tokens, 2);
    set(&tenant, "bob", Role::Viewer, 4).await;
    assert_eq!(now("laptop").await, Some(Role::Viewer));
    // A viewer may not run, and that is what the token is for.
    assert_eq!(now("ci").await, None);
    let refusal = found(&tenant, "ci").await.refusal(at(4));
    assert_eq!(refusal, Some(TokenRefusal::NoRole));
    set(&tenant, "bob", Role::Admin, 5).await;
    assert_eq!(now("laptop").await, Some(Role::Admin));
    assert_eq!(now("ci").await, Some(Role::Runner));
}

async fn the_tokens_of_a_removed_member_are_revoked_for_good(setup: &Setup) {
    let tenant = setup.default_tenant();
    add(&tenant, "bob", Role::Editor, 1).await;
    add(&tenant, "eve", Role::Editor, 1).await;
    for (member, text) in [("bob", "laptop"), ("eve", "desk")] {
        let token = token_of(member, text, Role::Editor);
        let added = tenant.store.add_token(&tenant.admin, token, at(2));
        added.await.unwrap();
    }
    let bob = name("bob");
    let removed = tenant.store.remove_member(&tenant.admin, &bob, at(3));
    removed.await.unwrap();
    let gone = found(&tenant, "laptop").await;
    assert_eq!(gone.revoked_at, Some(at(3)));
    assert_eq!(gone.caller_name(), "member:bob/token:laptop");
    assert_eq!(gone.refusal(at(3)), Some(TokenRefusal::Revoked));
    assert_eq!(gone.role_now(), None);
    assert_eq!(found(&tenant, "desk").await.refusal(at(3)), None);
    add(&tenant, "bob", Role::Admin, 4).await;
    let refusal = found(&tenant, "laptop").await.refusal(at(5));
    assert_eq!(refusal, Some(TokenRefusal::Revoked));
    assert_eq!(members(&tenant).await[0].tokens, 0);
}

async fn members_are_those_of_one_workspace(setup: &Setup) {
    let (tenant, other) = (setup.default_tenant(), setup.add_tenant("acme").await);
    add(&tenant, "bob", Role::Viewer, 1).await;
    add(&other, "bob", Role::Admin, 2).await;
    let token = token_of("bob", "laptop", Role::Admin);
    let added = tenant.store.add_token(&tenant.admin, token, at(3));
    added.await.unwrap();
    let laptop = found(&tenant, "laptop").await;
    assert_eq!(laptop.role_now(), Some(Role::Viewer));
    let bob = name("bob");
    let removed = other.store.remove_member(&other.admin, &bob, at(4));
    removed.await.unwrap();
    assert_eq!(found(&tenant, "laptop").await.refusal(at(5)), None);
    assert_eq!(members(&tenant).await.len(), 1);
    assert_eq!(members(&other).await.len(), 0);
}
