//! `Idempotency-Key`: what is asked twice is run once.

use serde_json::{Value, json};

use lockstep_e2e::{Answer, Served, TestHost};
use lockstep_step::Role;

use super::{INLINE, JSON, RUNS, get, latest};

/// Asks for a run of `source` under a key.
pub(super) fn ask(server: &Served<'_>, token: &str, key: &str, source: &str) -> Answer {
    let body = json!({"source": source}).to_string();
    server.ask_with(
        &format!("Idempotency-Key: {key}\r\n"),
        ("POST", INLINE, Some(token)),
        (JSON, body.as_bytes()),
    )
}

fn runs(server: &Served<'_>, token: &str) -> usize {
    let list = get(server, RUNS, token).is(200).json();
    list["runs"].as_array().unwrap().len()
}

#[tokio::test]
async fn the_same_request_is_answered_from_the_record_after_a_restart_too() {
    let host = TestHost::new().await;
    let runner = host.token(Role::Runner).await;
    let random = "return crypto.randomUUID()";
    let server = Served::start(&host, &[]).await;
    let first = ask(&server, &runner, "\"8e03978e\"", random).is(200);
    assert_eq!(first.header("idempotency-replayed"), None);
    let again = ask(&server, &runner, "8e03978e", random).is(200);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(first.json(), again.json());
    assert_eq!(server.end(), Some(0));
    let server = Served::start(&host, &[]).await;
    let again = ask(&server, &runner, "8e03978e", random).is(200);
    assert_eq!(first.json(), again.json());
    assert_eq!(runs(&server, &runner), 1);
    let other = ask(&server, &runner, "another-key", random).is(200);
    assert_ne!(first.json()["output"], other.json()["output"]);
}

#[tokio::test]
async fn a_key_is_not_for_two_requests() {
    let host = TestHost::new().await;
    let runner = host.token(Role::Runner).await;
    let server = Served::start(&host, &[]).await;
    let first = ask(&server, &runner, "key", "return 1").is(200).json();
    let other = ask(&server, &runner, "key", "return 2");
    let problem = other.is_problem(422, "idempotency_key_reused");
    assert_eq!(problem["run"], first["run"]);
    let body = json!({"source": "return 1"}).to_string();
    let other_path = INLINE.replace("/workflows/default/", "/workflows/elsewhere/");
    let elsewhere = server.ask_with(
        "Idempotency-Key: key\r\n",
        ("POST", &other_path, Some(&runner)),
        (JSON, body.as_bytes()),
    );
    // There is no such workflow; and nothing of the key's is told for it.
    elsewhere.is_problem(404, "not_found");
    for no_key in ["", "two words", &"x".repeat(256)] {
        let refused = ask(&server, &runner, no_key, "return 1");
        refused.is_problem(400, "invalid_idempotency_key");
    }
    assert_eq!(runs(&server, &runner), 1);
}

#[tokio::test]
async fn a_request_whose_run_goes_on_is_told_which_it_is() {
    let host = TestHost::new().await;
    let runner = host.token(Role::Runner).await;
    let server = Served::start(&host, &[]).await;
    let body = json!({"source": "for (;;);"}).to_string();
    let head = format!(
        "Content-Type: {JSON}\r\nContent-Length: {}\r\nIdempotency-Key: key\r\n",
        body.len()
    );
    let first = server.say("POST", INLINE, Some(&runner), &head, body.as_bytes());
    let open = latest(&server, &runner, "open");
    let again = ask(&server, &runner, "key", "for (;;);");
    assert_eq!(again.header("retry-after"), Some("1"));
    let problem = again.is_problem(409, "idempotency_in_progress");
    assert_eq!(problem["run"], open["run"]);
    drop(first);
    latest(&server, &runner, "cancelled");
    let again = ask(&server, &runner, "key", "for (;;);").is(200).json();
    assert_eq!(
        (&again["run"], &again["outcome"]),
        (&open["run"], &json!("cancelled"))
    );
}

#[tokio::test]
async fn a_request_whose_run_was_lost_is_not_run_again_in_silence() {
    let host = TestHost::new().await;
    let runner = host.token(Role::Runner).await;
    let server = Served::start(&host, &[]).await;
    let body = json!({"source": "for (;;);"}).to_string();
    let head = format!(
        "Content-Type: {JSON}\r\nContent-Length: {}\r\nIdempotency-Key: key\r\n",
        body.len()
    );
    let first = server.say("POST", INLINE, Some(&runner), &head, body.as_bytes());
    let open: Value = latest(&server, &runner, "open");
    // It is killed.
    drop(server);
    drop(first);
    let server = Served::start(&host, &[]).await;
    let again = ask(&server, &runner, "key", "for (;;);");
    let problem = again.is_problem(409, "idempotency_run_lost");
    assert_eq!(problem["run"], open["run"]);
}
