//! Runs that are not waited for, and runs that are cancelled.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use lockstep_e2e::{Answer, Served, TestHost};
use lockstep_step::Role;

use super::{INLINE, JSON, NOTHING, RUNS, get, latest, until};

const ASYNC: &str = "Prefer: respond-async\r\n";

fn start(server: &Served<'_>, token: &str, lines: &str, source: &str) -> Answer {
    let body = json!({"source": source}).to_string();
    let whom = ("POST", INLINE, Some(token));
    server.ask_with(lines, whom, (JSON, body.as_bytes()))
}

fn cancel(server: &Served<'_>, token: &str, run: &Value) -> Answer {
    let path = format!("{RUNS}/{}/cancel", run.as_str().unwrap());
    server.ask("POST", &path, Some(token), NOTHING)
}

#[tokio::test]
async fn a_run_that_is_not_waited_for_goes_on_and_is_found_where_the_answer_says() {
    let host = TestHost::new().await;
    let runner = host.token(Role::Runner).await;
    let server = Served::start(&host, &[]).await;
    let source = "await new Promise(done => setTimeout(done, 500)); return 'done'";
    let begun = Instant::now();
    let accepted = start(&server, &runner, ASYNC, source).is(202);
    assert!(begun.elapsed() < Duration::from_millis(450));
    assert_eq!(accepted.header("preference-applied"), Some("respond-async"));
    let record = accepted.header("location").unwrap().to_owned();
    let run = accepted.json()["run"].clone();
    let open = get(&server, &record, &runner).is(200).json();
    assert_eq!((&open["run"], &open["status"]), (&run, &json!("open")));
    let ended = until(|| {
        let found = get(&server, &record, &runner).is(200).json();
        (found["status"] != "open").then_some(found)
    });
    assert_eq!(
        (&ended["status"], &ended["output"]),
        (&json!("completed"), &json!("done"))
    );
}

#[tokio::test]
async fn a_run_that_is_not_waited_for_is_started_once_under_its_key() {
    let host = TestHost::new().await;
    let runner = host.token(Role::Runner).await;
    let server = Served::start(&host, &[]).await;
    let lines = format!("{ASYNC}Idempotency-Key: key\r\n");
    let first = start(&server, &runner, &lines, "for (;;);").is(202);
    let again = start(&server, &runner, &lines, "for (;;);").is(202);
    assert_eq!(first.header("location"), again.header("location"));
    cancel(&server, &runner, &first.json()["run"]).is(202);
    latest(&server, &runner, "cancelled");
    let again = start(&server, &runner, &lines, "for (;;);").is(202);
    assert_eq!(first.json(), again.json());
}

#[tokio::test]
async fn what_is_wrong_with_a_run_is_told_at_once() {
    let host = TestHost::new().await;
    let runner = host.token(Role::Runner).await;
    let server = Served::start(&host, &[]).await;
    let path = "/v1/workspaces/default/workflows/default/steps/none/runs";
    let whom = ("POST", path, Some(runner.as_str()));
    let refused = server.ask_with(ASYNC, whom, (JSON, b"{}"));
    refused.is_problem(404, "not_found");
    assert_eq!(get(&server, RUNS, &runner).json()["runs"], json!([]));
}

#[tokio::test]
async fn a_run_is_cancelled_by_its_name() {
    let host = TestHost::new().await;
    let runner = host.token(Role::Runner).await;
    let server = Served::start(&host, &[]).await;
    let run = start(&server, &runner, ASYNC, "for (;;);").json()["run"].clone();
    let begun = Instant::now();
    cancel(&server, &runner, &run).is(202);
    let ended = latest(&server, &runner, "cancelled");
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!(ended["run"], run);
    let problem = cancel(&server, &runner, &run).is_problem(409, "run_over");
    assert_eq!(problem["run"], run);
    let unknown = json!("01938a5e-7c1d-7c6b-8f11-2f1c9d8d2a10");
    cancel(&server, &runner, &unknown).is_problem(404, "not_found");
}

#[tokio::test]
async fn a_run_of_another_process_is_not_cancelled_and_it_is_said_where_it_is() {
    let host = TestHost::new().await;
    let runner = host.token(Role::Runner).await;
    let (one, other) = (
        Served::start(&host, &[]).await,
        Served::start(&host, &[]).await,
    );
    let run = start(&one, &runner, ASYNC, "for (;;);").json()["run"].clone();
    cancel(&other, &runner, &run).is_problem(409, "run_elsewhere");
    cancel(&one, &runner, &run).is(202);
    latest(&other, &runner, "cancelled");
}
