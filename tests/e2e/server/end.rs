//! How the server ends.

use std::io::Read as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use lockstep_e2e::{Served, TestHost};
use lockstep_step::Role;

use super::{CREDENTIALS, INLINE, JSON, RUNS, VALUE, get};

/// Asks for a run, and goes on when it is open.
fn begin(server: &Served<'_>, token: &str, source: &str) -> TcpStream {
    let body = json!({"source": source}).to_string();
    let head = format!("Content-Type: {JSON}\r\nContent-Length: {}\r\n", body.len());
    let connection = server.say("POST", INLINE, Some(token), &head, body.as_bytes());
    let open = format!("{RUNS}?status=open");
    while get(server, &open, token).json()["runs"] == json!([]) {
        std::thread::sleep(Duration::from_millis(5));
    }
    connection
}

#[tokio::test]
async fn a_run_that_ends_in_time_is_answered_before_the_server_ends() {
    let host = TestHost::new().await;
    let runner = host.token(Role::Runner).await;
    let server = Served::start(&host, &[]).await;
    let slow = "const end = Date.now() + 700; while (Date.now() < end); return 'done'";
    let mut connection = begin(&server, &runner, slow);
    server.ask_to_end();
    let answer = server.hear(&mut connection).is(200).json();
    assert_eq!(answer["output"], "done");
    assert_eq!(server.end(), Some(0));
}

#[tokio::test]
async fn a_run_that_does_not_end_is_cancelled_and_answered() {
    let host = TestHost::new().await;
    let runner = host.token(Role::Runner).await;
    let server = Served::start(&host, &["--drain", "100ms"]).await;
    let mut connection = begin(&server, &runner, "for (;;);");
    server.ask_to_end();
    let answer = server.hear(&mut connection).is(200).json();
    assert_eq!(answer["outcome"], "cancelled");
    assert_eq!(server.end(), Some(0));
}

#[tokio::test]
async fn a_request_whose_body_never_comes_does_not_keep_the_server() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &["--drain", "100ms"]).await;
    let head = format!("Content-Type: {VALUE}\r\nContent-Length: 5\r\n");
    let path = format!("{CREDENTIALS}/HALF");
    let connection = server.say("PUT", &path, Some(&admin), &head, b"half");
    // Whoever came later was answered, so the other is being served by now.
    get(&server, RUNS, &admin).is(200);
    assert_eq!(server.end(), Some(0));
    drop(connection);
}

#[tokio::test]
async fn a_follower_of_a_run_of_another_process_does_not_keep_the_server() {
    let host = TestHost::new().await;
    let runner = host.token(Role::Runner).await;
    let one = Served::start(&host, &[]).await;
    let other = Served::start(&host, &[]).await;
    let running = begin(&one, &runner, "console.log('begun'); for (;;);");
    let open = format!("{RUNS}?status=open");
    let runs = get(&one, &open, &runner).json();
    let run = runs["runs"][0]["run"].as_str().unwrap();
    let path = format!("{RUNS}/{run}/logs");
    let events = "Accept: text/event-stream\r\n";
    let mut follower = other.say("GET", &path, Some(&runner), events, b"");
    let mut status = [0; 12];
    follower.read_exact(&mut status).unwrap();
    assert_eq!(status, *b"HTTP/1.1 200");
    let begun = Instant::now();
    // Half of what it may take for runs to end.
    assert_eq!(other.end(), Some(0));
    assert!(
        begun.elapsed() < Duration::from_secs(15),
        "{:?}",
        begun.elapsed()
    );
    let mut rest = Vec::new();
    follower.read_to_end(&mut rest).unwrap();
    assert!(!String::from_utf8_lossy(&rest).contains("event: end"));
    assert_eq!(get(&one, &open, &runner).json(), runs);
    drop(running);
}
