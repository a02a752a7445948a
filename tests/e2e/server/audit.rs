//! The audit over HTTP.

use std::fs;

use rusqlite::Connection;
use serde_json::{Value, json};

use lockstep_e2e::{Answer, Served, TestHost};
use lockstep_step::Role;

use super::{INLINE, JSON, NOTHING, RUNS, get, latest, put_value, run};

const AUDIT: &str = "/v1/workspaces/default/audit";

fn actions(answer: Answer) -> Vec<String> {
    let page = answer.is(200).json();
    let entries = page["entries"].as_array().unwrap().iter();
    let action = |entry: &Value| entry["action"].as_str().unwrap().to_owned();
    entries.map(action).collect()
}

#[tokio::test]
async fn an_admin_sees_what_was_changed_and_used_and_by_whom() {
    let host = TestHost::new().await;
    let (admin, engine) = (
        host.token(Role::Admin).await,
        host.token(Role::Runner).await,
    );
    let server = Served::start(&host, &[]).await;
    host.guard("a-value-over-http");
    put_value(&server, "TOKEN", &admin, "a-value-over-http").is(201);
    let ran = run(
        &server,
        &engine,
        "return credential('TOKEN').length",
        &Value::Null,
    );
    let used = get(&server, &format!("{AUDIT}?action=credential.used"), &admin);
    let used = used.is(200).json()["entries"][0].clone();
    assert_eq!(used["run"], ran["run"]);
    for (field, expected) in [
        ("chain", json!("default")),
        ("actor", json!("token:runner")),
        ("step", json!("inline.js")),
        ("key", json!("TOKEN")),
        ("version", json!(1)),
        ("scope", json!("workspace")),
        ("mode", json!("revealed")),
        ("host", Value::Null),
    ] {
        assert_eq!(used[field], expected, "{field}: {used}");
    }
    let of_key = get(&server, &format!("{AUDIT}?key=TOKEN"), &admin);
    assert_eq!(actions(of_key), ["credential.used", "credential.created"]);
}

#[tokio::test]
async fn who_had_a_run_cancelled_is_told_before_it_is_or_it_goes_on() {
    let host = TestHost::new().await;
    let tokens = [Role::Admin, Role::Editor, Role::Runner, Role::Viewer];
    let mut made = Vec::new();
    for role in tokens {
        made.push(host.token(role).await);
    }
    let [admin, editor, runner, viewer] = made.try_into().unwrap();
    let server = Served::start(&host, &[]).await;
    let body = json!({"source": "for (;;);"}).to_string();
    let whom = ("POST", INLINE, Some(runner.as_str()));
    let started = server.ask_with("Prefer: respond-async\r\n", whom, (JSON, body.as_bytes()));
    let run = started.is(202).json()["run"].clone();
    let record = format!("{RUNS}/{}", run.as_str().unwrap());
    let cancel = |token: &str| {
        let path = format!("{record}/cancel");
        server.ask("POST", &path, Some(token), NOTHING)
    };
    cancel(&viewer).is_problem(403, "forbidden");
    let database = Connection::open(host.data().join("lockstep.db")).unwrap();
    database
        .execute_batch(
            "CREATE TRIGGER no_audit BEFORE INSERT ON audit
             BEGIN SELECT RAISE(ABORT, 'the audit cannot be written'); END",
        )
        .unwrap();
    assert_eq!(cancel(&editor).status, 500);
    database.execute_batch("DROP TRIGGER no_audit").unwrap();
    // One that had been told to end would not be told again, and so not be in the audit.
    cancel(&editor).is(202);
    latest(&server, &runner, "cancelled");
    cancel(&editor).is_problem(409, "run_over");
    let told = get(&server, &format!("{AUDIT}?action=run.cancelled"), &admin);
    let told = told.is(200).json()["entries"].clone();
    assert_eq!(told.as_array().unwrap().len(), 1, "{told}");
    for (field, expected) in [
        ("actor", json!("token:editor")),
        ("workflow", json!("default")),
        ("step", json!("inline.js")),
        ("run", run),
    ] {
        assert_eq!(told[0][field], expected, "{field}: {told}");
    }
    host.lockstep(&["audit", "verify"]).exits(0);
}

#[tokio::test]
async fn entries_come_in_pages() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    let mut seen = Vec::new();
    let mut next = Value::Null;
    loop {
        let more = next
            .as_u64()
            .map_or_else(String::new, |next| format!("&before={next}"));
        let page = get(&server, &format!("{AUDIT}?limit=2{more}"), &admin);
        let page = page.is(200).json();
        let entries = page["entries"].as_array().unwrap();
        seen.extend(
            entries
                .iter()
                .map(|entry| entry["sequence"].as_u64().unwrap()),
        );
        next = page["next"].clone();
        if next.is_null() {
            break;
        }
    }
    let expected: Vec<u64> = (1..=seen[0]).rev().collect();
    assert_eq!(seen, expected);
    let page = get(&server, &format!("{AUDIT}?limit=2&after=1"), &admin);
    let page = page.is(200).json();
    assert_eq!(
        (&page["entries"][0]["sequence"], &page["next"]),
        (&json!(2), &json!(3))
    );
}

#[tokio::test]
async fn what_is_exported_over_http_is_checked_without_a_database() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    for n in 0..3 {
        let value = format!("a-value-over-http-{n}");
        host.guard(&value);
        put_value(&server, "TOKEN", &admin, &value);
    }
    for kind in [
        "application/jsonl",
        "text/plain, application/x-ndjson;q=0.9",
    ] {
        let head = format!("Accept: {kind}\r\n");
        let mut connection = server.say("GET", AUDIT, Some(&admin), &head, b"");
        let exported = server.hear(&mut connection).is(200);
        let file = host.scratch().join("audit.jsonl");
        fs::write(&file, &exported.body).unwrap();
        let file = file.to_str().unwrap();
        let verified = host.lockstep(&["audit", "verify", "--file", file, "--json"]);
        let verified = verified.exits(0).json();
        let lines = exported.body.split(|byte| *byte == b'\n').count() - 1;
        assert_eq!(verified["chains"][0]["entries"], lines);
        assert!(lines > 6, "{lines}");
    }
}

#[tokio::test]
async fn a_query_that_cannot_be_is_refused() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    for query in [
        "action=nothing",
        "limit=0",
        "limit=1001",
        "before=2&after=1",
        "before=18446744073709551615",
        "since=yesterday",
        "run=x",
        "unknown=1",
    ] {
        let path = format!("{AUDIT}?{query}");
        let refused = server.ask("GET", &path, Some(&admin), NOTHING);
        let refused = refused.is(400).json();
        assert_eq!(refused["code"], "invalid_query", "{query}: {refused}");
    }
}
