//! `backup` and `restore` of a server, from elsewhere.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use lockstep_e2e::{Finished, Served, TestHost, fill_cache};
use lockstep_step::{Role, WorkspaceName};

const VALUE: &str = "a value that is carried away sealed";

#[track_caller]
fn check(finished: Finished, code: i32, word: &str, part: &str) {
    let finished = finished.exits(code);
    let problem: Value = serde_json::from_str(&finished.stderr).unwrap();
    assert_eq!(problem["error"]["code"], word, "{problem}");
    let text = problem.to_string();
    assert!(text.contains(part), "`{part}` is not in {text}");
}

fn path(host: &TestHost, name: &str) -> String {
    let path = host.scratch().join(name);
    path.to_str().unwrap().to_owned()
}

/// A server on a data directory that nobody else has open, its first token, and where that is.
async fn alone(host: &TestHost) -> (Served<'_>, String, PathBuf) {
    let data = host.scratch().join("alone");
    fill_cache(&data.join("cache")).await;
    let server = Served::start(host, &["--data", data.to_str().unwrap()]).await;
    let admin = server.first_token.clone().unwrap();
    (server, admin, data)
}

fn keys(server: &Served<'_>, token: &str) -> Vec<String> {
    let listed = server.lockstep(token, &["credential", "list", "--json"]);
    let listed = listed.exits(0).json()["credentials"].clone();
    let keys = listed.as_array().unwrap().iter();
    keys.map(|it| it["key"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_server_is_backed_up_and_restored_from_elsewhere() {
    let host = TestHost::new().await;
    host.guard(VALUE);
    let (server, admin, _) = alone(&host).await;
    let set = |key: &str| server.lockstep_with(&admin, VALUE, &["credential", "set", key]);
    set("CARRIED").exits(0);
    let file = path(&host, "carried.db");
    let taken = server
        .lockstep(&admin, &["backup", &file, "--json"])
        .exits(0);
    let taken = taken.json();
    let bytes = fs::read(&file).unwrap();
    host.leaves("the backup", &bytes);
    assert_eq!(
        (&taken["file"], &taken["bytes"], &taken["credentials"]),
        (&json!(file), &json!(bytes.len()), &json!(1))
    );
    // A file that is there is left, and replaced if that is meant.
    let again = server.lockstep(&admin, &["backup", &file, "--json"]);
    check(again, 2, "already_exists", "--force");
    assert_eq!(fs::read(&file).unwrap(), bytes);
    server
        .lockstep(&admin, &["backup", &file, "--force"])
        .exits(0);

    set("LATER").exits(0);
    let late = ["token", "create", "late", "--role", "admin", "--json"];
    let late = server.lockstep(&admin, &late).exits(0).json();
    let late = late["token"].as_str().unwrap().to_owned();
    host.search();
    host.guard(&late);
    let restore = ["restore", &file, "--json"];
    check(
        server.lockstep(&admin, &restore),
        2,
        "already_exists",
        "--force",
    );
    assert_eq!(keys(&server, &admin), ["CARRIED", "LATER"]);
    let restore = ["restore", &file, "--force", "--json"];
    let restored = server.lockstep(&admin, &restore).exits(0).json();
    let name = restored["replaced"].as_str().unwrap().to_owned();
    assert!(name.starts_with("replaced-"), "{restored}");
    assert_eq!(
        (&restored["server"], &restored["data"], &restored["key"]),
        (&json!(server.url()), &Value::Null, &json!("opens"))
    );
    assert_eq!(restored["credentials"], 1);
    assert_eq!(keys(&server, &admin), ["CARRIED"]);

    // It is a backup like any other: here it makes a host of its own.
    let other = path(&host, "other");
    let here = host.lockstep(&["--data", &other, "restore", &file]);
    here.exits(0);
    let listed = host.lockstep(&["--data", &other, "credential", "list"]);
    assert!(listed.exits(0).stdout.contains("CARRIED"));

    // A token that is none of the backup does it, and is none then.
    let second = path(&host, "second.db");
    server.lockstep(&admin, &["backup", &second]).exits(0);
    let late = ["token", "create", "late", "--role", "admin", "--json"];
    let late = server.lockstep(&admin, &late).exits(0).json();
    let late = late["token"].as_str().unwrap().to_owned();
    host.search();
    host.guard(&late);
    let done = server.lockstep(&late, &["restore", &second, "--force"]);
    let done = done.exits(0);
    assert!(
        done.stderr.contains("the token is none of the restored"),
        "{done:?}"
    );
    let none = server.lockstep(&late, &["credential", "list", "--json"]);
    check(none, 2, "bad_token", "LOCKSTEP_TOKEN");
    assert_eq!(keys(&server, &admin), ["CARRIED"]);
    server.end();
}

#[tokio::test]
async fn what_is_no_backup_is_not_sent_and_what_cannot_be_written_is_not_taken() {
    let host = TestHost::new().await;
    let (server, admin, data) = alone(&host).await;
    let file = path(&host, "some.db");
    let restore = ["restore", &*file, "--force", "--json"];
    check(
        server.lockstep(&admin, &restore),
        2,
        "unreadable",
        "some.db",
    );
    fs::write(&file, "nothing of the kind").unwrap();
    let refused = server.lockstep(&admin, &restore);
    check(refused, 2, "invalid_backup", "some.db");
    // One that was made without the key is whole, and could be anybody's.
    let (other, no_key) = (path(&host, "other"), path(&host, "no-key"));
    let add = ["--data", &other, "workspace", "add", "acme"];
    host.lockstep(&add).exits(0);
    fs::remove_file(&file).unwrap();
    let made = ["--data", &other, "--key-file", &no_key, "backup", &file];
    let made = host.lockstep(&made).exits(0);
    assert!(made.stderr.contains("through no server"), "{made:?}");
    let refused = server.lockstep(&admin, &restore);
    check(
        refused,
        2,
        "backup_not_sealed",
        "on the machine of the host",
    );
    let nowhere = path(&host, "nowhere/some.db");
    let refused = server.lockstep(&admin, &["backup", &nowhere, "--json"]);
    check(refused, 2, "unwritable", "nowhere");
    let refused = server.lockstep(&admin, &["backup", "-", "--json"]);
    check(refused, 2, "usage", "name a file");
    let names = fs::read_dir(data).unwrap();
    let names = names.map(|it| it.unwrap().file_name().into_string().unwrap());
    assert!(names.into_iter().all(|name| !name.starts_with('.')));
}

#[tokio::test]
async fn who_does_not_speak_for_the_host_carries_nothing_away_and_replaces_nothing() {
    let host = TestHost::new().await;
    let acme: WorkspaceName = "acme".parse().unwrap();
    host.runner.add_workspace(&host.admin, &acme).await.unwrap();
    let theirs = host.token_in(acme, Role::Admin).await;
    let editor = host.token(Role::Editor).await;
    let server = Served::start(&host, &[]).await;
    let good = path(&host, "good.db");
    host.lockstep(&["backup", &good]).exits(0);
    let file = path(&host, "taken.db");
    for (token, code) in [(&theirs, "not_found"), (&editor, "forbidden")] {
        let backup = server.lockstep(token, &["backup", &file, "--json"]);
        check(backup, 2, code, "hint");
        let restore = server.lockstep(token, &["restore", &good, "--force", "--json"]);
        check(restore, 2, code, "hint");
    }
    assert!(!PathBuf::from(&file).exists());
}

#[tokio::test]
async fn a_server_starts_whatever_the_variables_say_of_another() {
    let host = TestHost::new().await;
    let elsewhere = [
        ("LOCKSTEP_URL", "https://nobody.test".to_owned()),
        ("LOCKSTEP_TOKEN", "lsk_x".to_owned()),
    ];
    let server = Served::start_in(&host, &elsewhere, &[]).await;
    let admin = server.first_token.clone().unwrap();
    assert_eq!(keys(&server, &admin), ["CANARY", "CANARY_LINES"]);
}
