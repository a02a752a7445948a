//! The audit of a database that somebody else writes to: whatever is changed in it is found, and the first of it named.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, which the exception for tests does not reach"
)]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::Connection;
use tempfile::TempDir;

use lockstep_secret::Secret;
use lockstep_step::{
    Caller, Condition, CredentialKey, Digest, Handling, Role, Scope, UsagePermission, WorkflowName,
    WorkspaceName,
};
use lockstep_store::{
    AuditChain, AuditEntry, AuditFilter, AuditFinding, AuditFrom, AuditHead, AuditReport,
    CredentialFinding, PutCredential, Removal, SealState, SqliteStore, Store, StoreError,
};
use lockstep_vault::{AdminPermit, CredentialVersion, EditPermit, HostPermit, Kek, Keyring, Vault};

fn at(n: i64) -> Timestamp {
    Timestamp::from_microsecond(1_700_000_000_000_000 + n).unwrap()
}

fn alice() -> Caller {
    Caller {
        name: "test:alice".to_owned(),
        role: Role::Admin,
    }
}

fn workspace() -> WorkspaceName {
    "acme".parse().unwrap()
}

fn admin() -> AdminPermit {
    AdminPermit::check(&alice(), &workspace()).unwrap()
}

fn key(text: &str) -> CredentialKey {
    text.parse().unwrap()
}

/// A data directory, and the keys for it.
struct Place {
    directory: TempDir,
    vault: Arc<Vault>,
}

impl Place {
    /// A workspace whose chain has eight entries, all of them sealed.
    async fn with_a_story() -> Self {
        let kek = Kek::generate().unwrap();
        let check = kek.check();
        let place = Self {
            directory: TempDir::new().unwrap(),
            vault: Arc::new(Vault::new(Keyring::new(kek))),
        };
        let store = place.open();
        store.add_kek(&check, at(1)).await.unwrap();
        store.add_workspace(&admin(), at(1)).await.unwrap();
        let (shared, own) = (Scope::Workspace, Scope::Workflow("daily".parse().unwrap()));
        place.put(&store, &shared, "A", 2).await;
        place.put(&store, &shared, "B", 3).await;
        place.put(&store, &shared, "A", 4).await;
        let workflow = WorkflowName::default_name();
        let selected = UsagePermission::Selected([key("A")].into());
        let (admin, key_b) = (admin(), key("B"));
        let set = store.set_permission(&admin, &workflow, &selected, &Condition::NONE, at(5));
        set.await.unwrap();
        let forced = Removal::Forced;
        let any = Condition::NONE;
        let removed = store.remove_credential(&admin, &shared, &key_b, forced, &any, at(6));
        removed.await.unwrap();
        let editor = EditPermit::check(&alice(), &workspace()).unwrap();
        let daily: WorkflowName = "daily".parse().unwrap();
        store.add_workflow(&editor, &daily, at(7)).await.unwrap();
        place.put(&store, &own, "A", 8).await;
        place
    }

    fn open(&self) -> SqliteStore {
        let store = SqliteStore::open(self.directory.path(), at(0)).unwrap();
        store.seal_heads(Arc::clone(&self.vault));
        store
    }

    async fn put(&self, store: &SqliteStore, scope: &Scope, name: &str, n: i64) {
        let key = key(name);
        let base = store.put_base(&admin(), scope, &key).await.unwrap();
        let workspace_key = base
            .workspace_key
            .unwrap_or_else(|| self.vault.create_workspace_key(&admin()).unwrap());
        let version = CredentialVersion {
            scope,
            key: &key,
            version: base.next,
            handling: &Handling::Reveal,
            expires_at: None,
        };
        let value = Secret::new("canary-77aa-canary".to_owned());
        let sealed = self.vault.seal(&admin(), &workspace_key, version, &value);
        let put = PutCredential {
            maskable: true,
            scope: scope.clone(),
            key,
            current: base.current,
            sealed: sealed.unwrap(),
            workspace_key,
            note: None,
        };
        store
            .put_credentials(&admin(), vec![put], at(n))
            .await
            .unwrap();
    }

    /// What somebody does who can write to the database.
    fn tamper(&self, sql: &str) {
        self.connect().execute_batch(sql).unwrap();
    }

    fn connect(&self) -> Connection {
        Connection::open(self.directory.path().join("lockstep.db")).unwrap()
    }

    async fn verify(&self, exported: &[AuditHead]) -> AuditReport {
        verify(&self.open(), exported).await
    }

    async fn heads(&self) -> Vec<AuditHead> {
        let heads = self.open().audit_heads(&host()).await.unwrap();
        let is_ours = |head: &AuditHead| head.chain == chain();
        heads.into_iter().filter(is_ours).collect()
    }

    /// Writes the chain anew, so that its hashes fit: all that can be done without the key.
    fn recompute(&self) {
        let connection = self.connect();
        let mut before = Digest::from_bytes([0; 32]);
        for entry in self.entries() {
            before = hash(&entry, &before);
            let sql = "UPDATE audit SET hash = ?1 WHERE chain = 'acme' AND sequence = ?2";
            let place = i64::try_from(entry.sequence).unwrap();
            connection.execute(sql, (before.as_bytes(), place)).unwrap();
            let sql = "UPDATE audit_heads SET hash = ?1, sequence = ?2 WHERE chain = 'acme'";
            connection.execute(sql, (before.as_bytes(), place)).unwrap();
        }
    }

    fn entries(&self) -> Vec<AuditEntry> {
        let store = self.open();
        let filter = AuditFilter {
            from: AuditFrom::After(0),
            ..AuditFilter::all()
        };
        let listed = async { store.audit(&admin(), &filter).await.unwrap() };
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(listed))
    }
}

fn host() -> HostPermit {
    HostPermit::check(&alice()).unwrap()
}

fn chain() -> AuditChain {
    AuditChain::Workspace(workspace())
}

async fn verify(store: &SqliteStore, exported: &[AuditHead]) -> AuditReport {
    let report = store.verify_audit(&host(), &chain(), exported).await;
    report.unwrap()
}

/// The hash of an entry, by the description of it alone.
fn hash(entry: &AuditEntry, before: &Digest) -> Digest {
    let mut bytes = b"lockstep/audit-entry/1".to_vec();
    bytes.extend(before.as_bytes());
    let sequence = entry.sequence.to_be_bytes();
    let at = entry.at.as_nanosecond().to_be_bytes();
    let version = entry.version.map(u64::to_be_bytes);
    let chain = entry.chain.to_string();
    fn words(text: &Option<String>) -> Option<&[u8]> {
        text.as_ref().map(String::as_bytes)
    }
    for field in [
        Some(chain.as_bytes()),
        Some(&sequence),
        Some(&at),
        Some(entry.actor.as_bytes()),
        Some(entry.action.as_bytes()),
        words(&entry.workflow),
        words(&entry.step),
        words(&entry.run),
        words(&entry.scope),
        words(&entry.key),
        version.as_ref().map(|version| version.as_slice()),
        words(&entry.mode),
        words(&entry.host),
        words(&entry.detail),
        words(&entry.target),
    ] {
        bytes.push(u8::from(field.is_some()));
        if let Some(field) = field {
            bytes.extend((field.len() as u64).to_be_bytes());
            bytes.extend(field);
        }
    }
    Digest::of(&bytes)
}

async fn check(sql: &str, expected: &[AuditFinding]) {
    let place = Place::with_a_story().await;
    place.tamper(sql);
    let report = place.verify(&[]).await;
    assert_eq!(report.findings, expected, "{sql}");
}

#[tokio::test]
async fn a_chain_that_nobody_touched_is_whole_and_sealed_to_its_end() {
    let place = Place::with_a_story().await;
    let report = place.verify(&place.heads().await).await;
    assert_eq!((report.findings, report.entries), (Vec::new(), 8));
    assert_eq!(report.seal, SealState::UpTo(8));
}

#[tokio::test]
async fn each_edited_field_is_found() {
    for (sequence, set) in [
        (2, "at = at + 1"),
        (3, "actor = 'test:bob'"),
        (4, "action = 'credential.created'"),
        (4, "action = 'of another release'"),
        (5, "workflow = 'weekly'"),
        (5, "workflow = NULL"),
        (2, "step = ''"),
        (2, "run = 'r'"),
        (8, "scope = 'workspace'"),
        (2, "key = 'C'"),
        (4, "version = 1"),
        (4, "version = NULL"),
        (2, "mode = 'sealed'"),
        (2, "host = 'a.test'"),
        (5, "detail = 'all'"),
        (7, "target = 'x'"),
        (1, "hash = zeroblob(32)"),
    ] {
        let sql = format!("UPDATE audit SET {set} WHERE chain = 'acme' AND sequence = {sequence}");
        check(&sql, &[AuditFinding::Altered { sequence }]).await;
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_found() {
    for set in ["hash = x'00'", "at = 9223372036854775807", "version = -1"] {
        let place = Place::with_a_story().await;
        place.tamper(&format!(
            "UPDATE audit SET {set} WHERE chain = 'acme' AND sequence = 4"
        ));
        let findings = place.verify(&[]).await.findings;
        let is_told = matches!(
            &findings[..],
            [AuditFinding::Unreadable { sequence: 4, .. }]
        );
        assert!(is_told, "{findings:?}");
    }
}

#[tokio::test]
async fn a_removed_entry_is_found_wherever_it_was() {
    for place in [1, 4] {
        let sql = format!("DELETE FROM audit WHERE chain = 'acme' AND sequence = {place}");
        let missing = AuditFinding::Missing {
            first: place,
            last: place,
        };
        check(&sql, &[missing]).await;
    }
    let sql = "DELETE FROM audit WHERE chain = 'acme' AND sequence > 6";
    let truncated = AuditFinding::Truncated {
        last: 6,
        expected: 8,
    };
    check(sql, &[truncated]).await;
}

#[tokio::test]
async fn a_removed_entry_is_found_though_the_others_close_up() {
    let sql = "DELETE FROM audit WHERE chain = 'acme' AND sequence = 3;
               UPDATE audit SET sequence = sequence - 1 WHERE chain = 'acme' AND sequence > 3";
    check(sql, &[AuditFinding::Altered { sequence: 3 }]).await;
}

#[tokio::test]
async fn two_entries_that_changed_places_are_found() {
    let sql = "UPDATE audit SET sequence = 99 WHERE chain = 'acme' AND sequence = 2;
               UPDATE audit SET sequence = 2 WHERE chain = 'acme' AND sequence = 5;
               UPDATE audit SET sequence = 5 WHERE chain = 'acme' AND sequence = 99";
    check(sql, &[AuditFinding::Altered { sequence: 2 }]).await;
}

#[tokio::test]
async fn an_entry_of_another_chain_is_found() {
    let sql = "DELETE FROM audit WHERE chain = 'acme' AND sequence = 1;
               UPDATE audit SET chain = 'acme' WHERE chain = 'default' AND sequence = 1";
    check(sql, &[AuditFinding::Altered { sequence: 1 }]).await;
}

/// Cuts the end off, and puts the head where the end is now.
const CUT: &str = "DELETE FROM audit WHERE chain = 'acme' AND sequence > 6;
    UPDATE audit_heads
       SET sequence = 6, hash = (SELECT hash FROM audit WHERE chain = 'acme' AND sequence = 6)
     WHERE chain = 'acme';";

#[tokio::test]
async fn an_end_that_is_cut_off_with_its_head_is_found_by_the_seal() {
    let truncated = AuditFinding::Truncated {
        last: 6,
        expected: 8,
    };
    check(CUT, &[truncated]).await;
    let sealed_sequence = "UPDATE audit_heads SET sealed_sequence = 6 WHERE chain = 'acme'";
    let broken = AuditFinding::SealBroken { sequence: 6 };
    check(&format!("{CUT}{sealed_sequence}"), &[broken]).await;
    let seal = "UPDATE audit_heads SET sealed_sequence = NULL, seal = NULL WHERE chain = 'acme'";
    check(&format!("{CUT}{seal}"), &[AuditFinding::SealGone]).await;
}

#[tokio::test]
async fn a_chain_whose_end_was_cut_off_is_not_sealed_again() {
    for more in [
        "",
        "UPDATE audit_heads SET sealed_sequence = 6 WHERE chain = 'acme'",
        "UPDATE audit_heads SET sealed_sequence = NULL, seal = NULL WHERE chain = 'acme'",
    ] {
        let place = Place::with_a_story().await;
        place.tamper(CUT);
        place.tamper(more);
        let store = place.open();
        for n in 10..13 {
            place.put(&store, &Scope::Workspace, "NEW", n).await;
        }
        let findings = verify(&store, &[]).await.findings;
        assert!(
            matches!(
                &findings[..],
                [AuditFinding::SealBroken { .. } | AuditFinding::SealGone]
            ),
            "{more}: {findings:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_is_written_anew_is_found_by_the_seal_and_by_an_exported_head() {
    let place = Place::with_a_story().await;
    let exported = place.heads().await;
    place.tamper("UPDATE audit SET actor = 'test:bob' WHERE chain = 'acme' AND sequence = 4");
    place.recompute();
    let report = place.verify(&[]).await;
    assert_eq!(report.findings, [AuditFinding::SealBroken { sequence: 8 }]);
    let report = place.verify(&exported).await;
    assert_eq!(
        report.findings,
        [AuditFinding::OtherThanExported { sequence: 8 }]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hash_is_the_one_that_is_described() {
    let place = Place::with_a_story().await;
    let before = place.entries();
    place.recompute();
    assert_eq!(place.entries(), before);
    assert_eq!(place.verify(&[]).await.findings, []);
}

#[tokio::test]
async fn an_older_database_is_found_by_an_exported_head_alone() {
    let place = Place::with_a_story().await;
    let (database, copy) = (
        place.directory.path().join("lockstep.db"),
        place.directory.path().join("copy"),
    );
    fs::copy(&database, &copy).unwrap();
    place.put(&place.open(), &Scope::Workspace, "A", 20).await;
    let exported = place.heads().await;
    remove_journals(place.directory.path());
    fs::copy(&copy, &database).unwrap();
    assert_eq!(place.verify(&[]).await.findings, []);
    let truncated = AuditFinding::Truncated {
        last: 8,
        expected: 9,
    };
    assert_eq!(place.verify(&exported).await.findings, [truncated]);
}

fn remove_journals(directory: &Path) {
    for name in ["lockstep.db-wal", "lockstep.db-shm"] {
        drop(fs::remove_file(directory.join(name)));
    }
}

#[tokio::test]
async fn a_head_that_was_changed_is_found() {
    for (sql, finding) in [
        (
            "UPDATE audit_heads SET hash = zeroblob(32) WHERE chain = 'acme'",
            AuditFinding::OtherHead { sequence: 8 },
        ),
        (
            "UPDATE audit_heads SET sequence = 7,
                    hash = (SELECT hash FROM audit WHERE chain = 'acme' AND sequence = 7)
              WHERE chain = 'acme'",
            AuditFinding::BeyondHead { sequence: 8 },
        ),
        (
            "DELETE FROM audit_heads WHERE chain = 'acme'",
            AuditFinding::NoHead,
        ),
        (
            "DELETE FROM audit_heads WHERE chain = 'acme'; DELETE FROM audit WHERE chain = 'acme'",
            AuditFinding::NoChain,
        ),
        (
            "UPDATE audit_heads SET seal = zeroblob(32) WHERE chain = 'acme'",
            AuditFinding::SealBroken { sequence: 8 },
        ),
    ] {
        check(sql, &[finding]).await;
    }
}

#[tokio::test]
async fn a_chain_that_begins_anew_is_found() {
    let place = Place::with_a_story().await;
    place.tamper(
        "DELETE FROM audit_heads WHERE chain = 'acme'; DELETE FROM audit WHERE chain = 'acme'",
    );
    let store = place.open();
    place.put(&store, &Scope::Workspace, "NEW", 10).await;
    let findings = verify(&store, &[]).await.findings;
    assert_eq!(findings, [AuditFinding::NoBeginning]);
}

#[tokio::test]
async fn nothing_is_written_behind_a_head_that_was_put_back() {
    let place = Place::with_a_story().await;
    place.tamper("UPDATE audit_heads SET sequence = 5 WHERE chain = 'acme'");
    let store = place.open();
    let refused = store
        .set_permission(
            &admin(),
            &WorkflowName::default_name(),
            &UsagePermission::All,
            &Condition::NONE,
            at(9),
        )
        .await;
    let Err(StoreError::Corrupt { what }) = refused else {
        panic!("{refused:?}")
    };
    assert!(
        what.contains("`acme` has an entry 6 behind its head"),
        "{what}"
    );
}

fn of(key: &str, finding: CredentialFinding) -> AuditFinding {
    AuditFinding::Credential {
        credential: format!("credential `{key}`"),
        finding,
    }
}

#[tokio::test]
async fn a_row_of_a_credential_that_does_not_fit_its_chain_is_found() {
    let rows = "workspace_id = (SELECT id FROM workspaces WHERE name = 'acme') AND workflow = ''";
    for (sql, finding) in [
        (
            format!("UPDATE credentials SET version = 1 WHERE {rows} AND key = 'A'"),
            of(
                "A",
                CredentialFinding::OtherVersion {
                    found: 1,
                    expected: 2,
                },
            ),
        ),
        (
            format!("UPDATE credentials SET record = NULL WHERE {rows} AND key = 'A'"),
            of("A", CredentialFinding::Gone { expected: 2 }),
        ),
        (
            format!("DELETE FROM credentials WHERE {rows} AND key = 'A'"),
            of("A", CredentialFinding::Gone { expected: 2 }),
        ),
        (
            format!("UPDATE credentials SET record = x'00' WHERE {rows} AND key = 'B'"),
            of("B", CredentialFinding::Back),
        ),
        (
            format!("UPDATE credentials SET key = 'C' WHERE {rows} AND key = 'B'"),
            of("C", CredentialFinding::Unknown),
        ),
        (
            format!("UPDATE credentials SET expires_at = 1 WHERE {rows} AND key = 'A'"),
            of("A", CredentialFinding::OtherEnd),
        ),
    ] {
        let place = Place::with_a_story().await;
        place.tamper(&sql);
        let findings = place.verify(&[]).await.findings;
        assert_eq!(findings.first(), Some(&finding), "{sql}");
    }
}

/// What the rotation was for stays usable if this is not found.
#[tokio::test]
async fn an_old_row_put_back_over_a_newer_one_is_found() {
    let place = Place::with_a_story().await;
    let columns = "version, record, revision, rotated_at";
    place.tamper(
        "CREATE TABLE theirs AS SELECT * FROM credentials WHERE key = 'A' AND workflow = ''",
    );
    place.put(&place.open(), &Scope::Workspace, "A", 20).await;
    place.tamper(&format!(
        "UPDATE credentials SET ({columns}) = (SELECT {columns} FROM theirs)
          WHERE key = 'A' AND workflow = ''; DROP TABLE theirs"
    ));
    let older = CredentialFinding::OtherVersion {
        found: 2,
        expected: 3,
    };
    assert_eq!(place.verify(&[]).await.findings, [of("A", older)]);
}

#[tokio::test]
async fn a_chain_outlives_its_workspace_and_goes_on_with_the_next_of_its_name() {
    let place = Place::with_a_story().await;
    let store = place.open();
    let admin = admin();
    let removed = store.remove_workspace(&admin, Removal::Forced, at(20));
    removed.await.unwrap();
    let report = verify(&store, &[]).await;
    assert_eq!((report.findings, report.entries), (Vec::new(), 9));
    store.add_workspace(&admin, at(21)).await.unwrap();
    place.put(&store, &Scope::Workspace, "A", 22).await;
    let report = verify(&store, &[]).await;
    assert_eq!((report.findings, report.entries), (Vec::new(), 11));
    assert_eq!(report.seal, SealState::UpTo(11));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_stores_that_write_at_once_keep_one_chain() {
    let place = Place::with_a_story().await;
    let stores = [Arc::new(place.open()), Arc::new(place.open())];
    let mut writing = tokio::task::JoinSet::new();
    for (one, store) in (0..).zip(&stores) {
        for n in 0..50 {
            let store = Arc::clone(store);
            writing.spawn(async move {
                let workflow = format!("w{one}-{n}").parse().unwrap();
                let editor = EditPermit::check(&alice(), &workspace()).unwrap();
                store.add_workflow(&editor, &workflow, at(n)).await.unwrap();
            });
        }
    }
    writing.join_all().await;
    let report = verify(&stores[0], &[]).await;
    assert_eq!((report.findings, report.entries), (Vec::new(), 108));
    assert_eq!(report.seal, SealState::UpTo(108));
}

#[tokio::test]
async fn no_value_and_nothing_computed_from_one_is_in_the_audit() {
    let place = Place::with_a_story().await;
    let value = b"canary-77aa-canary";
    let digest = Digest::of(value);
    let rows: Vec<String> = {
        let connection = place.connect();
        let mut statement = connection
            .prepare("SELECT chain || '/' || actor || '/' || action || '/' || coalesce(key, '') FROM audit")
            .unwrap();
        let rows = statement.query_map((), |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    };
    assert!(rows.len() > 8);
    for row in rows {
        assert!(
            !row.contains("canary") && !row.contains(&digest.hex()),
            "{row}"
        );
    }
}
