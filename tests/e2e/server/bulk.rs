//! Several credentials at once, what they are used by, and what a workflow may use.

use std::fmt::Write as _;

use serde_json::{Value, json};

use lockstep_e2e::{Answer, Served, TestHost};
use lockstep_step::Role;

use super::{CREDENTIALS, JSON, NOTHING, get, put_value, run};

const DEFAULT: &str = "/v1/workspaces/default/workflows/default";

fn patch(server: &Served<'_>, path: &str, token: &str, body: &str) -> Answer {
    server.ask("PATCH", path, Some(token), (JSON, body.as_bytes()))
}

fn add_step(server: &Served<'_>, token: &str, step: &str, source: &str) {
    let path = format!("{DEFAULT}/steps/{step}");
    let body = ("text/javascript", source.as_bytes());
    let put = server.ask("PUT", &path, Some(token), body);
    assert!(put.status < 300, "{put:?}");
}

#[tokio::test]
async fn credentials_are_set_rotated_and_deleted_at_once() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    for value in [
        "the first value of A",
        "the second value of A",
        "a sealed value of B",
    ] {
        host.guard(value);
    }
    put_value(&server, "A", &admin, "the first value of A").is(201);
    put_value(&server, "OLD", &admin, "an old value").is(201);
    let body = json!({
        "B": {"value": "a sealed value of B", "sealed": {"hosts": ["api.test"]}},
        "OLD": null,
        "A": "the second value of A",
        "NEVER": null,
    });
    // The order of the request, which this map does not keep.
    let (b, a) = (body["B"].to_string(), body["A"].to_string());
    let text = format!(r#"{{"B": {b}, "OLD": null, "A": {a}, "NEVER": null}}"#);
    let told = patch(&server, CREDENTIALS, &admin, &text).is(200).json();
    let expected = json!([
        {"key": "B", "version": 1, "result": "created", "masking": "masked", "sealed": true},
        {"key": "OLD", "result": "deleted"},
        {"key": "A", "version": 2, "result": "rotated", "masking": "masked", "sealed": false},
        {"key": "NEVER", "result": "absent"},
    ]);
    assert_eq!(told["results"], expected);
    let source = "return credential('A').length";
    assert_eq!(run(&server, &admin, source, &Value::Null)["output"], 21);
    get(&server, &format!("{CREDENTIALS}/OLD"), &admin).is_problem(404, "credential_not_found");
    // Those of a workflow are others.
    let own = format!("{DEFAULT}/credentials");
    let kind = (
        "application/merge-patch+json",
        &br#"{"A": "own value"}"#[..],
    );
    server.ask("PATCH", &own, Some(&admin), kind).is(200);
    assert_eq!(run(&server, &admin, source, &Value::Null)["output"], 9);
}

/// Bodies, and how each is refused. What is there is `USED`, which a step names.
fn refused(value: &str) -> Vec<(String, u16, &'static str)> {
    let mut many = String::from("{");
    for number in 0..101 {
        write!(many, "\"K{number}\":\"{value}\",").unwrap();
    }
    many.replace_range(many.len() - 1.., "}");
    vec![
        (json!(value).to_string(), 400, "invalid_body"),
        (json!([{"NEW": value}]).to_string(), 400, "invalid_body"),
        (json!({"NEW": 5}).to_string(), 400, "invalid_body"),
        (json!({"NEW": [value]}).to_string(), 400, "invalid_body"),
        (
            json!({"NEW": {"value": value, value: 1}}).to_string(),
            400,
            "invalid_body",
        ),
        (
            json!({"NEW": value, value: "x"}).to_string(),
            400,
            "invalid_key",
        ),
        (
            json!({"NEW": value, "OTHER": ""}).to_string(),
            400,
            "value_empty",
        ),
        (
            json!({"NEW": {"value": value, "sealed": true}}).to_string(),
            400,
            "invalid_sealing",
        ),
        (
            format!(r#"{{"NEW": "{value}", "NEW": null}}"#),
            400,
            "key_twice",
        ),
        (many, 400, "too_many_changes"),
        (
            json!({"NEW": "x".repeat(65537)}).to_string(),
            413,
            "value_too_large",
        ),
        (
            json!({"NEW": value, "new": value}).to_string(),
            409,
            "case_conflict",
        ),
        (
            json!({"NEW": value, "USED": null}).to_string(),
            409,
            "credential_in_use",
        ),
    ]
}

#[tokio::test]
async fn of_changes_that_are_refused_none_is_made_and_nothing_is_repeated() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    let value = "a value in the wrong place 123";
    host.guard(value);
    put_value(&server, "USED", &admin, value).is(201);
    add_step(
        &server,
        &admin,
        "uses",
        "export default () => credential('USED').length",
    );
    for (body, status, code) in refused(value) {
        let problem = patch(&server, CREDENTIALS, &admin, &body).is_problem(status, code);
        if code == "credential_in_use" {
            let steps = json!([{"workflow": "default", "step": "uses"}]);
            assert_eq!(problem["used_by"]["steps"], steps);
        }
        if code == "invalid_key" {
            let detail = problem["detail"].as_str().unwrap();
            // Sorted, as these maps are.
            assert!(detail.starts_with("key 2 of the body: "), "{detail}");
        }
    }
    let body = server.ask("PATCH", CREDENTIALS, Some(&admin), ("text/plain", b"{}"));
    body.is_problem(415, "unsupported_media_type");
    get(&server, &format!("{CREDENTIALS}/NEW"), &admin).is_problem(404, "credential_not_found");
    get(&server, &format!("{CREDENTIALS}/USED"), &admin).is(200);
    let forced = format!("{CREDENTIALS}?force=true");
    let body = json!({"NEW": value, "USED": null}).to_string();
    patch(&server, &forced, &admin, &body).is(200);
    get(&server, &format!("{CREDENTIALS}/USED"), &admin).is_problem(404, "credential_not_found");
}

#[tokio::test]
async fn a_hundred_changes_are_not_too_many() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    let hundred: serde_json::Map<_, _> = (0..100)
        .map(|number| (format!("K{number}"), json!("some value")))
        .collect();
    let told = patch(&server, CREDENTIALS, &admin, &json!(hundred).to_string()).is(200);
    assert_eq!(told.json()["results"].as_array().unwrap().len(), 100);
}

#[tokio::test]
async fn who_uses_a_credential_is_told() {
    let host = TestHost::new().await;
    let (admin, viewer) = (
        host.token(Role::Admin).await,
        host.token(Role::Viewer).await,
    );
    let server = Served::start(&host, &[]).await;
    put_value(&server, "TOKEN", &admin, "a shared value").is(201);
    put_value(&server, "OTHER", &admin, "another value").is(201);
    add_step(
        &server,
        &admin,
        "names",
        "export default () => credential('TOKEN').length",
    );
    add_step(
        &server,
        &admin,
        "computes",
        "export default (it) => credential(it).length",
    );
    let permissions = format!("{DEFAULT}/credential-permissions");
    assert_eq!(
        get(&server, &permissions, &viewer).is(200).json(),
        json!({"mode": "all"})
    );
    let put = |body: Value| {
        let body = body.to_string();
        server.ask("PUT", &permissions, Some(&admin), (JSON, body.as_bytes()))
    };
    let selected = json!({"mode": "selected", "keys": ["TOKEN"]});
    assert_eq!(put(selected.clone()).is(200).json(), selected);
    assert_eq!(get(&server, &permissions, &viewer).json(), selected);
    let step = json!({"workflow": "default", "step": "names"});
    let dynamic = json!({"workflow": "default", "step": "computes"});
    let usage = format!("{CREDENTIALS}/TOKEN/usage");
    let used_by = json!({"workflows": ["default"], "steps": [step], "dynamic": [dynamic]});
    let told = get(&server, &usage, &viewer).is(200).json();
    let expected = json!({"key": "TOKEN", "used_by": used_by, "last_used": null});
    assert_eq!(told, expected);
    let ran = server.ask(
        "POST",
        &format!("{DEFAULT}/steps/names/runs"),
        Some(&admin),
        (JSON, b"{}"),
    );
    let ran = ran.is(200).json();
    assert_eq!(ran["output"], 14);
    assert_eq!(
        get(&server, &usage, &viewer).json()["last_used"]["run"],
        ran["run"]
    );
    // One of its own stands before the workspace's, which nobody uses then.
    let own = format!("{DEFAULT}/credentials/TOKEN");
    let body: (&str, &[u8]) = (super::VALUE, b"own value");
    server.ask("PUT", &own, Some(&admin), body).is(201);
    let told = get(&server, &usage, &viewer).json();
    assert_eq!(
        told["used_by"],
        json!({"workflows": [], "steps": [], "dynamic": []})
    );
    let told = get(&server, &format!("{own}/usage"), &viewer)
        .is(200)
        .json();
    assert_eq!(told["used_by"], used_by);
}

#[tokio::test]
async fn what_a_workflow_gets_for_each_key_is_told() {
    let host = TestHost::new().await;
    let (admin, viewer) = (
        host.token(Role::Admin).await,
        host.token(Role::Viewer).await,
    );
    let server = Served::start(&host, &[]).await;
    put_value(&server, "TOKEN", &admin, "a shared value").is(201);
    put_value(&server, "OTHER", &admin, "another value").is(201);
    let own = format!("{DEFAULT}/credentials/TOKEN");
    let body: (&str, &[u8]) = (super::VALUE, b"own value");
    server.ask("PUT", &own, Some(&admin), body).is(201);
    let permissions = format!("{DEFAULT}/credential-permissions");
    let selected: &[u8] = br#"{"mode": "selected", "keys": ["TOKEN"]}"#;
    let put = server.ask("PUT", &permissions, Some(&admin), (JSON, selected));
    put.is(200);
    let effective = format!("{DEFAULT}/credentials/effective");
    let listed = get(&server, &format!("{effective}?after=CANARY_LINES"), &viewer)
        .is(200)
        .json();
    let told: Vec<_> = listed["credentials"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| json!([it["key"], it["scope"], it["overrides"], it["permitted"]]))
        .collect();
    let expected = [
        json!(["OTHER", "workspace", false, false]),
        json!(["TOKEN", "workflow", true, true]),
    ];
    assert_eq!(told, expected);
    assert_eq!(listed["next"], Value::Null);
    let first = get(&server, &format!("{effective}?limit=1"), &viewer).json();
    assert_eq!(first["next"], "CANARY");
    let nowhere = effective.replace("workflows/default", "workflows/nowhere");
    get(&server, &nowhere, &viewer).is_problem(404, "not_found");
}

#[tokio::test]
async fn a_permission_lists_a_thousand_keys_and_no_more() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    let permissions = format!("{DEFAULT}/credential-permissions");
    let many = |count: usize| {
        let keys: Vec<_> = (0..count).map(|n| format!("KEY_{n:04}")).collect();
        json!({"mode": "selected", "keys": keys})
    };
    let put = |body: &Value| {
        let body = body.to_string();
        server.ask("PUT", &permissions, Some(&admin), (JSON, body.as_bytes()))
    };
    put(&many(1_001)).is_problem(400, "too_many_keys");
    let shown = get(&server, &permissions, &admin).is(200).json();
    assert_eq!(shown, json!({"mode": "all"}));
    assert_eq!(put(&many(1_000)).is(200).json(), many(1_000));
}

#[tokio::test]
async fn permissions_are_set_by_who_saw_the_last() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    let permissions = format!("{DEFAULT}/credential-permissions");
    let put = |tag: &str, keys: &str| {
        let body = format!(r#"{{"mode": "selected", "keys": [{keys}]}}"#);
        let length = body.len();
        let head =
            format!("Content-Type: {JSON}\r\nContent-Length: {length}\r\nIf-Match: {tag}\r\n");
        let mut connection = server.say("PUT", &permissions, Some(&admin), &head, body.as_bytes());
        server.hear(&mut connection)
    };
    let tag = |answer: &Answer| answer.header("etag").unwrap().to_owned();
    let first = tag(&get(&server, &permissions, &admin));
    assert_eq!(first, "\"0\"");
    let second = tag(&put(&first, "\"A\"").is(200));
    put(&first, "\"B\"").is_problem(412, "version_conflict");
    let seen = get(&server, &permissions, &admin);
    assert_eq!(
        (tag(&seen), &seen.json()["keys"]),
        (second.clone(), &json!(["A"]))
    );
    let third = tag(&put(&second, "\"B\"").is(200));
    assert_ne!(third, second);
    assert_eq!(
        get(&server, &permissions, &admin).json()["keys"],
        json!(["B"])
    );
}

#[tokio::test]
async fn permissions_that_cannot_be_read_are_refused_and_not_repeated() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    let value = "a value in the wrong place 123";
    host.guard(value);
    let permissions = format!("{DEFAULT}/credential-permissions");
    for (body, code) in [
        (json!({"mode": value}), "invalid_body"),
        (json!({"mode": "selected"}), "invalid_body"),
        (json!({"mode": "all", "keys": []}), "invalid_body"),
        (json!({"mode": "selected", "keys": [value]}), "invalid_key"),
        (
            json!({"mode": "selected", "keys": ["A"], value: 1}),
            "invalid_body",
        ),
    ] {
        let body = body.to_string();
        let answer = server.ask("PUT", &permissions, Some(&admin), (JSON, body.as_bytes()));
        answer.is_problem(400, code);
    }
    let all = json!({"mode": "all"});
    assert_eq!(get(&server, &permissions, &admin).json(), all);
    // None at all.
    let body: &[u8] = br#"{"mode": "selected", "keys": []}"#;
    server
        .ask("PUT", &permissions, Some(&admin), (JSON, body))
        .is(200);
    let ran = run(&server, &admin, "return credential('CANARY')", &Value::Null);
    assert_eq!(ran["outcome"], "missing_credential");
    get(&server, &format!("{permissions}/more"), &admin).is_problem(404, "not_found");
    server
        .ask("DELETE", &permissions, Some(&admin), NOTHING)
        .is_problem(405, "method_not_allowed");
}
