//! The key-encryption keys of the host, from elsewhere: seen, rotated, wrapped with anew and retired, by whoever speaks for it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use lockstep_e2e::{Finished, Served, TestHost, digits_of_keys};
use lockstep_runner::{NewCredential, PutRule};
use lockstep_secret::Secret;
use lockstep_step::{Role, Scope, WorkspaceName};

const VALUE: &str = "a value that is set through the server";
/// How an admin token of `default` is named where it speaks for the host.
const OPERATOR: &str = "default/token:admin";

fn status(server: &Served<'_>, admin: &str) -> Value {
    let status = server.lockstep(admin, &["key", "status", "--json"]);
    status.exits(0).json()
}

/// Of each key: its name, what it does, and how many records it wraps.
fn shown(status: &Value) -> Vec<(&str, &str, u64)> {
    let keys = status["keys"].as_array().unwrap().iter();
    keys.map(|key| {
        let records = key["records"].as_u64().unwrap();
        (
            key["id"].as_str().unwrap(),
            key["state"].as_str().unwrap(),
            records,
        )
    })
    .collect()
}

/// Rotates through the server, and gives the name of the new key, whose digits are canaries from now on.
fn rotate(host: &TestHost, server: &Served<'_>, admin: &str) -> String {
    let rotated = server
        .lockstep(admin, &["key", "rotate", "--json"])
        .exits(0);
    host.guard_keys();
    rotated.json()["primary"].as_str().unwrap().to_owned()
}

/// Adds a workspace with a credential of its own.
fn add_workspace(host: &TestHost, name: &str) {
    host.lockstep(&["workspace", "add", name]).exits(0);
    let value = format!("the value in {name}");
    host.guard(&value);
    let set = ["credential", "set", "TOKEN", "--workspace", name];
    host.lockstep_with(&value, &set).exits(0);
}

/// A step of the server that tells how long the credential is.
fn add_step(host: &TestHost, server: &Served<'_>, admin: &str) {
    let step = host.scratch().join("step.js");
    fs::write(&step, "export default () => credential('TOKEN').length").unwrap();
    let add = ["step", "add", "length", step.to_str().unwrap()];
    server.lockstep(admin, &add).exits(0);
}

/// Sets the credential anew, and has the step open it.
fn goes_on(host: &TestHost, server: &Served<'_>, admin: &str, value: &str) {
    host.guard(value);
    let set = ["credential", "set", "TOKEN"];
    server.lockstep_with(admin, value, &set).exits(0);
    let ran = server.lockstep(admin, &["run", "length"]).exits(0);
    assert_eq!(ran.stdout.trim_end(), value.len().to_string());
    // What was set long before.
    let ran = server.lockstep(admin, &["run", "length", "--workflow", "early"]);
    assert_eq!(ran.exits(0).stdout.trim_end(), VALUE.len().to_string());
}

/// What [`goes_on`] opens of before.
fn set_early(host: &TestHost, server: &Served<'_>, admin: &str) {
    host.guard(VALUE);
    server
        .lockstep(admin, &["workflow", "add", "early"])
        .exits(0);
    let set = ["credential", "set", "TOKEN", "--workflow", "early"];
    server.lockstep_with(admin, VALUE, &set).exits(0);
    add_step(host, server, admin);
    let step = host.scratch().join("step.js");
    let add = [
        "step",
        "add",
        "length",
        step.to_str().unwrap(),
        "--workflow",
        "early",
    ];
    server.lockstep(admin, &add).exits(0);
}

#[track_caller]
fn is_refused(finished: Finished, exit: i32, code: &str, told: &[&str]) {
    let finished = finished.exits(exit);
    assert_eq!(finished.stdout, "");
    let problem: Value = serde_json::from_str(&finished.stderr).unwrap();
    assert_eq!(problem["error"]["code"], code, "{problem}");
    for text in told {
        assert!(finished.stderr.contains(text), "`{text}` in {problem}");
    }
}

/// What was done of this kind, by whom and to which key, as a chain tells it.
fn told(host: &TestHost, chain: &[&str], kind: &str) -> Vec<[String; 3]> {
    let export = [&["audit", "export"], chain].concat();
    let exported = host.lockstep(&export).exits(0).stdout;
    let lines = exported.lines();
    let entries = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
    let of_kind = entries.filter(|entry| entry["action"].as_str().unwrap().starts_with(kind));
    let text = |text: &Value| text.as_str().unwrap().to_owned();
    of_kind
        .map(|entry| ["action", "actor", "target"].map(|name| text(&entry[name])))
        .collect()
}

/// The keys are these, and what comes next is this.
#[track_caller]
fn check(status: &Value, keys: &[(&str, &str, u64)], next: Option<&str>) {
    assert_eq!(shown(status), keys);
    match (next, status["hint"].as_str()) {
        (Some(next), Some(hint)) => assert!(hint.contains(next), "`{next}` in {status}"),
        (next, hint) => assert_eq!(next, hint, "{status}"),
    }
}

#[tokio::test]
async fn from_one_key_to_the_next_without_anybody_at_the_machine() {
    let host = TestHost::new().await;
    add_workspace(&host, "acme");
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    let call = |arguments: &[&str]| server.lockstep(&admin, arguments).exits(0);
    let before = status(&server, &admin);
    let old = before["primary"].as_str().unwrap();
    check(&before, &[(old, "primary", 2)], None);
    let source = (&before["source"], &before["key_file"]);
    assert_eq!(source, (&json!("key_file"), &json!(null)));

    let rotated = call(&["key", "rotate", "--json"]);
    host.guard_keys();
    let told = "on the machine of the host, copy the key file";
    assert!(rotated.stderr.contains(told), "{rotated:?}");
    let rotated = rotated.json();
    let new = rotated["primary"].as_str().unwrap();
    let expected = json!({"primary": new, "kept": [old], "key_file": null, "records_to_rewrap": 2});
    assert_eq!(rotated, expected);
    let keys = [(new, "primary", 0), (old, "opens", 2)];
    check(&status(&server, &admin), &keys, Some("lockstep key rewrap"));

    let done = call(&["key", "rewrap", "--json"]).json();
    let expected = json!({"primary": new, "rewrapped": 2, "failed": 0, "failures": []});
    assert_eq!(done, expected);
    let nothing = format!("nothing to do: key `{new}` wraps everything\n");
    assert_eq!(call(&["key", "rewrap"]).stdout, nothing);
    let keys = [(new, "primary", 2), (old, "unused", 0)];
    let next = format!("lockstep key retire {old}");
    check(&status(&server, &admin), &keys, Some(&next));

    let retired = call(&["key", "retire", old, "--json"]);
    let expected = json!({"id": old, "removed_from_key_file": true});
    assert_eq!(retired.json(), expected);
    assert!(retired.stderr.contains("backup"), "{retired:?}");
    // The second time there is nothing to take off.
    let again = call(&["key", "retire", old]).stdout;
    assert_eq!(again, format!("key `{old}` is retired\n"));
    let now = status(&server, &admin);
    check(&now, &[(new, "primary", 2), (old, "retired", 0)], None);
    let gone = (&now["keys"][1]["on_ring"], &now["keys"][1]["retired_by"]);
    assert_eq!(gone, (&json!(false), &json!(OPERATOR)));
    let here = host.lockstep(&["key", "status", "--json"]).exits(0).json();
    assert_eq!(here["keys"], now["keys"]);
    let text = call(&["key", "status"]).stdout;
    let first = "keys of the server, from its key file\n";
    assert!(text.starts_with(first), "{text}");
}

#[tokio::test]
async fn a_server_seals_and_opens_from_one_key_to_the_next_and_so_does_the_one_after_it() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    set_early(&host, &server, &admin);
    let old = digits_of_keys(&host.key_file());
    let retire = status(&server, &admin)["primary"]
        .as_str()
        .unwrap()
        .to_owned();
    rotate(&host, &server, &admin);
    goes_on(&host, &server, &admin, "a value between two keys");
    server.lockstep(&admin, &["key", "rewrap"]).exits(0);
    goes_on(&host, &server, &admin, "a value that both keys open");
    server
        .lockstep(&admin, &["key", "retire", &retire])
        .exits(0);
    goes_on(&host, &server, &admin, "a value under the new key");
    let new = digits_of_keys(&host.key_file());
    assert_eq!((old.len(), new.len()), (1, 1));
    assert_ne!(old, new);
    assert_eq!(server.end(), Some(0));
    let server = Served::start(&host, &[]).await;
    goes_on(&host, &server, &admin, "a value after the start");
}

#[tokio::test]
async fn the_audit_tells_who_did_what_to_keys_from_elsewhere() {
    let host = TestHost::new().await;
    add_workspace(&host, "acme");
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    let old = status(&server, &admin)["primary"]
        .as_str()
        .unwrap()
        .to_owned();
    let new = rotate(&host, &server, &admin);
    server.lockstep(&admin, &["key", "rewrap"]).exits(0);
    server.lockstep(&admin, &["key", "retire", &old]).exits(0);
    let entry = |action: &str, actor: &str, key: &str| [action, actor, key].map(str::to_owned);
    let expected = [
        entry("kek.added", "lockstep", &old),
        entry("kek.added", OPERATOR, &new),
        entry("kek.retired", OPERATOR, &old),
    ];
    assert_eq!(told(&host, &["--host"], "kek."), expected);
    for workspace in ["acme", "default"] {
        let rewrapped = told(&host, &["--workspace", workspace], "workspace_key.");
        let expected = entry("workspace_key.rewrapped", OPERATOR, &new);
        assert_eq!(rewrapped, [expected]);
    }
    server.lockstep(&admin, &["audit", "verify"]).exits(0);
}

#[tokio::test]
async fn what_would_lose_a_key_is_refused_and_changes_nothing() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    let old = status(&server, &admin)["primary"]
        .as_str()
        .unwrap()
        .to_owned();
    let new = rotate(&host, &server, &admin);
    let before = (fs::read(host.key_file()).unwrap(), status(&server, &admin));
    let retire = |id: &str| server.lockstep(&admin, &["key", "retire", id, "--json"]);
    is_refused(
        retire(&old),
        2,
        "in_use",
        &["1 workspaces", "lockstep key rewrap"],
    );
    is_refused(
        retire(&new),
        2,
        "key",
        &["is the primary", "lockstep key rotate"],
    );
    is_refused(
        retire("k0123456789abcdef"),
        2,
        "not_found",
        &["k0123456789abcdef"],
    );
    retire("no-key").exits(2);
    let elsewhere = host.scratch().join("new.key");
    let to_file = [
        "key",
        "rotate",
        "--to-file",
        elsewhere.to_str().unwrap(),
        "--json",
    ];
    let refused = server.lockstep(&admin, &to_file);
    is_refused(
        refused,
        2,
        "not_remote",
        &[&server.url(), "machine of the host"],
    );
    assert!(!elsewhere.exists());
    let after = (fs::read(host.key_file()).unwrap(), status(&server, &admin));
    assert_eq!(before, after);
    let ask = |method: &str, path: &str| server.ask(method, path, Some(&admin), ("", b""));
    ask("DELETE", "/v1/host/keys/no-key").is_problem(400, "invalid_key_id");
    ask("DELETE", "/v1/host/keys/K0123456789ABCDEF").is_problem(400, "invalid_key_id");
    let wraps = ask("DELETE", &format!("/v1/host/keys/{old}")).is_problem(409, "key_in_use");
    assert!(
        wraps["detail"].as_str().unwrap().contains("1 workspaces"),
        "{wraps}"
    );
}

#[tokio::test]
async fn who_does_not_speak_for_the_host_neither_sees_nor_changes_keys() {
    let host = TestHost::new().await;
    let acme: WorkspaceName = "acme".parse().unwrap();
    host.runner.add_workspace(&host.admin, &acme).await.unwrap();
    let theirs = host.token_in(acme, Role::Admin).await;
    let mut others = Vec::new();
    for role in [Role::Editor, Role::Runner, Role::Viewer] {
        others.push(host.token(role).await);
    }
    let (unused, primary) = {
        let admin = host.token(Role::Admin).await;
        let server = Served::start(&host, &[]).await;
        let first = rotate(&host, &server, &admin);
        (first, rotate(&host, &server, &admin))
    };
    let before = fs::read(host.key_file()).unwrap();
    let server = Served::start(&host, &[]).await;
    for command in [
        &["key", "status", "--json"][..],
        &["key", "rotate", "--json"],
        &["key", "rewrap", "--json"],
        // One that wraps nothing, and would be gone.
        &["key", "retire", &unused, "--json"],
        &["key", "retire", &primary, "--json"],
    ] {
        for other in &others {
            is_refused(server.lockstep(other, command), 2, "forbidden", &["doctor"]);
        }
        let refused = server.lockstep(&theirs, command);
        is_refused(refused, 2, "not_found", &["workspace `default`", "doctor"]);
    }
    assert_eq!(fs::read(host.key_file()).unwrap(), before);
    let keys = host.runner.keys(&host.admin).await.unwrap().keys;
    assert_eq!(
        keys.iter().map(|key| key.records).collect::<Vec<_>>(),
        [0, 0, 1]
    );
    assert!(keys.iter().all(|key| key.retired_at.is_none()));
    assert_eq!(server.end(), Some(0));
    // What each was refused first; the others are in one entry with their number.
    for (workspace, refused) in [
        ("default", &["editor", "runner", "viewer"][..]),
        ("acme", &["admin"]),
    ] {
        let export = ["audit", "export", "--workspace", workspace];
        let exported = host.lockstep(&export).exits(0).stdout;
        for token in refused {
            let is_told = |line: &str| {
                let entry: Value = serde_json::from_str(line).unwrap();
                entry["action"] == "access.denied"
                    && entry["actor"] == format!("token:{token}")
                    && entry["target"] == "GET /v1/host/keys"
            };
            assert!(exported.lines().any(is_told), "{token} {exported}");
        }
    }
}

#[tokio::test]
async fn what_is_done_on_the_machine_of_the_host_is_seen_by_its_server() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    let old = status(&server, &admin)["primary"]
        .as_str()
        .unwrap()
        .to_owned();
    let rotated = host.lockstep(&["key", "rotate", "--json"]).exits(0).json();
    host.guard_keys();
    let new = rotated["primary"].as_str().unwrap();
    let now = status(&server, &admin);
    assert_eq!(shown(&now), [(new, "primary", 0), (&old, "opens", 1)]);
    // The primary is that of the file, whatever the server read when it started.
    let retire = server.lockstep(&admin, &["key", "retire", new, "--json"]);
    is_refused(retire, 2, "key", &["is the primary"]);
    server.lockstep(&admin, &["key", "rewrap"]).exits(0);
    server.lockstep(&admin, &["key", "retire", &old]).exits(0);
    let now = status(&server, &admin);
    assert_eq!(shown(&now), [(new, "primary", 1), (&old, "retired", 0)]);
    host.lockstep(&["doctor"]).exits(0);
}

/// Adds workspaces, each with a key of its own and a credential under it.
async fn add_tenants(host: &TestHost, count: usize) {
    let mut adding = JoinSet::new();
    for number in 0..count {
        let (runner, admin) = (host.runner.clone(), host.admin.clone());
        adding.spawn(async move {
            let workspace = format!("tenant-{number:04}").parse().unwrap();
            runner.add_workspace(&admin, &workspace).await.unwrap();
            let credentials = [NewCredential {
                key: "TOKEN".parse().unwrap(),
                value: Secret::new(format!("the value of {workspace}")),
                note: None,
                expires_at: None,
                handling: None,
            }];
            let (scope, rule) = (Scope::Workspace, PutRule::CreateOrRotate);
            let put = runner.put_credentials(&admin, &workspace, &scope, &credentials, rule);
            put.await.unwrap();
        });
    }
    adding.join_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_run_and_credentials_are_set_through_the_server_while_it_wraps_keys_anew() {
    let host = TestHost::new().await;
    add_tenants(&host, 1_000).await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    set_early(&host, &server, &admin);
    goes_on(&host, &server, &admin, "a value before");
    let first = rotate(&host, &server, &admin);
    let mut rewrapping = server.say(
        "POST",
        "/v1/host/keys/rewrap",
        Some(&admin),
        "Content-Length: 0\r\n",
        b"",
    );
    let ask = |method: &str, path: &str, kind: &str, body: &str| {
        let path = format!("/v1/{path}");
        server.ask(method, &path, Some(&admin), (kind, body.as_bytes()))
    };
    let in_default = "workspaces/default";
    let mut meanwhile = 0;
    loop {
        let now = ask("GET", "host/keys", "", "").is(200).json();
        let left: u64 = shown(&now)[1..].iter().map(|key| key.2).sum();
        if left == 0 {
            break;
        }
        let value = format!("value {meanwhile} that is set meanwhile");
        host.guard(&value);
        let put = format!("{in_default}/credentials/TOKEN");
        ask("PUT", &put, "application/octet-stream", &value).is(200);
        let run = format!("{in_default}/workflows/default/steps/length/runs");
        let ran = ask("POST", &run, "application/json", "{}").is(200).json();
        assert_eq!(ran["output"], value.len(), "{ran}");
        meanwhile += 1;
    }
    assert!(meanwhile > 1, "nothing ran meanwhile");
    let done = server.hear(&mut rewrapping).is(200).json();
    assert_eq!(
        done,
        json!({"primary": first, "rewrapped": 1_001, "failed": 0, "failures": []})
    );
    goes_on(&host, &server, &admin, "a value at the end");
    // Each opens: it is wrapped once more.
    rotate(&host, &server, &admin);
    let done = server
        .lockstep(&admin, &["key", "rewrap", "--json"])
        .exits(0)
        .json();
    assert_eq!(
        (&done["rewrapped"], &done["failed"]),
        (&json!(1_001), &json!(0))
    );
}

#[tokio::test]
async fn keys_of_the_environment_of_a_server_are_used_and_not_rotated() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    // A new key first, as the operator writes it into the environment.
    let to_file = host.scratch().join("both.key");
    host.lockstep(&["key", "rotate", "--to-file", to_file.to_str().unwrap()])
        .exits(0);
    host.guard_keys_of(&to_file);
    let text = fs::read_to_string(&to_file).unwrap();
    // No key file is named then: an empty variable is as none.
    let keyed = [("LOCKSTEP_KEY", text), ("LOCKSTEP_KEY_FILE", String::new())];
    let server = Served::start_in(&host, &keyed, &[]).await;
    set_early(&host, &server, &admin);
    let refused = server.lockstep(&admin, &["key", "rotate", "--json"]);
    is_refused(
        refused,
        2,
        "key_in_environment",
        &["--to-file", "machine of the host"],
    );
    let before = status(&server, &admin);
    assert_eq!(before["source"], "environment");
    let [(new, "primary", 0), (old, "opens", 1)] = shown(&before)[..] else {
        panic!("{before}");
    };
    let said = server.lockstep(&admin, &["key", "status"]).exits(0).stdout;
    assert!(
        said.starts_with("keys of the server, from its `LOCKSTEP_KEY`\n"),
        "{said}"
    );
    server.lockstep(&admin, &["key", "rewrap"]).exits(0);
    let retired = server
        .lockstep(&admin, &["key", "retire", old, "--json"])
        .exits(0);
    assert_eq!(
        retired.json(),
        json!({"id": old, "removed_from_key_file": false})
    );
    assert!(
        retired
            .stderr
            .contains("given to the server as `LOCKSTEP_KEY`"),
        "{retired:?}"
    );
    let now = status(&server, &admin);
    assert_eq!(shown(&now), [(new, "primary", 1), (old, "retired", 0)]);
    goes_on(&host, &server, &admin, "a value under the new key");
}

#[tokio::test]
async fn a_key_file_that_cannot_be_used_is_told_without_its_path_and_what_was_read_goes_on() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    set_early(&host, &server, &admin);
    let path = host.key_file().display().to_string();
    let before = fs::read(host.key_file()).unwrap();
    fs::set_permissions(host.key_file(), fs::Permissions::from_mode(0o644)).unwrap();
    let refused = server.lockstep(&admin, &["key", "rotate", "--json"]);
    assert!(!refused.stderr.contains(&path), "{refused:?}");
    is_refused(refused, 70, "key", &["mode 0644", "log of the host"]);
    assert!(server.log().contains(&path));
    let said = server.lockstep(&admin, &["key", "status"]).exits(1);
    assert!(said.stdout.contains("mode 0644"), "{said:?}");
    assert!(!said.stdout.contains(&path), "{said:?}");
    goes_on(&host, &server, &admin, "a value meanwhile");
    assert_eq!(fs::read(host.key_file()).unwrap(), before);
    assert_eq!(server.end(), Some(0));

    // Who starts now has none.
    let server = Served::start(&host, &[]).await;
    for command in [
        &["key", "rotate", "--json"][..],
        &["key", "rewrap", "--json"],
        &["key", "retire", "k0123456789abcdef", "--json"],
    ] {
        let refused = server.lockstep(&admin, command);
        assert!(!refused.stderr.contains(&path), "{refused:?}");
        is_refused(refused, 70, "locked", &["lockstep doctor"]);
    }
    fs::set_permissions(host.key_file(), fs::Permissions::from_mode(0o600)).unwrap();
}
