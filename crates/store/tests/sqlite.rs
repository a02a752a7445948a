//! SQLite against the contract of a store, and what is its own: files, schema, the life of its runs.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, which the exception for tests does not reach"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use tempfile::TempDir;

use lockstep_secret::Secret;
use lockstep_step::{
    Caller, Condition, Digest, Handling, Idempotency, Role, RunId, Scope, SealingPolicy,
    WorkflowName, WorkspaceName,
};
use lockstep_store::conformance::{conformance, conformance_shared};
use lockstep_store::{
    AuditReport, NewRun, OpenStoreError, OpenedRun, PutCredential, Removal, RunSource, RunState,
    SqliteStore, Store, StoreError,
};
use lockstep_vault::{
    AdminPermit, CredentialVersion, HostPermit, Kek, Keyring, RecordPermit, Vault, ViewPermit,
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

fn open(directory: &Path) -> SqliteStore {
    SqliteStore::open(directory, at(0)).unwrap()
}

fn open_shared(directory: &Path) -> Arc<dyn Store> {
    Arc::new(open(directory))
}

/// Directories that live as long as the test.
#[derive(Default)]
struct Directories(Mutex<Vec<TempDir>>);

impl Directories {
    fn next(&self) -> std::path::PathBuf {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("data");
        self.0.lock().unwrap().push(directory);
        path
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_keeps_the_contract() {
    let directories = Directories::default();
    conformance(async || open_shared(&directories.next())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_on_one_directory_keep_the_contract() {
    let directories = Directories::default();
    conformance_shared(async || {
        let directory = directories.next();
        [open_shared(&directory), open_shared(&directory)]
    })
    .await;
}

async fn verify(store: &SqliteStore) -> Vec<AuditReport> {
    let permit = HostPermit::check(admin().caller()).unwrap();
    let mut reports = Vec::new();
    for chain in store.audit_chains(&permit).await.unwrap() {
        reports.push(store.verify_audit(&permit, &chain, &[]).await.unwrap());
    }
    reports
}

fn new_run() -> NewRun {
    NewRun {
        id: RunId::generate(),
        workspace: WorkspaceName::default_name(),
        workflow: WorkflowName::default_name(),
        source: RunSource::File {
            label: "step.wasm".to_owned(),
            digest: Digest::of(b"step"),
        },
        caller: "test:alice".to_owned(),
        started_at: at(1),
        idempotency: None,
    }
}

async fn state(store: &SqliteStore, run: RunId) -> RunState {
    let caller = Caller {
        name: "test:alice".to_owned(),
        role: Role::Viewer,
    };
    let permit = RecordPermit::check(&caller, &WorkspaceName::default_name()).unwrap();
    store.run(&permit, &run).await.unwrap().state
}

async fn open_run(store: &SqliteStore) -> RunId {
    let run = new_run();
    let id = run.id;
    store.open_run(run).await.unwrap();
    id
}

#[tokio::test]
async fn a_run_whose_store_is_gone_is_lost_when_the_next_opens() {
    let directory = TempDir::new().unwrap();
    let gone = open(directory.path());
    let lost = open_run(&gone).await;
    drop(gone);
    let store = SqliteStore::open(directory.path(), at(9)).unwrap();
    assert_eq!(state(&store, lost).await, RunState::Lost { at: at(9) });
    let late = store.forbid_run(&lost, at(10)).await;
    assert!(matches!(late, Err(StoreError::RunClosed(id)) if id == lost));
}

#[tokio::test]
async fn a_run_whose_store_is_open_elsewhere_goes_on() {
    let directory = TempDir::new().unwrap();
    let one = open(directory.path());
    let run = open_run(&one).await;
    let two = open(directory.path());
    assert_eq!(state(&two, run).await, RunState::Open);
    one.forbid_run(&run, at(2)).await.unwrap();
    assert_eq!(state(&two, run).await, RunState::Forbidden { at: at(2) });
}

#[tokio::test]
async fn a_store_that_stays_open_finds_the_runs_of_one_that_went() {
    let directory = TempDir::new().unwrap();
    let (stays, goes) = (open(directory.path()), open(directory.path()));
    let (mine, theirs) = (open_run(&stays).await, open_run(&goes).await);
    drop(goes);
    assert_eq!(stays.mark_lost(at(3)).await.unwrap(), [theirs]);
    assert_eq!(state(&stays, mine).await, RunState::Open);
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_opening_again() {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path());
    let run = open_run(&store).await;
    store.forbid_run(&run, at(2)).await.unwrap();
    drop(store);
    let store = open(directory.path());
    assert_eq!(state(&store, run).await, RunState::Forbidden { at: at(2) });
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn files_are_for_their_owner_alone() {
    let directory = TempDir::new().unwrap();
    let data = directory.path().join("data");
    let store = open(&data);
    open_run(&store).await;
    assert_eq!(mode(&data), 0o700);
    assert_eq!(mode(&data.join("owners")), 0o700);
    let mut files = 0;
    for folder in [data.clone(), data.join("owners")] {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                assert_eq!(mode(&path), 0o600, "{}", path.display());
                files += 1;
            }
        }
    }
    // The database, its log, its index, the lock and the owner.
    assert_eq!(files, 5);
}

#[tokio::test]
async fn a_store_that_is_closed_leaves_no_owner() {
    let directory = TempDir::new().unwrap();
    drop(open(directory.path()));
    let owners = fs::read_dir(directory.path().join("owners")).unwrap();
    assert_eq!(owners.count(), 0);
}

fn sql(directory: &Path, statement: &str) {
    let connection = rusqlite::Connection::open(directory.join("lockstep.db")).unwrap();
    connection.execute_batch(statement).unwrap();
}

fn count(directory: &Path, query: &str) -> i64 {
    let connection = rusqlite::Connection::open(directory.join("lockstep.db")).unwrap();
    connection.query_row(query, (), |row| row.get(0)).unwrap()
}

async fn ask(store: &SqliteStore, key: &str, n: i64) -> Result<OpenedRun, StoreError> {
    let asked = Idempotency {
        key: key.parse().unwrap(),
        request: Digest::of(b"request"),
    };
    let run = NewRun {
        idempotency: Some(asked),
        started_at: at(n),
        ..new_run()
    };
    store.open_run(run).await
}

#[tokio::test]
async fn idempotency_keys_are_counted_and_bounded() {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path());
    ask(&store, "one", 1).await.unwrap();
    drop(store);
    let counted = "SELECT idempotency_keys FROM workspaces WHERE name = 'default'";
    assert_eq!(count(directory.path(), counted), 1);
    sql(
        directory.path(),
        "UPDATE workspaces SET idempotency_keys = 999999",
    );
    let store = open(directory.path());
    ask(&store, "two", 2).await.unwrap();
    let limit = 1_000_000;
    let refused = ask(&store, "three", 3).await;
    assert!(
        matches!(&refused, Err(StoreError::TooManyIdempotencyKeys { limit: told }) if *told == limit),
        "{refused:?}"
    );
    let again = ask(&store, "two", 4).await;
    assert!(matches!(again, Err(StoreError::AlreadyAsked(_))));
}

#[tokio::test]
async fn idempotency_keys_go_after_a_day() {
    const DAY: i64 = 24 * 60 * 60;
    let directory = TempDir::new().unwrap();
    let store = open(directory.path());
    for n in 0..40 {
        ask(&store, &format!("key{n}"), n).await.unwrap();
    }
    for n in 0..3 {
        ask(&store, &format!("new{n}"), 100 + DAY + n)
            .await
            .unwrap();
    }
    drop(store);
    let kept = "SELECT count(*) FROM idempotency_keys";
    let counted = "SELECT idempotency_keys FROM workspaces WHERE name = 'default'";
    assert_eq!(
        (
            count(directory.path(), kept),
            count(directory.path(), counted)
        ),
        (3, 3)
    );
}

#[test]
fn a_database_of_a_later_release_is_left_alone() {
    let directory = TempDir::new().unwrap();
    drop(open(directory.path()));
    sql(directory.path(), "PRAGMA user_version = 999");
    let error = SqliteStore::open(directory.path(), at(1)).unwrap_err();
    let OpenStoreError::NewerSchema { found: 999, known } = error else {
        panic!("{error}")
    };
    assert!(known < 999);
}

#[tokio::test]
async fn a_database_of_the_first_release_is_brought_up_to_date() {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path());
    let record = set_canary(&store, &admin()).await;
    drop(store);
    sql(
        directory.path(),
        "ALTER TABLE keks DROP COLUMN retired_at; ALTER TABLE keks DROP COLUMN retired_by;
         ALTER TABLE step_versions DROP COLUMN dynamic;
         ALTER TABLE workspaces DROP COLUMN sealing; ALTER TABLE workspaces DROP COLUMN sealing_at;
         ALTER TABLE workspaces DROP COLUMN sealing_by;
         ALTER TABLE workflows DROP COLUMN egress; ALTER TABLE workflows DROP COLUMN egress_at;
         ALTER TABLE workflows DROP COLUMN egress_by;
         DROP TABLE tokens; DROP TABLE members; DROP TABLE audit; DROP TABLE audit_heads;
         DROP TABLE credential_uses;
         ALTER TABLE credentials DROP COLUMN expires_at; ALTER TABLE credentials DROP COLUMN maskable;
         DROP INDEX runs_by_status; DROP TABLE idempotency_keys; ALTER TABLE workspaces DROP COLUMN idempotency_keys;
         PRAGMA user_version = 1",
    );
    let store = open(directory.path());
    let [kek] = store.keks().await.unwrap().try_into().unwrap();
    assert_eq!((kek.wrapped_keys, kek.retired_at), (1, None));
    let permit = ViewPermit::check(admin().caller(), admin().workspace()).unwrap();
    let workspace = store.workspace(&permit).await.unwrap();
    assert_eq!(workspace.sealing, SealingPolicy::Optional);
    let [credential] = store
        .credentials(&permit)
        .await
        .unwrap()
        .try_into()
        .unwrap();
    assert_eq!(credential.handling, Ok(Handling::Reveal));
    assert_eq!((credential.maskable, credential.expires_at), (None, None));
    let reports = verify(&store).await;
    assert!(
        reports.iter().all(|report| report.findings.is_empty()),
        "{reports:?}"
    );
    let anchored: Vec<u64> = reports.iter().map(|report| report.entries).collect();
    assert_eq!(
        anchored,
        [1, 2],
        "the workspace in both chains, and its credential"
    );
    drop(store);
    assert!(is_kept(directory.path(), &record));
}

#[test]
fn a_database_of_something_else_is_left_alone() {
    let directory = TempDir::new().unwrap();
    sql(directory.path(), "CREATE TABLE theirs (a)");
    let error = SqliteStore::open(directory.path(), at(1)).unwrap_err();
    assert!(matches!(error, OpenStoreError::Foreign), "{error}");
}

#[test]
fn a_file_that_is_no_database_is_told_as_damage() {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("lockstep.db"), "x".repeat(5000)).unwrap();
    let error = SqliteStore::open(directory.path(), at(1)).unwrap_err();
    assert!(
        matches!(error, OpenStoreError::Store(StoreError::Corrupt { .. })),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_column_that_was_altered_is_told_by_its_name() {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path());
    let run = open_run(&store).await;
    sql(directory.path(), "UPDATE runs SET digest = 'sha256:00'");
    let caller = Caller {
        name: "test:alice".to_owned(),
        role: Role::Viewer,
    };
    let permit = RecordPermit::check(&caller, &WorkspaceName::default_name()).unwrap();
    let error = store.run(&permit, &run).await.unwrap_err();
    let told = "the database is damaged: column `digest` holds what it cannot";
    assert_eq!(error.to_string(), told);
}

#[test]
fn stores_that_open_at_once_make_one_database() {
    let directory = TempDir::new().unwrap();
    let data = directory.path().join("data");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| open(&data));
        }
    });
    drop(open(&data));
}

#[tokio::test]
async fn a_workspace_key_of_a_later_release_stops_no_run() {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path());
    sql(
        directory.path(),
        "INSERT INTO keks (id, check_value, added_at) VALUES ('k0000000000000000', x'00', 0);
         UPDATE workspaces SET kek = 'k0000000000000000', key_record = x'4c4b574b02'",
    );
    let mark = store.open_run(new_run()).await.unwrap().mark;
    let workspace = WorkspaceName::default_name();
    let changes = store.changes_since(&workspace, None).await.unwrap();
    assert_eq!(changes.mark, mark);
    let Some(Err(error)) = changes.key else {
        panic!("{changes:?}")
    };
    let told = "the wrapped workspace key has format 2, and this release reads up to format 1";
    assert_eq!(error.to_string(), told);
}

/// Sets `TOKEN` to a value that is easy to find, and gives the sealed record.
async fn set_canary(store: &SqliteStore, admin: &AdminPermit) -> Vec<u8> {
    let kek = Kek::generate().unwrap();
    store.add_kek(&kek.check(), at(1)).await.unwrap();
    let vault = Vault::new(Keyring::new(kek));
    let workspace_key = vault.create_workspace_key(admin).unwrap();
    let (scope, key) = (Scope::Workspace, "TOKEN".parse().unwrap());
    let value = Secret::new("canary-1b3f-canary".to_owned());
    let version = CredentialVersion {
        scope: &scope,
        key: &key,
        version: 1,
        handling: &Handling::Reveal,
        expires_at: None,
    };
    let sealed = vault.seal(admin, &workspace_key, version, &value).unwrap();
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
        .put_credentials(admin, vec![put], at(2))
        .await
        .unwrap();
    record
}

fn admin() -> AdminPermit {
    let caller = Caller {
        name: "test:alice".to_owned(),
        role: Role::Admin,
    };
    AdminPermit::check(&caller, &WorkspaceName::default_name()).unwrap()
}

/// Whether a file of the data directory holds these bytes.
fn is_kept(directory: &Path, bytes: &[u8]) -> bool {
    fs::read_dir(directory).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        let content = fs::read(path).unwrap_or_default();
        content.windows(bytes.len()).any(|window| window == bytes)
    })
}

/// What is left of the write-ahead log of a store that was closed, in bytes.
fn left_log(directory: &Path) -> Option<u64> {
    let log = fs::metadata(directory.join("lockstep.db-wal"));
    log.ok().map(|log| log.len())
}

async fn run_once(store: &SqliteStore) -> RunId {
    let run = open_run(store).await;
    store.forbid_run(&run, at(2)).await.unwrap();
    run
}

#[tokio::test]
async fn runs_are_left_in_a_short_log_and_found_there() {
    let directory = TempDir::new().unwrap();
    drop(open(directory.path()));
    assert_eq!(left_log(directory.path()), None, "a new database is whole");
    let store = open(directory.path());
    let run = run_once(&store).await;
    drop(store);
    assert!(left_log(directory.path()).is_some_and(|bytes| bytes > 0));
    let store = open(directory.path());
    assert_eq!(state(&store, run).await, RunState::Forbidden { at: at(2) });
}

#[tokio::test]
async fn a_long_log_goes_into_the_database() {
    let directory = TempDir::new().unwrap();
    drop(open(directory.path()));
    let store = open(directory.path());
    // Each run writes several pages, and 256 may be left.
    for _ in 0..100 {
        run_once(&store).await;
    }
    drop(store);
    assert_eq!(left_log(directory.path()), None);
}

#[tokio::test]
async fn a_change_is_not_left_in_the_log_of_a_store_that_others_have_open() {
    let directory = TempDir::new().unwrap();
    let (stays, goes) = (open(directory.path()), open(directory.path()));
    set_canary(&goes, &admin()).await;
    drop(goes);
    assert_eq!(left_log(directory.path()), Some(0));
    drop(stays);
}

#[tokio::test]
async fn a_value_is_in_no_file_and_a_deleted_record_is_zeroed() {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path());
    let record = set_canary(&store, &admin()).await;
    drop(store);
    // The sealed record is found, so the search would find the value.
    assert!(is_kept(directory.path(), &record));
    assert!(!is_kept(directory.path(), b"canary"));

    let store = open(directory.path());
    let (scope, key) = (Scope::Workspace, "TOKEN".parse().unwrap());
    store
        .remove_credential(
            &admin(),
            &scope,
            &key,
            Removal::IfUnused,
            &Condition::NONE,
            at(3),
        )
        .await
        .unwrap();
    drop(store);
    assert!(!is_kept(directory.path(), &record[..32]));
}

#[tokio::test]
async fn a_bad_record_is_listed_and_stops_no_other() {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path());
    set_canary(&store, &admin()).await;
    sql(
        directory.path(),
        "INSERT INTO credentials SELECT workspace_id, workflow, 'BAD', version, x'4c4b435209', revision, created_at,
                created_by, rotated_at, rotated_by, note, maskable, expires_at FROM credentials",
    );
    let permit = ViewPermit::check(admin().caller(), admin().workspace()).unwrap();
    let listed = store.credentials(&permit).await.unwrap();
    let told: Vec<_> = listed
        .into_iter()
        .map(|entry| entry.handling.map_err(|error| error.to_string()))
        .collect();
    let bad = "the sealed credential has format 9, and this release reads up to format 3";
    assert_eq!(told, [Err(bad.to_owned()), Ok(Handling::Reveal)]);
}
