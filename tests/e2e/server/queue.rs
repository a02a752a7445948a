//! The queue in front of the places: bounded, and fair between workspaces.

use std::io::Write as _;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use lockstep_e2e::{Answer, Served, TestHost};
use lockstep_step::Role;

use super::{INLINE, JSON, NOTHING, RUNS, get, latest};

const ASYNC: &str = "Prefer: respond-async\r\n";
const SLEEP: &str = "await new Promise(done => setTimeout(done, 300))";

fn start(server: &Served<'_>, path: &str, token: &str, source: &str) -> Answer {
    let body = json!({"source": source}).to_string();
    server.ask_with(ASYNC, ("POST", path, Some(token)), (JSON, body.as_bytes()))
}

#[tokio::test]
async fn a_full_queue_refuses_a_run_before_its_body_is_sent_and_records_nothing() {
    let host = TestHost::new().await;
    let runner = host.token(Role::Runner).await;
    let server = Served::start(&host, &["--runs", "1", "--queue", "4"]).await;
    // One runs, and two wait: as many as the queue has left.
    let mut started = Vec::new();
    while started.len() < 3 {
        let answer = start(&server, INLINE, &runner, "for (;;);");
        started.push(answer.is(202).json()["run"].clone());
        if started.len() == 1 {
            latest(&server, &runner, "open");
        }
    }
    let refused = super::until(|| {
        // Nothing of the body is sent: who waits for it does not answer.
        let head = format!("Content-Type: {JSON}\r\nContent-Length: 100000\r\n");
        let mut connection = server.say("POST", INLINE, Some(&runner), &head, b"");
        connection.flush().unwrap();
        Some(server.hear(&mut connection))
    });
    assert_eq!(refused.header("retry-after"), Some("1"));
    refused.is_problem(429, "capacity");
    let list = get(&server, RUNS, &runner).json();
    assert_eq!(list["runs"].as_array().unwrap().len(), 3);
    for run in started {
        let path = format!("{RUNS}/{}/cancel", run.as_str().unwrap());
        server.ask("POST", &path, Some(&runner), NOTHING).is(202);
    }
    super::until(|| {
        let list = get(&server, &format!("{RUNS}?status=open"), &runner).json();
        list["runs"].as_array().unwrap().is_empty().then_some(())
    });
    let again = json!({"source": "return 1"}).to_string();
    let again = server.ask("POST", INLINE, Some(&runner), (JSON, again.as_bytes()));
    assert_eq!(again.is(200).json()["output"], 1);
}

#[tokio::test]
async fn a_flood_of_one_workspace_does_not_starve_another() {
    const FLOOD: usize = 100;
    let host = TestHost::new().await;
    let acme = "acme".parse().unwrap();
    host.runner.add_workspace(&host.admin, &acme).await.unwrap();
    let theirs = host.token_in(acme, Role::Runner).await;
    let ours = host.token(Role::Runner).await;
    let server = Served::start(&host, &["--runs", "2", "--queue", "400"]).await;
    let flooded = INLINE.replace("default/workflows", "acme/workflows");
    // Warm: what is compiled once is compiled.
    start(&server, &flooded, &theirs, SLEEP).is(202);
    start(&server, INLINE, &ours, SLEEP).is(202);
    latest(&server, &ours, "completed");
    for _ in 0..FLOOD {
        start(&server, &flooded, &theirs, SLEEP).is(202);
    }
    let open = || {
        let path = RUNS.replace("default", "acme");
        let list = get(&server, &format!("{path}?status=open&limit=100"), &theirs).json();
        list["runs"].as_array().unwrap().len()
    };
    let begun = Instant::now();
    let body = json!({"source": SLEEP}).to_string();
    let ran = server
        .ask("POST", INLINE, Some(&ours), (JSON, body.as_bytes()))
        .is(200);
    let (ran, took, left): (Value, Duration, usize) = (ran.json(), begun.elapsed(), open());
    assert_eq!(ran["outcome"], "completed");
    assert!(
        left > FLOOD / 2,
        "{left} of the flood are left after {took:?}"
    );
    let queued = ran["receipt"]["queue_us"].as_u64().unwrap();
    // It waited for one of two places, not for the hundred before it.
    assert!(
        queued > 0 && u128::from(queued) < took.as_micros(),
        "{queued} us"
    );
}

#[tokio::test]
async fn a_request_for_which_there_is_no_memory_is_refused_before_it_is_sent() {
    let host = TestHost::new().await;
    let runner = host.token(Role::Runner).await;
    let server = Served::start(&host, &["--request-memory", "100KiB"]).await;
    let head = format!("Content-Type: {JSON}\r\nContent-Length: 100001\r\n");
    let mut connection = server.say("POST", INLINE, Some(&runner), &head, b"");
    server.hear(&mut connection).is_problem(429, "capacity");
    // What a run was asked with is given back when it is over: two of these at once would be too much.
    let body = json!({"source": format!("return 1 // {}", "x".repeat(40_000))}).to_string();
    for _ in 0..5 {
        let ran = server.ask("POST", INLINE, Some(&runner), (JSON, body.as_bytes()));
        assert_eq!(ran.is(200).json()["output"], 1);
    }
}
