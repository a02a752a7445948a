//! Runs over HTTP: their outcome is data, and their record outlives whoever asked.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use lockstep_e2e::{Served, TestHost};
use lockstep_step::Role;

use super::{INLINE, JSON, RUNS, get, latest, run};

#[tokio::test]
async fn what_a_step_does_is_data_of_an_answer_of_200() {
    let host = TestHost::new().await;
    let runner = host.token(Role::Runner).await;
    let server = Served::start(&host, &[]).await;
    let input = json!({"n": 12345678901234567890_u64});
    let ran = run(&server, &runner, "export default (input) => input", &input);
    assert_eq!(
        (&ran["outcome"], &ran["failure"]),
        (&json!("completed"), &Value::Null)
    );
    let ran = run(&server, &runner, "throw new Error('no')", &Value::Null);
    assert_eq!(
        (&ran["outcome"], &ran["failure"]["started"]),
        (&json!("step_failed"), &json!(true))
    );
    let ran = run(&server, &runner, "this is no script", &Value::Null);
    assert_eq!(ran["outcome"], "invalid_step");
    let ask = |body: Value| {
        let body = body.to_string();
        server.ask("POST", INLINE, Some(&runner), (JSON, body.as_bytes()))
    };
    let endless = json!({"source": "for (;;);", "limits": {"timeout_ms": 50}});
    assert_eq!(ask(endless).is(200).json()["outcome"], "timeout");
    let typed = json!({"source": "const n: number = 2; return n", "language": "typescript"});
    assert_eq!(ask(typed).is(200).json()["output"], 2);
    let too_long = json!({"source": "return 1", "limits": {"timeout_ms": 600_001}});
    ask(too_long).is_problem(400, "limit_too_large");
    let too_much = json!({"source": "return 1", "limits": {"memory_bytes": 1_u64 << 40}});
    ask(too_much).is_problem(400, "limit_too_large");
    let list = get(&server, &format!("{RUNS}?limit=2"), &runner)
        .is(200)
        .json();
    assert_eq!(list["runs"].as_array().unwrap().len(), 2);
    let next = list["next"].as_str().unwrap();
    let list = get(&server, &format!("{RUNS}?before={next}"), &runner)
        .is(200)
        .json();
    assert_eq!(list["runs"].as_array().unwrap().len(), 3);
    assert_eq!(list["next"], Value::Null);
    let began = list["runs"][0]["started_at"].as_str().unwrap().to_owned();
    let count = |query: &str| {
        let list = get(&server, &format!("{RUNS}?{query}"), &runner)
            .is(200)
            .json();
        list["runs"].as_array().unwrap().len()
    };
    // The third of five, counted from the latest.
    assert_eq!(count(&format!("since={began}")), 3);
    assert_eq!(count(&format!("until={began}")), 2);
    assert_eq!(count(&format!("since={began}&until={began}")), 0);
    assert_eq!(count("status=completed"), 2);
    assert_eq!(count("step=none"), 0);
    get(&server, &format!("{RUNS}?since=yesterday"), &runner).is_problem(400, "invalid_query");
    get(&server, &format!("{RUNS}?limit=0"), &runner).is_problem(400, "invalid_query");
    get(&server, &format!("{RUNS}/unknown"), &runner).is_problem(400, "invalid_run_id");
}

#[tokio::test]
async fn a_runner_is_not_told_why_a_credential_was_denied() {
    let host = TestHost::new().await;
    let (runner, viewer) = (
        host.token(Role::Runner).await,
        host.token(Role::Viewer).await,
    );
    let server = Served::start(&host, &[]).await;
    let ran = run(
        &server,
        &runner,
        "return credential('NOT_THERE')",
        &Value::Null,
    );
    assert_eq!(ran["outcome"], "missing_credential");
    let path = format!("{RUNS}/{}", ran["run"].as_str().unwrap());
    let record = get(&server, &path, &viewer).json();
    assert_eq!(record["denied"][0]["reason"], "not_found");
    assert_eq!(get(&server, &path, &runner).json().get("denied"), None);
}

#[tokio::test]
async fn a_client_that_hangs_up_does_not_lose_the_record_and_is_in_the_audit() {
    let host = TestHost::new().await;
    let (runner, admin) = (
        host.token(Role::Runner).await,
        host.token(Role::Admin).await,
    );
    let server = Served::start(&host, &[]).await;
    let body = json!({"source": "console.log('begun'); for (;;);"}).to_string();
    let head = format!("Content-Type: {JSON}\r\nContent-Length: {}\r\n", body.len());
    let connection = server.say("POST", INLINE, Some(&runner), &head, body.as_bytes());
    let open = latest(&server, &runner, "open");
    drop(connection);
    let closed = latest(&server, &runner, "cancelled");
    assert_eq!(open["run"], closed["run"]);
    let path = "/v1/workspaces/default/audit?action=run.cancelled";
    let told = get(&server, path, &admin).is(200).json()["entries"].clone();
    assert_eq!(told.as_array().unwrap().len(), 1, "{told}");
    for (field, expected) in [
        ("actor", json!("token:runner")),
        ("detail", json!("hung_up")),
        ("workflow", json!("default")),
        ("step", json!("inline.js")),
        ("run", closed["run"].clone()),
    ] {
        assert_eq!(told[0][field], expected, "{field}: {told}");
    }
    host.lockstep(&["audit", "verify"]).exits(0);
}

#[tokio::test]
async fn a_log_of_many_pieces_comes_whole_and_in_order() {
    let host = TestHost::new().await;
    let runner = host.token(Role::Runner).await;
    let server = Served::start(&host, &[]).await;
    let source = "for (let i = 0; i < 1000; i++) (i % 2 ? console.log : console.error)(i)";
    let ran = run(&server, &runner, source, &Value::Null);
    let path = format!("{RUNS}/{}/logs", ran["run"].as_str().unwrap());
    let log = String::from_utf8(get(&server, &path, &runner).is(200).body).unwrap();
    let pieces: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(pieces.len(), 1000);
    for (number, piece) in pieces.iter().enumerate() {
        assert_eq!(piece["sequence"], number);
        assert_eq!(piece["text"], format!("{number}\n"));
    }
    let none = run(&server, &runner, "return 1", &Value::Null);
    let path = format!("{RUNS}/{}/logs", none["run"].as_str().unwrap());
    assert!(get(&server, &path, &runner).is(200).body.is_empty());
}

#[tokio::test]
async fn web_assembly_is_run_without_being_kept() {
    let host = TestHost::new().await;
    let runner = host.token(Role::Runner).await;
    let server = Served::start(&host, &[]).await;
    let ask = |body: &Value| {
        let body = body.to_string();
        server.ask("POST", INLINE, Some(&runner), (JSON, body.as_bytes()))
    };
    let echo = BASE64_STANDARD.encode(include_str!("../../guests/echo-command.wat"));
    let ran = ask(&json!({"wasm": echo, "input": {"a": [1, 2]}}))
        .is(200)
        .json();
    assert_eq!(ran["outcome"], "completed", "{ran}");
    assert_eq!(ran["output"], json!({"a": [1, 2]}));
    let run = ran["run"].as_str().unwrap();
    let record = get(&server, &format!("{RUNS}/{run}"), &runner).json();
    assert_eq!(record["file"], "inline.wasm");
    for no_run in [
        json!({}),
        json!({"source": "return 1", "wasm": echo}),
        json!({"wasm": echo, "language": "javascript"}),
        json!({"wasm": "no base64"}),
        json!({"wasm": null, "source": null}),
        json!({"source": "return 1", "language": {"javascript": null}}),
    ] {
        ask(&no_run).is_problem(400, "invalid_body");
    }
    // Nobody says that it would run if it were asked for as what it is.
    let no_module = ask(&json!({"wasm": "AAAA"})).is(200).json();
    assert_eq!(no_module["outcome"], "invalid_step", "{no_module}");
}

#[tokio::test]
async fn limits_of_requests_are_taken_and_have_limits_of_their_own() {
    let host = TestHost::new().await;
    let runner = host.token(Role::Runner).await;
    let server = Served::start(&host, &[]).await;
    let ask = |limits: Value| {
        let body = json!({"source": "return 1", "limits": limits}).to_string();
        server.ask("POST", INLINE, Some(&runner), (JSON, body.as_bytes()))
    };
    for (name, most) in [
        ("concurrent_requests", 64_u64),
        ("first_byte_timeout_ms", 600_000),
        ("request_header_bytes", 64 << 10),
        ("request_body_bytes", 1 << 30),
        ("response_body_bytes", 1 << 30),
        ("transfer_bytes", 16 << 30),
    ] {
        ask(json!({name: most})).is(200);
        let problem = ask(json!({name: most + 1})).is_problem(400, "limit_too_large");
        assert!(
            problem["detail"].as_str().unwrap().contains(name),
            "{problem}"
        );
    }
    ask(json!({"concurrent_requests": 0})).is_problem(400, "limit_too_small");
}

#[tokio::test]
async fn a_module_larger_than_any_source_is_taken_from_who_says_how_large_it_is() {
    let host = TestHost::new().await;
    let runner = host.token(Role::Runner).await;
    let server = Served::start(&host, &[]).await;
    // A module that has nothing but a custom section, of 15 MiB.
    let mut module = wasm_encoder::Module::new();
    module.section(&wasm_encoder::CustomSection {
        name: "padding".into(),
        data: vec![0; 15 << 20].into(),
    });
    let body = json!({"wasm": BASE64_STANDARD.encode(module.finish())}).to_string();
    let body = body.as_bytes();
    let ran = server.ask("POST", INLINE, Some(&runner), (JSON, body));
    // It was read, and has no entry.
    assert_eq!(ran.is(200).json()["outcome"], "invalid_step");
    let head = format!("Content-Type: {JSON}\r\nTransfer-Encoding: chunked\r\n");
    let chunk = [
        format!("{:x}\r\n", body.len()).as_bytes(),
        body,
        b"\r\n0\r\n\r\n",
    ]
    .concat();
    let mut untold = server.say("POST", INLINE, Some(&runner), &head, &chunk);
    server.hear(&mut untold).is_problem(413, "body_too_large");
}
