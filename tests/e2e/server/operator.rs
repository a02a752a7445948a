//! What is of the whole host, over HTTP: for admins of the workspace `default`.

use rusqlite::Connection;
use serde_json::{Value, json};

use lockstep_e2e::{Answer, Served, TestHost};
use lockstep_runner::{AuditAction, AuditFilter};
use lockstep_step::Role;

use super::{JSON, NOTHING, get, until};

const ACME: &str = "/v1/workspaces/acme";

fn say(server: &Served<'_>, method: &str, path: &str, token: &str, body: &Value) -> Answer {
    let body = body.to_string();
    server.ask(method, path, Some(token), (JSON, body.as_bytes()))
}

/// Adds `acme`, and gives its first token.
fn add_acme(host: &TestHost, server: &Served<'_>, admin: &str) -> String {
    let wanted = json!({"admin_token": "first"});
    let added = say(server, "PUT", ACME, admin, &wanted).is(201).json();
    let token = added["admin_token"]["token"].as_str().unwrap().to_owned();
    // It is shown here, and nowhere after.
    host.search();
    host.guard(&token);
    token
}

fn tamper(host: &TestHost, sql: &str) {
    let database = Connection::open(host.data().join("lockstep.db")).unwrap();
    database.execute_batch(sql).unwrap();
}

#[tokio::test]
async fn a_workspace_is_added_with_a_token_that_is_shown_once() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    let wanted = json!({"admin_token": "first"});
    let added = say(&server, "PUT", ACME, &admin, &wanted).is(201).json();
    let made = &added["admin_token"];
    let token = made["token"].as_str().unwrap().to_owned();
    let expected = json!({"workspace": "acme", "admin_token": {"name": "first", "role": "admin", "member": null,
        "expires_at": null, "token": token}});
    assert_eq!(added, expected);
    host.search();
    host.guard(&token);
    let who = get(&server, "/v1/whoami", &token).is(200).json();
    assert_eq!(
        (&who["workspace"], &who["role"]),
        (&json!("acme"), &json!("admin"))
    );
    // One that is there has no token made, whoever asks.
    for body in [json!({"admin_token": "second"}), json!({})] {
        say(&server, "PUT", ACME, &admin, &body).is_problem(409, "already_exists");
    }
    let tokens = get(&server, &format!("{ACME}/tokens"), &token)
        .is(200)
        .json();
    assert_eq!(tokens["tokens"].as_array().unwrap().len(), 1);
    // Both are in the audit, each where it belongs.
    let told = get(&server, &format!("{ACME}/audit"), &token)
        .is(200)
        .json();
    let told = told["entries"].as_array().unwrap().iter();
    let told: Vec<_> = told
        .map(|it| {
            (
                it["action"].as_str().unwrap(),
                it["actor"].as_str().unwrap(),
            )
        })
        .collect();
    let expected =
        ["token.created", "workspace.added"].map(|action| (action, "default/token:admin"));
    assert_eq!(told, expected);
    let of_host = get(&server, "/v1/host/audit?limit=1", &admin)
        .is(200)
        .json();
    let entry = &of_host["entries"][0];
    assert_eq!(
        (&entry["chain"], &entry["action"], &entry["target"]),
        (&json!("<host>"), &json!("workspace.added"), &json!("acme"))
    );
}

#[tokio::test]
async fn who_speaks_for_the_host_sees_which_workspaces_there_are_and_adds_what_has_a_name() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    let theirs = add_acme(&host, &server, &admin);
    // Without a body it has none.
    let added = server.ask("PUT", "/v1/workspaces/globex", Some(&admin), NOTHING);
    let expected = json!({"workspace": "globex", "admin_token": null});
    assert_eq!(added.is(201).json(), expected);
    // A name that is none is refused, and nothing is added.
    for (path, body, code) in [
        ("/v1/workspaces/-", json!({}), "invalid_name"),
        (
            "/v1/workspaces/other",
            json!({"admin_token": "-"}),
            "invalid_body",
        ),
        (
            "/v1/workspaces/other",
            json!({"token": "first"}),
            "invalid_body",
        ),
        ("/v1/workspaces/other", json!(["first"]), "invalid_body"),
    ] {
        say(&server, "PUT", path, &admin, &body).is_problem(400, code);
    }
    let listed = |token: &str| {
        let listed = get(&server, "/v1/workspaces", token).is(200).json();
        let names = listed["workspaces"].as_array().unwrap().iter();
        let name = |it: &Value| it["name"].as_str().unwrap().to_owned();
        names.map(name).collect::<Vec<_>>()
    };
    assert_eq!(listed(&admin), ["acme", "default", "globex"]);
    assert_eq!(listed(&theirs), ["acme"]);
    assert_eq!(listed(&host.token(Role::Viewer).await), ["default"]);
}

#[tokio::test]
async fn a_workspace_is_removed_with_its_tokens_and_with_credentials_only_by_force() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    let theirs = add_acme(&host, &server, &admin);
    host.guard("a value of acme");
    let value = ("application/octet-stream", &b"a value of acme"[..]);
    let key = format!("{ACME}/credentials/TOKEN");
    server.ask("PUT", &key, Some(&theirs), value).is(201);
    let remove = |path: &str| server.ask("DELETE", path, Some(&admin), NOTHING);
    remove(ACME).is_problem(409, "has_credentials");
    get(&server, &key, &theirs).is(200);
    remove(&format!("{ACME}?force=maybe")).is_problem(400, "invalid_query");
    remove(&format!("{ACME}?force=true")).is(204);
    get(&server, &key, &theirs).is_problem(401, "bad_token");
    remove(&format!("{ACME}?force=true")).is_problem(404, "not_found");
    remove("/v1/workspaces/default?force=true").is_problem(409, "permanent");
}

#[tokio::test]
async fn who_asks_for_what_is_of_the_host_and_may_not_is_told_in_the_audit() {
    let host = TestHost::new().await;
    let acme = "acme".parse().unwrap();
    host.runner.add_workspace(&host.admin, &acme).await.unwrap();
    let theirs = host.token_in(acme.clone(), Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    let asked = server.ask("DELETE", "/v1/workspaces/default", Some(&theirs), NOTHING);
    asked.is_problem(404, "not_found");
    let filter = AuditFilter {
        action: Some(AuditAction::AccessDenied),
        ..AuditFilter::all()
    };
    let entry = loop {
        let denied = host.runner.audit(&host.admin, &acme, &filter).await;
        match denied.unwrap().pop() {
            Some(entry) => break entry,
            None => tokio::task::yield_now().await,
        }
    };
    assert_eq!(entry.detail.as_deref(), Some("other_workspace"));
    let route = Some("DELETE /v1/workspaces/{workspace}");
    assert_eq!(entry.target.as_deref(), route);
}

#[tokio::test]
async fn what_was_tampered_with_is_found_and_told_to_each_as_far_as_it_concerns_them() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    let theirs = add_acme(&host, &server, &admin);
    host.guard("a value of acme");
    let value = ("application/octet-stream", &b"a value of acme"[..]);
    let key = format!("{ACME}/credentials/KEY_OF_ACME");
    server.ask("PUT", &key, Some(&theirs), value).is(201);
    let of_acme = format!("{ACME}/audit/verify");
    let verify = |path: &str, token: &str| {
        let verified = server.ask("POST", path, Some(token), NOTHING);
        verified.is(200).json()
    };
    let whole = verify("/v1/host/audit/verify", &admin);
    assert_eq!(whole["whole"], true);
    let names = whole["chains"].as_array().unwrap().iter();
    let names: Vec<_> = names.map(|it| it["chain"].as_str().unwrap()).collect();
    assert_eq!(names, ["<host>", "acme", "default"]);
    assert_eq!(
        verify(&of_acme, &theirs)["chains"],
        json!([whole["chains"][1]])
    );
    tamper(
        &host,
        "UPDATE credentials SET version = 7 WHERE key = 'KEY_OF_ACME'",
    );
    let found = verify(&of_acme, &theirs);
    assert_eq!(found["whole"], false);
    let finding = &found["chains"][0]["findings"][0];
    assert_eq!(finding["code"], "other_version");
    assert!(finding["message"].as_str().unwrap().contains("KEY_OF_ACME"));
    let found = verify("/v1/host/audit/verify", &admin);
    assert_eq!(found["whole"], false);
    let finding = &found["chains"][1]["findings"][0];
    assert_eq!(finding["code"], "other_version");
    let message = finding["message"].as_str().unwrap();
    assert!(
        message.starts_with("a credential has version 7"),
        "{message}"
    );
}

#[tokio::test]
async fn heads_that_were_kept_are_compared_and_those_of_other_chains_passed_over() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    let theirs = add_acme(&host, &server, &admin);
    let heads = get(&server, "/v1/host/audit/head", &admin).is(200).json();
    let chains = heads["heads"].as_array().unwrap().iter();
    let chains: Vec<_> = chains.map(|it| it["chain"].as_str().unwrap()).collect();
    assert_eq!(chains, ["<host>", "acme", "default"]);
    let of_acme = get(&server, &format!("{ACME}/audit/head"), &theirs);
    let expected = json!({"heads": [heads["heads"][1]]});
    assert_eq!(of_acme.is(200).json(), expected);
    let verify = |path: &str, token: &str, heads: &Value| {
        say(&server, "POST", path, token, heads).is(200).json()
    };
    let (of_host, of_acme) = ("/v1/host/audit/verify", format!("{ACME}/audit/verify"));
    assert_eq!(verify(of_host, &admin, &heads)["whole"], true);
    assert_eq!(verify(&of_acme, &theirs, &heads)["whole"], true);
    let mut ahead = heads.clone();
    ahead["heads"][2]["sequence"] = json!(99);
    let found = verify(of_host, &admin, &ahead);
    assert_eq!(found["chains"][2]["findings"][0]["code"], "truncated");
    assert_eq!(verify(&of_acme, &theirs, &ahead)["whole"], true);
    // A chain of which nothing is left is one that there should be.
    ahead["heads"][2]["chain"] = json!("gone");
    let found = verify(of_host, &admin, &ahead);
    assert_eq!(found["chains"][3]["chain"], "gone");
    assert_eq!(found["chains"][3]["findings"][0]["code"], "truncated");
}

#[tokio::test]
async fn heads_that_are_none_are_refused() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    let head = get(&server, "/v1/host/audit/head", &admin).json()["heads"][0].clone();
    let many = json!({"heads": vec![&head; 10_001]});
    for path in [
        "/v1/host/audit/verify",
        "/v1/workspaces/default/audit/verify",
    ] {
        say(&server, "POST", path, &admin, &many).is_problem(400, "too_many_heads");
        for body in [
            json!({}),
            json!([]),
            json!({"heads": head}),
            json!({"heads": [["default", 1, head["hash"], null]]}),
            json!({"heads": [{"chain": "default", "sequence": 1}]}),
            json!({"heads": [], "more": 1}),
        ] {
            say(&server, "POST", path, &admin, &body).is_problem(400, "invalid_body");
        }
        let long = vec![b' '; (4 << 20) + 1];
        let long = server.ask("POST", path, Some(&admin), (JSON, &long));
        long.is_problem(413, "body_too_large");
        let none = json!({"heads": []});
        say(&server, "POST", path, &admin, &none).is(200);
    }
}

#[tokio::test]
async fn the_chain_of_the_host_is_listed_and_exported_as_that_of_a_workspace() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    add_acme(&host, &server, &admin);
    // Told a moment after it was refused.
    get(&server, "/v1/whoami", &format!("lsk_{}", "x".repeat(43))).is(401);
    let failed = "/v1/host/audit?action=authentication.failed";
    until(|| {
        let failed = get(&server, failed, &admin).is(200).json();
        (failed["entries"] != json!([])).then_some(())
    });
    let head = "Accept: application/jsonl\r\n";
    let mut connection = server.say("GET", "/v1/host/audit", Some(&admin), head, b"");
    let exported = String::from_utf8(server.hear(&mut connection).is(200).body).unwrap();
    assert_eq!(
        exported,
        host.lockstep(&["audit", "export", "--host"])
            .exits(0)
            .stdout
    );
    let page = get(&server, "/v1/host/audit?after=1&limit=1", &admin);
    let page = page.is(200).json();
    assert_eq!(
        (&page["entries"][0]["sequence"], &page["next"]),
        (&json!(2), &json!(2))
    );
    let refused = get(&server, "/v1/host/audit?before=2&after=1", &admin);
    refused.is_problem(400, "invalid_query");
}
