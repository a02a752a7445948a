//! Backups: made while the database is in use, and put in the place of another.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, which the exception for tests does not reach"
)]

#[path = "backup/staging.rs"]
mod staging;

use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use tempfile::TempDir;

use lockstep_secret::Secret;
use lockstep_step::{
    Caller, Condition, Digest, Handling, Role, RunId, Scope, WorkflowName, WorkspaceName,
};
use lockstep_store::{
    AuditChain, AuditFilter, BackupContents, BackupError, IfThere, NewRun, PutCredential, Removal,
    RestoreError, RestoreStamp, Restored, RunSource, RunState, SqliteStore, Store,
};
use lockstep_vault::{
    AdminPermit, CredentialVersion, HostPermit, Kek, Keyring, RecordPermit, Vault,
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

/// Data directories and backups of one test.
struct Setup {
    directory: TempDir,
}

impl Setup {
    fn new() -> Self {
        Self {
            directory: TempDir::new().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn open(&self, name: &str) -> SqliteStore {
        SqliteStore::open(&self.path(name), at(0)).unwrap()
    }

    /// A data directory with these workspaces, and nobody who has it open.
    async fn make(&self, name: &str, workspaces: &[&str]) {
        let store = self.open(name);
        for workspace in workspaces {
            store.add_workspace(&admin(workspace), at(1)).await.unwrap();
        }
    }

    /// A backup of a database with these workspaces.
    async fn backup(&self, workspaces: &[&str]) -> PathBuf {
        self.make("source", workspaces).await;
        let file = self.path("backup");
        back_up(&self.open("source"), &file).await.unwrap();
        file
    }

    fn restore(
        &self,
        file: &Path,
        data: &str,
        if_there: IfThere,
    ) -> Result<Restored, RestoreError> {
        let data = self.path(data);
        SqliteStore::restore(file, &data, if_there, stamp(), &mut |_| {
            ControlFlow::Continue(())
        })
    }

    /// The workspaces of a data directory, without the one that is always there.
    async fn workspaces(&self, data: &str) -> Vec<String> {
        let all = self.open(data).workspaces().await.unwrap();
        let names = all.into_iter().map(|entry| entry.name.to_string());
        names.filter(|name| name != "default").collect()
    }

    /// The files of a data directory that are neither the database nor locks.
    fn left_over(&self, data: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(data)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names
            .filter(|name| !["lockstep.db", "open.lock", "owners"].contains(&name.as_str()))
            .collect();
        names.sort();
        names
    }
}

fn stamp() -> RestoreStamp<'static> {
    RestoreStamp {
        at: at(9),
        by: "test:alice",
    }
}

fn caller() -> Caller {
    Caller {
        name: "test:alice".to_owned(),
        role: Role::Admin,
    }
}

fn admin(workspace: &str) -> AdminPermit {
    AdminPermit::check(&caller(), &workspace.parse().unwrap()).unwrap()
}

async fn back_up(store: &SqliteStore, file: &Path) -> Result<BackupContents, BackupError> {
    let go_on = |_| ControlFlow::Continue(());
    store.back_up(file, IfThere::Refuse, go_on).await
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

async fn open_run(store: &SqliteStore) -> RunId {
    let id = RunId::generate();
    let run = NewRun {
        id,
        workspace: WorkspaceName::default_name(),
        workflow: WorkflowName::default_name(),
        source: RunSource::File {
            label: "step.wasm".to_owned(),
            digest: Digest::of(b"step"),
        },
        caller: "test:alice".to_owned(),
        started_at: at(1),
        idempotency: None,
    };
    store.open_run(run).await.unwrap();
    id
}

/// Sets a credential, and gives its sealed record and the key-encryption key's name.
async fn set(store: &SqliteStore, key: &str, value: &str) -> (Vec<u8>, lockstep_vault::KekId) {
    let permit = admin("default");
    let kek = Kek::generate().unwrap();
    let id = kek.id();
    store.add_kek(&kek.check(), at(1)).await.unwrap();
    let vault = Vault::new(Keyring::new(kek));
    let workspace_key = vault.create_workspace_key(&permit).unwrap();
    let (scope, key) = (Scope::Workspace, key.parse().unwrap());
    let value = Secret::new(value.to_owned());
    let version = CredentialVersion {
        scope: &scope,
        key: &key,
        version: 1,
        handling: &Handling::Reveal,
        expires_at: None,
    };
    let sealed = vault
        .seal(&permit, &workspace_key, version, &value)
        .unwrap();
    let record = sealed.record().to_vec();
    let put = PutCredential {
        scope,
        key,
        current: None,
        sealed,
        maskable: true,
        workspace_key,
        note: None,
    };
    store
        .put_credentials(&permit, vec![put], at(2))
        .await
        .unwrap();
    (record, id)
}

fn holds(file: &Path, bytes: &[u8]) -> bool {
    let content = fs::read(file).unwrap();
    content.windows(bytes.len()).any(|window| window == bytes)
}

#[tokio::test]
async fn a_backup_holds_what_was_there_and_says_which_key_it_needs() {
    let setup = Setup::new();
    let store = setup.open("data");
    store.add_workspace(&admin("acme"), at(1)).await.unwrap();
    let (_, kek) = set(&store, "TOKEN", "canary-value").await;
    open_run(&store).await;
    let file = setup.path("backup");
    let contents = back_up(&store, &file).await.unwrap();
    let expected = BackupContents {
        bytes: fs::metadata(&file).unwrap().len(),
        is_sealed: false,
        schema: contents.schema,
        keks: vec![kek],
        workspaces: 2,
        workflows: 2,
        credentials: 1,
        steps: 0,
        runs: 1,
        open_runs: 1,
    };
    assert_eq!(contents, expected);
    assert_eq!(mode(&file), 0o600);
}

#[tokio::test]
async fn a_backup_holds_no_plaintext_and_nothing_that_was_deleted() {
    let setup = Setup::new();
    let store = setup.open("data");
    let (record, _) = set(&store, "TOKEN", "canary-value").await;
    let (with, without) = (setup.path("with"), setup.path("without"));
    back_up(&store, &with).await.unwrap();
    let key = "TOKEN".parse().unwrap();
    store
        .remove_credential(
            &admin("default"),
            &Scope::Workspace,
            &key,
            Removal::IfUnused,
            &Condition::NONE,
            at(3),
        )
        .await
        .unwrap();
    back_up(&store, &without).await.unwrap();
    assert!(holds(&with, &record), "so the search would find the value");
    assert!(!holds(&with, b"canary"));
    assert!(!holds(&without, &record[..32]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_of_one_moment_while_others_write() {
    let setup = Setup::new();
    setup.make("data", &["before"]).await;
    let (copied, writes) = (setup.open("data"), setup.open("data"));
    // Megabytes, so that the copy has several steps, and a write comes between them.
    let big = "x".repeat(1 << 20);
    for name in 0..6 {
        set_note(&setup.path("data"), name, &big);
    }
    let (told, hear) = std::sync::mpsc::channel();
    let (go_on, waits) = std::sync::mpsc::channel::<()>();
    let mut steps = 0;
    let progress = move |_| {
        steps += 1;
        if steps == 1 {
            told.send(()).unwrap();
            waits.recv().unwrap();
        }
        ControlFlow::Continue(())
    };
    let file = setup.path("backup");
    let backup = copied.back_up(&file, IfThere::Refuse, progress);
    let write = async {
        tokio::task::block_in_place(|| hear.recv().unwrap());
        writes
            .add_workspace(&admin("meanwhile"), at(2))
            .await
            .unwrap();
        go_on.send(()).unwrap();
    };
    let (contents, ()) = tokio::join!(backup, write);
    assert_eq!(contents.unwrap().workspaces, 2, "`default` and `before`");
    drop((copied, writes));
    setup.restore(&file, "restored", IfThere::Refuse).unwrap();
    assert_eq!(setup.workspaces("restored").await, ["before"]);
    assert_eq!(setup.workspaces("data").await, ["before", "meanwhile"]);
}

/// Writes a long note behind the store's back.
fn set_note(data: &Path, name: usize, note: &str) {
    let connection = rusqlite::Connection::open(data.join("lockstep.db")).unwrap();
    connection
        .execute(
            "INSERT INTO credentials VALUES (1, '', ?1, 1, NULL, 1, 0, '', 0, '', ?2, NULL, NULL)",
            (format!("K{name}"), note),
        )
        .unwrap();
}

#[tokio::test]
async fn a_backup_replaces_nothing_unless_it_is_told_to() {
    let setup = Setup::new();
    let store = setup.open("data");
    let file = setup.path("backup");
    fs::write(&file, "precious").unwrap();
    let refused = back_up(&store, &file).await;
    assert!(
        matches!(refused, Err(BackupError::Exists { .. })),
        "{refused:?}"
    );
    assert_eq!(fs::read(&file).unwrap(), b"precious");
    let go_on = |_| ControlFlow::Continue(());
    store.back_up(&file, IfThere::Replace, go_on).await.unwrap();
    assert!(holds(&file, b"SQLite format 3"));
    assert_eq!(mode(&file), 0o600);
}

#[tokio::test]
async fn a_backup_that_is_broken_off_leaves_nothing() {
    let setup = Setup::new();
    let store = setup.open("data");
    let folder = setup.path("backups");
    fs::create_dir(&folder).unwrap();
    let file = folder.join("backup");
    let broken_off = store
        .back_up(&file, IfThere::Refuse, |_| ControlFlow::Break(()))
        .await;
    assert!(
        matches!(broken_off, Err(BackupError::BrokenOff)),
        "{broken_off:?}"
    );
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    back_up(&store, &file).await.unwrap();
    assert_eq!(
        fs::read_dir(&folder).unwrap().count(),
        1,
        "one file, complete"
    );
}

#[tokio::test]
async fn a_backup_does_not_go_into_the_data_directory() {
    let setup = Setup::new();
    let store = setup.open("data");
    std::os::unix::fs::symlink(setup.path("data"), setup.path("link")).unwrap();
    for file in [
        "data/backup",
        "data/lockstep.db",
        "data/owners/backup",
        "link/backup",
    ] {
        let go_on = |_| ControlFlow::Continue(());
        let refused = store
            .back_up(&setup.path(file), IfThere::Replace, go_on)
            .await;
        assert!(
            matches!(refused, Err(BackupError::InDataDirectory { .. })),
            "{file}: {refused:?}"
        );
    }
    back_up(&store, &setup.path("data-backup")).await.unwrap();
}

#[tokio::test]
async fn a_damaged_database_gives_no_backup() {
    let setup = Setup::new();
    let store = setup.open("data");
    let connection = rusqlite::Connection::open(setup.path("data/lockstep.db")).unwrap();
    let harm = "PRAGMA foreign_keys = OFF; DELETE FROM workspaces";
    connection.execute_batch(harm).unwrap();
    let file = setup.path("backup");
    let refused = back_up(&store, &file).await;
    assert!(
        matches!(refused, Err(BackupError::Damaged { .. })),
        "{refused:?}"
    );
    assert!(!file.exists());
}

#[tokio::test]
async fn what_is_restored_is_what_was_backed_up() {
    let setup = Setup::new();
    let file = setup.backup(&["acme"]).await;
    let restored = setup.restore(&file, "new/data", IfThere::Refuse).unwrap();
    assert_eq!((restored.replaced, restored.contents.workspaces), (None, 2));
    assert_eq!(mode(&setup.path("new/data")), 0o700);
    assert_eq!(mode(&setup.path("new/data/lockstep.db")), 0o600);
    assert_eq!(setup.workspaces("new/data").await, ["acme"]);
}

#[tokio::test]
async fn a_database_is_replaced_only_if_that_is_meant_and_is_kept() {
    let setup = Setup::new();
    let file = setup.backup(&["acme"]).await;
    setup.make("data", &["mine"]).await;
    let refused = setup.restore(&file, "data", IfThere::Refuse);
    assert!(
        matches!(refused, Err(RestoreError::Exists { .. })),
        "{refused:?}"
    );
    assert_eq!(setup.workspaces("data").await, ["mine"]);

    let first = setup.restore(&file, "data", IfThere::Replace).unwrap();
    assert_eq!(setup.workspaces("data").await, ["acme"]);
    let second = setup.restore(&file, "data", IfThere::Replace).unwrap();
    assert_ne!(first.replaced, second.replaced, "in the same second");
    let kept = first.replaced.unwrap();
    assert_eq!(mode(&kept), 0o600);
    // What was replaced is a backup as any other.
    setup.restore(&kept, "again", IfThere::Refuse).unwrap();
    assert_eq!(setup.workspaces("again").await, ["mine"]);
}

#[tokio::test]
async fn a_database_that_was_not_closed_is_kept_with_its_last_changes() {
    let setup = Setup::new();
    let file = setup.backup(&["acme"]).await;
    let store = setup.open("data");
    store.add_workspace(&admin("last"), at(1)).await.unwrap();
    // As a process leaves it that is killed: what was written last is in the second file.
    fs::create_dir(setup.path("killed")).unwrap();
    for name in ["lockstep.db", "lockstep.db-wal"] {
        fs::copy(
            setup.path("data").join(name),
            setup.path("killed").join(name),
        )
        .unwrap();
    }
    let restored = setup.restore(&file, "killed", IfThere::Replace).unwrap();
    assert_eq!(setup.workspaces("killed").await, ["acme"]);
    setup
        .restore(&restored.replaced.unwrap(), "kept", IfThere::Refuse)
        .unwrap();
    assert_eq!(setup.workspaces("kept").await, ["last"]);
}

#[tokio::test]
async fn changes_to_a_database_that_is_gone_are_not_made_to_the_restored_one() {
    let setup = Setup::new();
    let file = setup.backup(&["acme"]).await;
    let store = setup.open("data");
    store.add_workspace(&admin("last"), at(1)).await.unwrap();
    fs::create_dir(setup.path("half")).unwrap();
    let journal = "lockstep.db-wal";
    fs::copy(
        setup.path("data").join(journal),
        setup.path("half").join(journal),
    )
    .unwrap();
    setup.restore(&file, "half", IfThere::Refuse).unwrap();
    assert_eq!(setup.workspaces("half").await, ["acme"]);
    assert_eq!(
        setup.left_over("half"),
        ["replaced-20231114T221329Z.db-wal"]
    );
}

#[tokio::test]
async fn a_damaged_database_is_replaced_and_kept_as_it_is() {
    let setup = Setup::new();
    let file = setup.backup(&["acme"]).await;
    setup.make("data", &["mine"]).await;
    fs::write(setup.path("data/lockstep.db"), "not a database at all").unwrap();
    fs::write(setup.path("data/lockstep.db-wal"), "nor its journal").unwrap();
    let restored = setup.restore(&file, "data", IfThere::Replace).unwrap();
    assert_eq!(setup.workspaces("data").await, ["acme"]);
    let kept = fs::read(restored.replaced.unwrap()).unwrap();
    assert_eq!(kept, b"not a database at all");
}

#[tokio::test]
async fn a_database_in_use_is_not_replaced() {
    let setup = Setup::new();
    let file = setup.backup(&["acme"]).await;
    let store = setup.open("data");
    let refused = setup.restore(&file, "data", IfThere::Replace);
    assert!(
        matches!(refused, Err(RestoreError::InUse { .. })),
        "{refused:?}"
    );
    drop(store);
    // Nor one that somebody has open who is not of Lockstep.
    let shell = rusqlite::Connection::open(setup.path("data/lockstep.db")).unwrap();
    shell
        .query_row("SELECT count(*) FROM runs", (), |_| Ok(()))
        .unwrap();
    let refused = setup.restore(&file, "data", IfThere::Replace);
    assert!(
        matches!(refused, Err(RestoreError::InUse { .. })),
        "{refused:?}"
    );
    drop(shell);
    setup.restore(&file, "data", IfThere::Replace).unwrap();
}

#[tokio::test]
async fn nothing_is_restored_for_who_works_on_a_database_that_was_removed() {
    let setup = Setup::new();
    let file = setup.backup(&["acme"]).await;
    let store = setup.open("data");
    for name in ["lockstep.db", "lockstep.db-wal", "lockstep.db-shm"] {
        fs::remove_file(setup.path("data").join(name)).unwrap();
    }
    let refused = setup.restore(&file, "data", IfThere::Refuse);
    assert!(
        matches!(refused, Err(RestoreError::InUse { .. })),
        "{refused:?}"
    );
    drop(store);
    setup.restore(&file, "data", IfThere::Refuse).unwrap();
    assert_eq!(setup.workspaces("data").await, ["acme"]);
}

#[tokio::test]
async fn what_was_copied_is_checked_and_not_only_what_was_to_be() {
    let setup = Setup::new();
    let file = setup.backup(&["acme"]).await;
    setup.make("data", &["mine"]).await;
    let data = setup.path("data");
    // A disk that does not keep what is written.
    let mut damage = |_| {
        let draft = fs::read_dir(&data)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let is_draft = |path: &PathBuf| path.to_str().unwrap().contains(".restore-");
        let draft = draft.filter(is_draft).last().unwrap();
        let mut bytes = fs::read(&draft).unwrap();
        bytes[3 * 4096..4 * 4096].fill(0);
        fs::write(draft, bytes).unwrap();
        ControlFlow::Continue(())
    };
    let refused = SqliteStore::restore(&file, &data, IfThere::Replace, stamp(), &mut damage);
    assert!(
        matches!(refused, Err(RestoreError::Damaged { .. })),
        "{refused:?}"
    );
    assert_eq!(setup.workspaces("data").await, ["mine"]);
}

#[tokio::test]
async fn a_run_that_was_open_in_the_backup_is_lost() {
    let setup = Setup::new();
    let store = setup.open("data");
    let run = open_run(&store).await;
    let file = setup.path("backup");
    back_up(&store, &file).await.unwrap();
    let restored = setup.restore(&file, "restored", IfThere::Refuse).unwrap();
    assert_eq!(restored.contents.open_runs, 1);
    let restored = setup.open("restored");
    let permit = RecordPermit::check(&caller(), &WorkspaceName::default_name()).unwrap();
    let state = |record: lockstep_store::RunRecord| record.state;
    assert_eq!(
        state(restored.run(&permit, &run).await.unwrap()),
        RunState::Lost { at: at(0) }
    );
    // Where it runs, it runs on.
    assert_eq!(
        state(store.run(&permit, &run).await.unwrap()),
        RunState::Open
    );
}

/// Restores a file that is wrong over a good database, and gives the error. Nothing is touched.
async fn refused(harm: impl FnOnce(&Path)) -> RestoreError {
    let setup = Setup::new();
    let file = setup.backup(&["acme"]).await;
    harm(&file);
    setup.make("data", &["mine"]).await;
    let error = setup.restore(&file, "data", IfThere::Replace).unwrap_err();
    assert_eq!(setup.workspaces("data").await, ["mine"], "{error}");
    assert_eq!(setup.left_over("data"), [""; 0], "{error}");
    setup.restore(&file, "absent", IfThere::Refuse).unwrap_err();
    assert!(!setup.path("absent").exists(), "{error}");
    error
}

fn sql(file: &Path, sql: &str) {
    let connection = rusqlite::Connection::open(file).unwrap();
    connection.execute_batch(sql).unwrap();
}

#[tokio::test]
async fn a_backup_that_is_cut_off_is_refused_wherever_it_is_cut() {
    let setup = Setup::new();
    let file = setup.backup(&["acme"]).await;
    let whole = fs::read(&file).unwrap();
    let page = 4096;
    for length in [
        1,
        99,
        512,
        page,
        page + 1,
        whole.len() / 2,
        whole.len() - page,
        whole.len() - 1,
    ] {
        fs::write(&file, &whole[..length]).unwrap();
        let error = setup.restore(&file, "data", IfThere::Refuse).unwrap_err();
        assert!(
            matches!(
                error,
                RestoreError::Damaged { .. } | RestoreError::Foreign { .. }
            ),
            "{length}: {error}"
        );
        assert!(!setup.path("data").exists(), "{length}");
    }
    fs::write(&file, &whole).unwrap();
    setup.restore(&file, "data", IfThere::Refuse).unwrap();
}

#[tokio::test]
async fn a_damaged_backup_is_refused() {
    let zeroed = refused(|file| {
        let mut bytes = fs::read(file).unwrap();
        bytes[3 * 4096..4 * 4096].fill(0);
        fs::write(file, bytes).unwrap();
    });
    let zeroed = zeroed.await;
    assert!(matches!(zeroed, RestoreError::Damaged { .. }), "{zeroed}");
    let harm = "PRAGMA foreign_keys = OFF; DELETE FROM workspaces";
    let dangling = refused(|file| sql(file, harm)).await;
    assert!(
        dangling
            .to_string()
            .contains("a row of `workflows` refers to a row of `workspaces`"),
        "{dangling}"
    );
}

#[tokio::test]
async fn a_backup_with_what_no_release_has_put_there_is_refused() {
    for (harm, part) in [
        (
            "CREATE TRIGGER mine AFTER INSERT ON runs BEGIN DELETE FROM audit; END",
            "the trigger `mine`",
        ),
        ("CREATE VIEW mine AS SELECT 1", "the view `mine`"),
        ("CREATE TABLE mine (a)", "the table `mine`"),
        (
            "CREATE INDEX mine ON workspaces (upper(name))",
            "the index `mine`",
        ),
        (
            "DROP TRIGGER idempotency_key_added",
            "the trigger `idempotency_key_added`",
        ),
        (
            "ALTER TABLE workspaces ADD COLUMN more TEXT",
            "the table `workspaces`",
        ),
    ] {
        let error = refused(|file| sql(file, harm)).await;
        assert!(matches!(error, RestoreError::Damaged { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains(part), "`{part}` is not in {text}");
    }
    // What SQLite keeps of itself is no matter.
    let setup = Setup::new();
    let file = setup.backup(&["acme"]).await;
    sql(&file, "ANALYZE");
    setup.restore(&file, "data", IfThere::Refuse).unwrap();
}

#[tokio::test]
async fn the_audit_of_what_was_restored_tells_who_did_it() {
    let setup = Setup::new();
    let file = setup.backup(&["acme"]).await;
    setup.restore(&file, "data", IfThere::Refuse).unwrap();
    let restored = setup.open("data");
    let permit = HostPermit::check(&caller()).unwrap();
    let told = restored.host_audit(&permit, &AuditFilter::all()).await;
    let last = told.unwrap().swap_remove(0);
    let said = (&*last.actor, &*last.action, last.detail.as_deref(), last.at);
    assert_eq!(said, ("test:alice", "backup.restored", Some("done"), at(9)));
    let report = restored.verify_audit(&permit, &AuditChain::Host, &[]).await;
    assert_eq!(report.unwrap().findings, []);
}

#[tokio::test]
async fn a_backup_of_a_later_release_is_refused_with_both_versions() {
    let error = refused(|file| sql(file, "PRAGMA user_version = 999")).await;
    let RestoreError::NewerSchema {
        found: 999, known, ..
    } = error
    else {
        panic!("{error}")
    };
    let text = error.to_string();
    let versions = format!("has schema 999, and this release knows schema {known}");
    assert!(text.contains(&versions), "{text}");
}

#[tokio::test]
async fn a_backup_of_an_earlier_release_is_brought_to_the_present_schema() {
    let setup = Setup::new();
    let file = setup.path("old");
    let header = "PRAGMA application_id = 1280004948; PRAGMA user_version = 1;";
    sql(&file, include_str!("../migrations/0001_start.sql"));
    sql(&file, header);
    let restored = setup.restore(&file, "data", IfThere::Refuse).unwrap();
    let present = setup.backup(&[]).await;
    let present = setup.restore(&present, "other", IfThere::Refuse).unwrap();
    assert_eq!(restored.contents.schema, present.contents.schema);
    assert_eq!(setup.workspaces("data").await, [""; 0]);
}

#[tokio::test]
async fn a_file_of_something_else_is_refused() {
    for harm in [
        (|file: &Path| fs::write(file, "x".repeat(5000)).unwrap()) as fn(&Path),
        |file| fs::write(file, "").unwrap(),
        |file| sql(file, "PRAGMA application_id = 1"),
    ] {
        let error = refused(harm).await;
        assert!(matches!(error, RestoreError::Foreign { .. }), "{error}");
    }
    let absent = refused(|file| fs::remove_file(file).unwrap()).await;
    assert!(matches!(absent, RestoreError::File { .. }), "{absent}");
}

#[tokio::test]
async fn the_file_of_a_database_in_use_is_no_backup() {
    let setup = Setup::new();
    let store = setup.open("source");
    store.add_workspace(&admin("last"), at(1)).await.unwrap();
    fs::create_dir(setup.path("copy")).unwrap();
    for name in ["lockstep.db", "lockstep.db-wal"] {
        fs::copy(
            setup.path("source").join(name),
            setup.path("copy").join(name),
        )
        .unwrap();
    }
    let file = setup.path("copy/lockstep.db");
    let error = setup.restore(&file, "data", IfThere::Refuse).unwrap_err();
    assert!(matches!(error, RestoreError::Incomplete { .. }), "{error}");
    let copy = setup.open("copy");
    copy.add_workspace(&admin("more"), at(2)).await.unwrap();
    drop(copy);
    // Closed after a change, it stands for itself.
    setup.restore(&file, "data", IfThere::Refuse).unwrap();
    assert_eq!(setup.workspaces("data").await, ["last", "more"]);
}

#[tokio::test]
async fn a_restore_that_is_broken_off_leaves_the_old_database() {
    let setup = Setup::new();
    let file = setup.backup(&["acme"]).await;
    setup.make("data", &["mine"]).await;
    let data = setup.path("data");
    let broken_off = SqliteStore::restore(&file, &data, IfThere::Replace, stamp(), &mut |_| {
        ControlFlow::Break(())
    });
    assert!(
        matches!(broken_off, Err(RestoreError::BrokenOff)),
        "{broken_off:?}"
    );
    assert_eq!(setup.workspaces("data").await, ["mine"]);
    assert_eq!(setup.left_over("data"), [""; 0]);
}

#[tokio::test]
async fn the_draft_of_one_who_was_killed_goes_with_the_next_restore() {
    let setup = Setup::new();
    let file = setup.backup(&["acme"]).await;
    setup.make("data", &["mine"]).await;
    fs::write(setup.path("data/.restore-abc"), "half").unwrap();
    let restored = setup.restore(&file, "data", IfThere::Replace).unwrap();
    let kept = restored.replaced.unwrap();
    let kept = kept.file_name().unwrap().to_str().unwrap();
    assert_eq!(setup.left_over("data"), [kept]);
}
