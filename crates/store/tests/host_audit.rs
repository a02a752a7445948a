//! The host's own chain of the audit: what whoever can write to the database and has no key can do to it is found.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, which the exception for tests does not reach"
)]

use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::Connection;
use tempfile::TempDir;

use lockstep_secret::KeyMaterial;
use lockstep_step::{Caller, Role, WorkspaceName};
use lockstep_store::{
    AuditAction, AuditChain, AuditFilter, AuditFinding, AuditFrom, AuditReport, Removal, SealState,
    SqliteStore, Store,
};
use lockstep_vault::{AdminPermit, HostPermit, Kek, KeyPermit, Keyring, Vault};

/// A data directory that somebody else can write to, too.
struct Place(TempDir);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn alice() -> Caller {
    Caller {
        name: "test:alice".to_owned(),
        role: Role::Admin,
    }
}

fn host() -> HostPermit {
    HostPermit::check(&alice()).unwrap()
}

fn admin(workspace: &str) -> AdminPermit {
    AdminPermit::check(&alice(), &workspace.parse().unwrap()).unwrap()
}

/// The key-encryption key of this number.
fn kek(number: u8) -> Kek {
    let filled = KeyMaterial::try_fill(|bytes| {
        bytes.fill(number);
        Ok::<_, ()>(())
    });
    Kek::new(filled.unwrap())
}

/// A ring of these keys, the primary first.
fn ring(numbers: &[u8]) -> Arc<Vault> {
    let ring = Keyring::new(kek(numbers[0]));
    let ring = numbers[1..]
        .iter()
        .fold(ring, |ring, number| ring.and_for_opening(kek(*number)));
    Arc::new(Vault::new(ring))
}

impl Place {
    /// Key 1 was used, and the workspaces `acme` and `globex` were added. The chain: `workspace.added` of the default one,
    /// `kek.added`, `host.sealed`, and `workspace.added` twice.
    async fn with_a_story() -> Self {
        let place = Self(TempDir::new().unwrap());
        let store = place.open(&[1]);
        store.add_kek(&kek(1).check(), at(1)).await.unwrap();
        store.add_workspace(&admin("acme"), at(2)).await.unwrap();
        store.add_workspace(&admin("globex"), at(3)).await.unwrap();
        place
    }

    fn open(&self, numbers: &[u8]) -> SqliteStore {
        let store = self.open_without_keys();
        store.seal_heads(ring(numbers));
        store
    }

    fn open_without_keys(&self) -> SqliteStore {
        SqliteStore::open(self.0.path(), at(0)).unwrap()
    }

    fn tamper(&self, sql: &str) {
        let connection = Connection::open(self.0.path().join("lockstep.db")).unwrap();
        connection.execute_batch(sql).unwrap();
    }

    async fn verify(&self, numbers: &[u8]) -> AuditReport {
        verify(&self.open(numbers)).await
    }
}

async fn verify(store: &SqliteStore) -> AuditReport {
    let report = store.verify_audit(&host(), &AuditChain::Host, &[]).await;
    report.unwrap()
}

async fn actions(store: &SqliteStore) -> Vec<String> {
    let filter = AuditFilter {
        from: AuditFrom::After(0),
        ..AuditFilter::all()
    };
    let entries = store.host_audit(&host(), &filter).await.unwrap();
    entries.into_iter().map(|entry| entry.action).collect()
}

fn found(report: &AuditReport) -> (&[AuditFinding], &SealState) {
    (&report.findings, &report.seal)
}

/// Cuts the last entry off, and puts the head where the end is now.
const CUT: &str = "DELETE FROM audit WHERE chain = '' AND sequence = 5;
    UPDATE audit_heads
       SET sequence = 4, hash = (SELECT hash FROM audit WHERE chain = '' AND sequence = 4)
     WHERE chain = '';";

#[tokio::test]
async fn the_chain_is_sealed_to_its_end_and_says_from_when_on() {
    let place = Place::with_a_story().await;
    let store = place.open(&[1]);
    let expected = [
        AuditAction::WorkspaceAdded,
        AuditAction::KekAdded,
        AuditAction::HostSealed,
        AuditAction::WorkspaceAdded,
        AuditAction::WorkspaceAdded,
    ];
    assert_eq!(actions(&store).await, expected.map(AuditAction::as_str));
    let report = verify(&store).await;
    assert_eq!(found(&report), (&[][..], &SealState::UpTo(5)));
}

#[tokio::test]
async fn what_is_written_without_a_key_is_sealed_by_the_next_who_has_one() {
    let place = Place::with_a_story().await;
    let store = place.open_without_keys();
    store.add_workspace(&admin("initech"), at(4)).await.unwrap();
    drop(store);
    let report = place.verify(&[1]).await;
    assert_eq!(found(&report), (&[][..], &SealState::UpTo(5)));
    let store = place.open(&[1]);
    let forced = Removal::Forced;
    let initech = admin("initech");
    let removed = store.remove_workspace(&initech, forced, at(5));
    removed.await.unwrap();
    assert_eq!(found(&verify(&store).await), (&[][..], &SealState::UpTo(7)));
}

#[tokio::test]
async fn a_chain_that_was_never_sealed_is_from_the_next_entry_on() {
    let place = Place(TempDir::new().unwrap());
    let store = place.open_without_keys();
    store.add_kek(&kek(1).check(), at(1)).await.unwrap();
    store.add_workspace(&admin("acme"), at(2)).await.unwrap();
    drop(store);
    let report = place.verify(&[1]).await;
    assert_eq!(found(&report), (&[][..], &SealState::None));
    let store = place.open(&[1]);
    store.add_workspace(&admin("globex"), at(3)).await.unwrap();
    assert_eq!(actions(&store).await.last().unwrap(), "host.sealed");
    let report = verify(&store).await;
    assert_eq!(found(&report), (&[][..], &SealState::UpTo(5)));
}

#[tokio::test]
async fn an_end_that_is_cut_off_with_its_head_is_found_by_the_seal() {
    let seal = "UPDATE audit_heads SET sealed_sequence = 4 WHERE chain = '';";
    let no_seal = "UPDATE audit_heads SET sealed_sequence = NULL, seal = NULL WHERE chain = '';";
    let other_seal = "UPDATE audit_heads SET sealed_sequence = 4, seal = x'00' WHERE chain = '';";
    let broken = AuditFinding::SealBroken { sequence: 4 };
    let truncated = AuditFinding::Truncated {
        last: 4,
        expected: 5,
    };
    for (more, finding) in [
        ("", truncated),
        (seal, broken.clone()),
        (other_seal, broken),
        (no_seal, AuditFinding::SealGone),
    ] {
        let place = Place::with_a_story().await;
        place.tamper(&format!("{CUT}{more}"));
        assert_eq!(place.verify(&[1]).await.findings, [finding], "{more}");
    }
}

#[tokio::test]
async fn a_chain_whose_end_was_cut_off_is_not_sealed_again() {
    for more in [
        "",
        "UPDATE audit_heads SET sealed_sequence = 4 WHERE chain = ''",
        "UPDATE audit_heads SET sealed_sequence = NULL, seal = NULL WHERE chain = ''",
    ] {
        let place = Place::with_a_story().await;
        place.tamper(CUT);
        place.tamper(more);
        let store = place.open(&[1]);
        for name in ["one", "two", "three"] {
            store.add_workspace(&admin(name), at(9)).await.unwrap();
        }
        let findings = verify(&store).await.findings;
        assert!(
            matches!(
                &findings[..],
                [AuditFinding::SealBroken { .. } | AuditFinding::SealGone]
            ),
            "{more}: {findings:?}"
        );
    }
}

#[tokio::test]
async fn a_chain_that_is_cut_to_before_its_first_seal_does_not_speak_of_what_is_there() {
    let place = Place::with_a_story().await;
    place.tamper(
        "DELETE FROM audit WHERE chain = '' AND sequence > 1;
         UPDATE audit_heads
            SET sequence = 1, hash = (SELECT hash FROM audit WHERE chain = '' AND sequence = 1),
                sealed_sequence = NULL, seal = NULL
          WHERE chain = ''",
    );
    let told = ["workspace `acme`", "workspace `globex`"]
        .map(str::to_owned)
        .into_iter()
        .chain([format!("key `{}`", kek(1).id())]);
    let expected: Vec<_> = told.map(|what| AuditFinding::Untold { what }).collect();
    assert_eq!(place.verify(&[1]).await.findings, expected);
}

#[tokio::test]
async fn the_seal_follows_the_primary_and_a_key_that_was_retired_is_not_needed() {
    let place = Place::with_a_story().await;
    let store = place.open(&[2, 1]);
    // As when a key is rotated.
    store.add_kek(&kek(2).check(), at(4)).await.unwrap();
    let by_both = verify(&store).await;
    assert_eq!(found(&by_both), (&[][..], &SealState::UpTo(6)));
    let permit = KeyPermit::check(&alice()).unwrap();
    let retired = store.retire_kek(&permit, kek(1).id(), at(5));
    retired.await.unwrap();
    drop(store);
    let by_new = place.verify(&[2]).await;
    assert_eq!(found(&by_new), (&[][..], &SealState::UpTo(7)));
}

#[tokio::test]
async fn a_key_that_somebody_made_is_told_with_who_did() {
    let place = Place::with_a_story().await;
    let store = place.open(&[2, 1]);
    let permit = KeyPermit::check(&alice()).unwrap();
    let made = kek(2).check();
    store.add_made_kek(&permit, &made, at(4)).await.unwrap();
    // It is known by then, whoever meets it next.
    store.add_kek(&made, at(5)).await.unwrap();
    let filter = AuditFilter {
        action: Some(AuditAction::KekAdded),
        from: AuditFrom::After(0),
        ..AuditFilter::all()
    };
    let entries = store.host_audit(&host(), &filter).await.unwrap();
    let told = entries
        .iter()
        .map(|entry| (entry.actor.as_str(), entry.target.as_deref()));
    let (first, second) = (kek(1).id().to_string(), kek(2).id().to_string());
    assert!(told.eq([
        ("lockstep", Some(first.as_str())),
        ("test:alice", Some(second.as_str()))
    ]));
    assert_eq!(verify(&store).await.findings, []);
}

#[tokio::test]
async fn a_seal_whose_key_is_not_at_hand_is_neither_checked_nor_replaced() {
    let place = Place::with_a_story().await;
    let store = place.open(&[3]);
    store.add_kek(&kek(3).check(), at(4)).await.unwrap();
    let report = verify(&store).await;
    assert_eq!(report.findings, []);
    let named = format!("key `{}` is not on the ring", kek(1).id());
    assert!(
        matches!(
            &report.seal,
            SealState::Unchecked { sequence: 5, reason } if reason.contains(&named)
        ),
        "{:?}",
        report.seal
    );
    drop(store);
    let report = place.verify(&[1]).await;
    assert_eq!(found(&report), (&[][..], &SealState::UpTo(5)));
}

#[tokio::test]
async fn the_default_workspace_is_told_of_in_a_database_that_has_nothing_else() {
    let place = Place(TempDir::new().unwrap());
    let report = place.verify(&[1]).await;
    assert_eq!(found(&report), (&[][..], &SealState::None));
    let store = place.open(&[1]);
    assert_eq!(actions(&store).await, ["workspace.added"]);
    let workspaces = store.workspaces().await.unwrap();
    assert_eq!(workspaces[0].name, WorkspaceName::default_name());
}
