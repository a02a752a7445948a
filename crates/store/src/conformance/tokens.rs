//! Claims about tokens.

#![expect(
    clippy::unwrap_used,
    reason = "a failure of the store is a broken promise"
)]

use std::sync::Arc;

use lockstep_step::{Digest, Role, TokenName};

use crate::audit::TokenRefusal;
use crate::error::{StoreError, Thing};
use crate::store::Store;
use crate::token::{NewToken, TokenEntry};

use super::setup::{Setup, Tenant, alice, at, name};

pub(super) async fn claims(make: &impl AsyncFn() -> Arc<dyn Store>) {
    a_token_is_found_by_its_digest(&Setup::new(make().await).await).await;
    a_name_is_given_once(&Setup::new(make().await).await).await;
    a_revoked_token_stays_as_it_was_revoked(&Setup::new(make().await).await).await;
    tokens_are_those_of_one_workspace(&Setup::new(make().await).await).await;
}

fn token(text: &str) -> NewToken {
    NewToken {
        name: name(text),
        role: Role::Runner,
        member: None,
        digest: Digest::of(text.as_bytes()),
        expires_at: Some(at(9)),
    }
}

async fn add(tenant: &Tenant, text: &str, n: i64) {
    let added = tenant.store.add_token(&tenant.admin, token(text), at(n));
    added.await.unwrap();
}

async fn found(tenant: &Tenant, text: &str) -> Option<TokenEntry> {
    let digest = Digest::of(text.as_bytes());
    tenant.store.token(&digest).await.unwrap()
}

async fn a_token_is_found_by_its_digest(setup: &Setup) {
    let tenant = setup.default_tenant();
    add(&tenant, "engine", 1).await;
    let entry = found(&tenant, "engine").await.unwrap();
    let expected = TokenEntry {
        workspace: tenant.admin.workspace().clone(),
        name: name("engine"),
        role: Role::Runner,
        member: None,
        created_at: at(1),
        created_by: alice().name,
        expires_at: Some(at(9)),
        last_used_at: None,
        revoked_at: None,
        revoked_by: None,
    };
    assert_eq!(entry, expected);
    assert_eq!(entry.refusal(at(8)), None);
    assert_eq!(entry.refusal(at(9)), Some(TokenRefusal::Expired));
    assert_eq!(found(&tenant, "another").await, None);
    let digest = Digest::of(b"engine");
    tenant.store.touch_token(&digest, at(5)).await.unwrap();
    let used = found(&tenant, "engine").await.unwrap();
    assert_eq!(used.last_used_at, Some(at(5)));
}

async fn a_name_is_given_once(setup: &Setup) {
    let tenant = setup.default_tenant();
    add(&tenant, "engine", 1).await;
    let again = NewToken {
        digest: Digest::of(b"other"),
        ..token("engine")
    };
    let again = tenant.store.add_token(&tenant.admin, again, at(2)).await;
    assert!(matches!(again, Err(StoreError::Exists(what)) if what == Thing::Token(name("engine"))));
    assert_eq!(found(&tenant, "other").await, None);
}

async fn a_revoked_token_stays_as_it_was_revoked(setup: &Setup) {
    let tenant = setup.default_tenant();
    add(&tenant, "engine", 1).await;
    for n in [2, 3] {
        let engine = name("engine");
        let revoked = tenant.store.revoke_token(&tenant.admin, &engine, at(n));
        revoked.await.unwrap();
        let entry = found(&tenant, "engine").await.unwrap();
        assert_eq!(entry.revoked_at, Some(at(2)));
        assert_eq!(entry.revoked_by, Some(alice().name));
        assert_eq!(entry.refusal(at(4)), Some(TokenRefusal::Revoked));
    }
    let unknown: TokenName = name("unknown");
    let revoked = tenant.store.revoke_token(&tenant.admin, &unknown, at(4));
    assert!(
        matches!(revoked.await, Err(StoreError::NotFound(what)) if what == Thing::Token(unknown.clone()))
    );
}

async fn tokens_are_those_of_one_workspace(setup: &Setup) {
    let (tenant, other) = (setup.default_tenant(), setup.add_tenant("acme").await);
    add(&tenant, "b", 1).await;
    add(&tenant, "a", 2).await;
    add(&other, "c", 3).await;
    let names = async |tenant: &Tenant| {
        let tokens = tenant.store.tokens(&tenant.admin).await.unwrap();
        let names = tokens.into_iter().map(|token| token.name.to_string());
        names.collect::<Vec<_>>()
    };
    assert_eq!(names(&tenant).await, ["a", "b"]);
    assert_eq!(names(&other).await, ["c"]);
    let not_theirs = name("a");
    let revoked = other.store.revoke_token(&other.admin, &not_theirs, at(4));
    assert!(matches!(revoked.await, Err(StoreError::NotFound(_))));
    assert_eq!(found(&tenant, "a").await.unwrap().revoked_at, None);
}
