//! `doctor`: each finding is first not there, then made, then found.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use jiff::Timestamp;
use serde_json::Value;

use lockstep_e2e::{TestHost, repository};
use lockstep_secret::Secret;
use lockstep_step::{Handling, Scope, WorkspaceName};
use lockstep_store::{PutCredential, SqliteStore, Store};
use lockstep_vault::{AdminPermit, CredentialVersion, IfAbsent, Vault, open_key_file};

/// What `doctor` says under this name that is not `ok`, as `status: message (hint)`; and its exit code.
fn found(host: &TestHost, name: &str, more: &[&str]) -> (Vec<String>, i32) {
    let examined = host.lockstep(&[&["doctor", "--json"], more].concat());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let checks = examined.json()["checks"].as_array().unwrap().clone();
    let found = checks
        .iter()
        .filter(|check| check["name"] == name && check["status"] != "ok");
    let told = found.map(|check| {
        assert!(check["hint"].is_string(), "what is to be done? {check}");
        format!(
            "{}: {} ({})",
            text(&check["status"]),
            text(&check["message"]),
            text(&check["hint"])
        )
    });
    (told.collect(), examined.code)
}

/// Fails if there is a finding of this name.
#[track_caller]
fn check_absent(host: &TestHost, name: &str) {
    let (found, _) = found(host, name, &[]);
    assert_eq!(found, [""; 0], "{name}");
}

/// Fails unless there is one finding of this name, with this status and these parts in its text.
#[track_caller]
fn check_found(host: &TestHost, name: &str, status: &str, parts: &[&str]) {
    let (found, code) = found(host, name, &[]);
    let [finding] = &found[..] else {
        panic!("{name}: {found:?}")
    };
    for part in [status].iter().chain(parts) {
        assert!(finding.contains(part), "`{part}` is not in `{finding}`");
    }
    assert_eq!(code, i32::from(status == "fail"), "{finding}");
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn wasm(name: &str) -> String {
    let path = repository().join(format!("target/guests/{name}.wasm"));
    path.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_host_in_order_has_no_findings() {
    let host = TestHost::new().await;
    let examined = host.lockstep(&["doctor", "--json"]).exits(0).json();
    for check in examined["checks"].as_array().unwrap() {
        assert_eq!(check["status"], "ok", "{check}");
    }
}

#[tokio::test]
async fn loose_modes_are_found_on_each_kind_of_file() {
    let host = TestHost::new().await;
    host.lockstep(&["run", &wasm("echo")]).exits(0);
    let data = host.data();
    for (name, file, mode, status) in [
        ("data_directory", ".", 0o755, "warn"),
        ("database_files", "lockstep.db", 0o640, "fail"),
        ("database_files", "lockstep.db-wal", 0o644, "fail"),
        ("other_files", "open.lock", 0o644, "warn"),
        ("other_files", "owners", 0o755, "warn"),
        ("code_cache", "cache", 0o770, "warn"),
    ] {
        let path = data.join(file);
        let right = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        check_absent(&host, name);
        set_mode(&path, mode);
        let part = if file == "." { "chmod" } else { file };
        check_found(&host, name, status, &[part]);
        set_mode(&path, right);
        check_absent(&host, name);
    }
}

#[tokio::test]
async fn loose_modes_are_found_around_the_key() {
    let host = TestHost::new().await;
    check_absent(&host, "key");
    set_mode(&host.key_file(), 0o640);
    check_found(&host, "key", "fail", &["mode 0640", "chmod 600"]);
    set_mode(&host.key_file(), 0o600);

    check_absent(&host, "key_directory");
    set_mode(host.scratch(), 0o777);
    check_found(&host, "key_directory", "warn", &["mode 0777", "chmod go-w"]);
    set_mode(host.scratch(), 0o700);

    fs::write(host.scratch().join("key.backup"), "of the user").unwrap();
    check_absent(&host, "unfinished_key_file");
    fs::write(host.scratch().join("key.0123456789abcdef"), "half a key").unwrap();
    let parts = ["key.0123456789abcdef", "may hold a key"];
    check_found(&host, "unfinished_key_file", "warn", &parts);
}

#[tokio::test]
async fn a_key_next_to_the_database_is_found_whether_it_is_used_or_not() {
    let host = TestHost::new().await;
    fs::write(host.data().join("notes"), "lockstep-kek-1 is not a key").unwrap();
    set_mode(&host.data().join("notes"), 0o600);
    check_absent(&host, "stray_keys");
    let copy = host.data().join("key-copy");
    fs::copy(host.key_file(), &copy).unwrap();
    let text = fs::read_to_string(&copy).unwrap();
    let id = text.split(':').nth(1).unwrap();
    check_found(
        &host,
        "stray_keys",
        "fail",
        &[id, "key-copy", "move it out"],
    );
    fs::write(&copy, "7f".repeat(32)).unwrap();
    check_found(&host, "stray_keys", "fail", &["key-copy"]);

    fs::write(&copy, &text).unwrap();
    let used = ["--key-file", copy.to_str().unwrap()];
    let (key, code) = found(&host, "key", &used);
    assert!(key[0].contains("next to what it protects"), "{key:?}");
    assert_eq!(code, 1);
    assert_eq!(
        found(&host, "stray_keys", &used).0,
        [""; 0],
        "it is told once"
    );
    // The harness would find it there, too.
    fs::remove_file(&copy).unwrap();
}

#[tokio::test]
async fn records_of_a_key_that_is_not_at_hand_are_found() {
    let host = TestHost::new().await;
    check_absent(&host, "key");
    let text = fs::read_to_string(host.key_file()).unwrap();
    let id = text.split(':').nth(1).unwrap();
    fs::write(host.key_file(), "7f".repeat(32)).unwrap();
    check_found(&host, "key", "fail", &[id]);
}

#[tokio::test]
async fn records_of_one_key_that_is_missing_on_the_ring_are_counted() {
    let host = TestHost::new().await;
    let text = fs::read_to_string(host.key_file()).unwrap();
    let id = text.split(':').nth(1).unwrap();
    host.lockstep(&["key", "rotate"]).exits(0);
    host.lockstep(&["workspace", "add", "later"]).exits(0);
    host.guard("sealed under the new key");
    let set = ["credential", "set", "NEW", "--workspace", "later"];
    host.lockstep_with("sealed under the new key", &set)
        .exits(0);
    // Both are at hand; that something waits to be re-wrapped is no fault.
    assert_eq!(found(&host, "key", &[]).1, 0);
    let ring = fs::read_to_string(host.key_file()).unwrap();
    let without_old: Vec<&str> = ring.lines().filter(|line| !line.contains(id)).collect();
    fs::write(host.key_file(), without_old.join("\n")).unwrap();
    check_found(&host, "key", "fail", &[id, "(workspaces: 1)"]);
}

#[tokio::test]
async fn records_that_no_key_opens_are_found() {
    let host = TestHost::new().await;
    check_absent(&host, "records");
    let store = SqliteStore::open(&host.data(), Timestamp::now()).unwrap();
    let permit = AdminPermit::check(&host.admin, &WorkspaceName::default_name()).unwrap();
    let (scope, key) = (Scope::Workspace, "STRAY".parse().unwrap());
    let base = store.put_base(&permit, &scope, &key).await.unwrap();
    let ring = open_key_file(&host.key_file(), &host.data(), IfAbsent::Refuse).unwrap();
    let vault = Vault::new(ring);
    let other = vault.create_workspace_key(&permit).unwrap();
    let value = Secret::new("sealed under another key".to_owned());
    let version = CredentialVersion {
        scope: &scope,
        key: &key,
        version: base.next,
        handling: &Handling::Reveal,
        expires_at: None,
    };
    let sealed = vault.seal(&permit, &other, version, &value).unwrap();
    let put = PutCredential {
        scope,
        key,
        current: base.current,
        sealed,
        maskable: true,
        workspace_key: base.workspace_key.unwrap(),
        note: None,
    };
    store
        .put_credentials(&permit, vec![put], Timestamp::now())
        .await
        .unwrap();
    check_found(&host, "records", "fail", &["`STRAY`", "another key"]);
}

#[tokio::test]
async fn values_too_short_to_mask_are_found_without_the_key() {
    let host = TestHost::new().await;
    host.lockstep_with("four", &["credential", "set", "LONG_ENOUGH"])
        .exits(0);
    check_absent(&host, "short_values");
    host.lockstep_with("abc", &["credential", "set", "SHORT"])
        .exits(0);
    check_found(
        &host,
        "short_values",
        "warn",
        &["`SHORT`", "fewer than 4 bytes"],
    );
    fs::remove_file(host.key_file()).unwrap();
    let (short, code) = found(&host, "short_values", &[]);
    assert!(short[0].contains("`SHORT`"), "{short:?}");
    assert_eq!(code, 1, "the key is missing");
}

#[tokio::test]
async fn credentials_that_nothing_names_are_a_note() {
    let host = TestHost::new().await;
    // Where no step is registered nothing is known.
    check_absent(&host, "unused_credentials");
    host.lockstep(&["step", "add", "needs", &wasm("requires")])
        .exits(0);
    for key in ["FIRST", "SECOND"] {
        host.set(key, "a value that is long enough").await;
    }
    let parts = ["`CANARY`, `CANARY_LINES` (", "makes up the key"];
    check_found(&host, "unused_credentials", "note", &parts);
    host.add_workflow("alerts").await;
    host.select("alerts", &["CANARY", "CANARY_LINES"]).await;
    check_absent(&host, "unused_credentials");
    // One that stands before the workspace's own is what the workflow would get.
    host.set_in("alerts", "CANARY", "the own value of alerts")
        .await;
    check_found(&host, "unused_credentials", "note", &["lists: `CANARY` ("]);
}

#[tokio::test]
async fn credentials_that_are_missing_are_found() {
    let host = TestHost::new().await;
    check_absent(&host, "permissions");
    host.select("default", &["CANARY", "NOT_THERE"]).await;
    let parts = ["`NOT_THERE` for workflow `default` ("];
    check_found(&host, "permissions", "note", &parts);
    host.set("NOT_THERE", "now it is there").await;
    check_absent(&host, "permissions");

    check_absent(&host, "steps");
    host.lockstep(&["step", "add", "needs", &wasm("requires")])
        .exits(0);
    let (missing, code) = found(&host, "steps", &[]);
    assert!(missing[0].starts_with("warn: step `needs`"), "{missing:?}");
    assert_eq!(code, 0);
}

#[tokio::test]
async fn code_of_other_engine_versions_is_found_with_its_size() {
    let host = TestHost::new().await;
    host.lockstep(&["run", &wasm("echo")]).exits(0);
    check_absent(&host, "old_code");
    let old = host.data().join("cache/engine-00000000deadbeef");
    fs::create_dir(&old).unwrap();
    set_mode(&old, 0o700);
    fs::write(old.join("a.code"), [0; 2048]).unwrap();
    let parts = ["2.0 KiB", "engine-00000000deadbeef", "remove"];
    check_found(&host, "old_code", "note", &parts);

    check_absent(&host, "unfinished_code");
    fs::write(old.join(".tmpABCDEF"), [0; 512]).unwrap();
    check_found(&host, "unfinished_code", "note", &[".tmpABCDEF", "512 B"]);
}

#[tokio::test]
async fn what_a_restore_left_is_found() {
    let host = TestHost::new().await;
    for (name, finding) in [
        ("replaced-20260101T000000Z.db", "replaced_database"),
        (".restore-abc", "unfinished_restore"),
    ] {
        check_absent(&host, finding);
        let path = host.data().join(name);
        fs::write(&path, [0; 1024]).unwrap();
        set_mode(&path, 0o600);
        check_found(&host, finding, "note", &[name, "1.0 KiB", "remove it"]);
        set_mode(&path, 0o644);
        let (loose, code) = found(&host, "database_files", &[]);
        assert!(loose[0].contains(name) && code == 1, "{loose:?}");
        fs::remove_file(&path).unwrap();
    }
}

#[tokio::test]
async fn doctor_makes_nothing() {
    let host = TestHost::new().await;
    let data = host.scratch().join("fresh");
    let fresh = ["--data", data.to_str().unwrap(), "doctor"];
    host.lockstep(&fresh).exits(0);
    assert!(!data.exists());
    fs::create_dir(&data).unwrap();
    host.lockstep(&fresh).exits(0);
    assert_eq!(fs::read_dir(&data).unwrap().count(), 0);
}
