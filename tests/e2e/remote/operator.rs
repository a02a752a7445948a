//! What is of the whole host, from elsewhere: workspaces that come and go, and whether the audit is whole.

use std::fs;

use rusqlite::Connection;
use serde_json::{Value, json};

use lockstep_e2e::{Served, TestHost};
use lockstep_step::Role;

const VALUE: &str = "a value of the workspace acme";

/// The token of an answer, which is shown there and nowhere after.
fn shown(host: &TestHost, token: &str) -> String {
    assert!(token.starts_with("lsk_") && token.len() == 47, "{token}");
    host.search();
    host.guard(token);
    token.to_owned()
}

fn tamper(host: &TestHost, sql: &str) {
    let database = Connection::open(host.data().join("lockstep.db")).unwrap();
    database.execute_batch(sql).unwrap();
}

#[track_caller]
fn is_refused(finished: lockstep_e2e::Finished, code: &str) {
    let finished = finished.exits(2);
    let problem: Value = serde_json::from_str(&finished.stderr).unwrap();
    assert_eq!(problem["error"]["code"], code, "{problem}");
}

#[tokio::test]
async fn a_workspace_comes_is_used_and_goes_without_anybody_at_the_machine() {
    let host = TestHost::new().await;
    host.guard(VALUE);
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    let add = [
        "workspace",
        "add",
        "acme",
        "--admin-token",
        "first",
        "--json",
    ];
    let added = server.lockstep(&admin, &add).exits(0).json();
    let theirs = shown(&host, added["admin_token"]["token"].as_str().unwrap());
    let expected = json!({"workspace": "acme", "result": "added", "admin_token": {"workspace": "acme", "name": "first",
        "role": "admin", "member": null, "expires_at": null, "token": theirs}});
    assert_eq!(added, expected);
    is_refused(server.lockstep(&admin, &add), "already_exists");

    let set = ["credential", "set", "TOKEN", "--workspace", "acme"];
    server.lockstep_with(&theirs, VALUE, &set).exits(0);
    let step = host.scratch().join("step.js");
    fs::write(&step, "export default () => credential('TOKEN').length").unwrap();
    let run = ["run", step.to_str().unwrap(), "--workspace", "acme"];
    let ran = server.lockstep(&theirs, &run).exits(0);
    assert_eq!(ran.stdout.trim_end(), VALUE.len().to_string());

    // Whoever added it sees that it is there, and nothing that is in it.
    let names = |token: &str| {
        let listed = server.lockstep(token, &["workspace", "list", "--json"]);
        let listed = listed.exits(0).json()["workspaces"].clone();
        let names = listed.as_array().unwrap().iter();
        let name = |it: &Value| it["name"].as_str().unwrap().to_owned();
        names.map(name).collect::<Vec<_>>()
    };
    assert_eq!(names(&admin), ["acme", "default"]);
    assert_eq!(names(&theirs), ["acme"]);
    for inside in [
        &["credential", "list", "--workspace", "acme", "--json"][..],
        &["runs", "list", "--workspace", "acme", "--json"],
        &["audit", "list", "--workspace", "acme", "--json"],
        &["audit", "verify", "--workspace", "acme", "--json"],
        &["audit", "head", "--workspace", "acme", "--json"],
        &[
            "token",
            "create",
            "mine",
            "--role",
            "admin",
            "--workspace",
            "acme",
            "--json",
        ],
        &["workspace", "show", "acme", "--json"],
    ] {
        is_refused(server.lockstep(&admin, inside), "not_found");
    }

    let remove = ["workspace", "remove", "acme", "--json"];
    is_refused(server.lockstep(&theirs, &remove), "not_found");
    is_refused(server.lockstep(&admin, &remove), "has_credentials");
    let forced = ["workspace", "remove", "acme", "--force"];
    let removed = server.lockstep(&admin, &forced).exits(0);
    assert_eq!(removed.stdout, "workspace `acme` is removed\n");
    let list = ["credential", "list", "--workspace", "acme", "--json"];
    is_refused(server.lockstep(&theirs, &list), "bad_token");
    is_refused(server.lockstep(&admin, &remove), "not_found");
    let default = ["workspace", "remove", "default", "--force", "--json"];
    is_refused(server.lockstep(&admin, &default), "permanent");
    server.lockstep(&admin, &["audit", "verify"]).exits(0);
}

#[tokio::test]
async fn the_first_token_of_a_workspace_is_shown_once_here_and_there_and_who_made_none_hears_how() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    for (name, is_there) in [("here", false), ("there", true)] {
        let add = ["workspace", "add", name, "--admin-token", "first"];
        let added = if is_there {
            server.lockstep(&admin, &add).exits(0)
        } else {
            host.lockstep(&add).exits(0)
        };
        let (first, second) = added.stdout.split_once('\n').unwrap();
        assert_eq!(first, format!("workspace `{name}` is added"));
        let token = second
            .strip_prefix("admin token, shown this once: ")
            .unwrap();
        let token = shown(&host, token.trim_end());
        let who = server.lockstep(&token, &["doctor"]).exits(0).stdout;
        let told = format!("with the role `admin` in workspace `{name}`");
        assert!(who.contains(&told), "{who}");
    }
    let added = host
        .lockstep(&["workspace", "add", "nobodys-here"])
        .exits(0);
    assert_eq!(added.stderr, "");
    let added = server.lockstep(&admin, &["workspace", "add", "nobodys", "--json"]);
    let added = added.exits(0);
    assert_eq!(
        added.json(),
        json!({"workspace": "nobodys", "result": "added"})
    );
    for told in [
        "--admin-token",
        "--workspace nobodys",
        "machine of the host",
    ] {
        assert!(added.stderr.contains(told), "{added:?}");
    }
    let no_name = ["workspace", "add", "other", "--admin-token", "no name"];
    server.lockstep(&admin, &no_name).exits(2);
    host.lockstep(&no_name).exits(2);
}

#[tokio::test]
async fn the_audit_is_checked_and_read_through_a_server_as_on_the_machine_of_the_host() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    let acme = "acme".parse().unwrap();
    host.runner.add_workspace(&host.admin, &acme).await.unwrap();
    let same = |arguments: &[&str], code: i32| {
        let there = server.lockstep(&admin, arguments).exits(code);
        let here = host.lockstep(arguments).exits(code);
        assert_eq!((&there.stdout, &there.stderr), (&here.stdout, &here.stderr));
        there
    };
    for arguments in [
        &["audit", "verify"][..],
        &["audit", "verify", "--json"],
        &["audit", "verify", "--workspace", "default"],
        &["audit", "head"],
        &["audit", "head", "--workspace", "default", "--json"],
        &["audit", "list", "--host"],
        &["audit", "list", "--host", "--limit", "1", "--json"],
        &["audit", "export", "--host"],
    ] {
        same(arguments, 0);
    }
    let heads = host.scratch().join("heads.json");
    let kept = same(&["audit", "head", "--json"], 0);
    fs::write(&heads, &kept.stdout).unwrap();
    let heads = heads.to_str().unwrap();
    host.lockstep(&["workflow", "add", "later"]).exits(0);
    let verify = ["audit", "verify", "--heads", heads, "--json"];
    assert_eq!(same(&verify, 0).json()["whole"], true);
    let of_default = [&verify[..], &["--workspace", "default"]].concat();
    same(&of_default, 0);
    // What was there when the heads were kept is not there any more.
    let mut ahead = kept.json();
    ahead["heads"][2]["sequence"] = json!(99);
    fs::write(heads, ahead.to_string()).unwrap();
    let found = same(&verify, 1).json();
    assert_eq!(found["chains"][2]["findings"][0]["code"], "truncated");
    same(&of_default, 1);

    tamper(
        &host,
        "UPDATE audit SET actor = 'nobody' WHERE chain = 'default' AND sequence = 2",
    );
    let found = same(&["audit", "verify", "--json"], 1).json();
    let finding = &found["chains"][2]["findings"][0];
    assert_eq!(
        (&finding["code"], &finding["sequence"]),
        (&json!("altered"), &json!(2))
    );
    let found = same(&["audit", "verify"], 1);
    let told = "FOUND `default`: entry 2 is not what was written there";
    assert!(found.stdout.contains(told), "{found:?}");
}

#[tokio::test]
async fn who_does_not_speak_for_the_host_checks_its_own_chain() {
    let host = TestHost::new().await;
    let acme = "acme".parse().unwrap();
    host.runner.add_workspace(&host.admin, &acme).await.unwrap();
    let theirs = host.token_in(acme, Role::Admin).await;
    let viewer = host.token(Role::Viewer).await;
    let server = Served::start(&host, &[]).await;
    let verified = server.lockstep(&theirs, &["audit", "verify", "--json"]);
    let verified = verified.exits(0).json();
    let chains = verified["chains"].as_array().unwrap();
    assert_eq!((chains.len(), &chains[0]["chain"]), (1, &json!("acme")));
    let heads = server.lockstep(&theirs, &["audit", "head", "--json"]);
    let kept = heads.exits(0);
    let heads = kept.json();
    let heads = heads["heads"].as_array().unwrap();
    assert_eq!((heads.len(), &heads[0]["chain"]), (1, &json!("acme")));
    // Without trust in the server: what it tells is compared with what was kept.
    let export = ["audit", "export", "--workspace", "acme"];
    let exported = server.lockstep(&theirs, &export).exits(0).stdout;
    let (file, head) = (
        host.scratch().join("audit.jsonl"),
        host.scratch().join("head.json"),
    );
    fs::write(&head, &kept.stdout).unwrap();
    for (entries, code) in [(exported.lines().count(), 0), (1, 1)] {
        let lines: Vec<&str> = exported.lines().take(entries).collect();
        fs::write(&file, lines.join("\n")).unwrap();
        let mut verify = vec!["audit", "verify", "--file", file.to_str().unwrap()];
        verify.extend(["--heads", head.to_str().unwrap()]);
        server.lockstep(&theirs, &verify).exits(code);
    }
    for command in ["verify", "head"] {
        let others = ["audit", command, "--workspace", "default", "--json"];
        is_refused(server.lockstep(&theirs, &others), "not_found");
        let refused = server.lockstep(&viewer, &["audit", command, "--json"]);
        is_refused(refused, "forbidden");
    }
}
