//! Logs that are followed, by server-sent events.

use std::io::Read as _;
use std::net::TcpStream;

use serde_json::{Value, json};

use lockstep_e2e::{Answer, Served, TestHost};
use lockstep_step::Role;

use super::{INLINE, JSON, NOTHING, RUNS, get, latest, run};

const EVENTS: &str = "Accept: text/event-stream\r\n";
/// Writes `one`, waits until it is cancelled or three seconds are over, and writes `two`.
const TWO_PIECES: &str =
    "console.log('one'); await new Promise(done => setTimeout(done, 3000)); console.log('two')";

/// An event: its kind, its id and its data.
type Event = (String, Option<u64>, Value);

fn start(server: &Served<'_>, token: &str, source: &str) -> String {
    let body = json!({"source": source}).to_string();
    let whom = ("POST", INLINE, Some(token));
    let prefer = "Prefer: respond-async\r\n";
    let accepted = server
        .ask_with(prefer, whom, (JSON, body.as_bytes()))
        .is(202);
    accepted.json()["run"].as_str().unwrap().to_owned()
}

fn follow(server: &Served<'_>, token: &str, run: &str, lines: &str) -> TcpStream {
    let path = format!("{RUNS}/{run}/logs");
    server.say("GET", &path, Some(token), &format!("{EVENTS}{lines}"), b"")
}

fn cancel(server: &Served<'_>, token: &str, run: &str) {
    let path = format!("{RUNS}/{run}/cancel");
    server.ask("POST", &path, Some(token), NOTHING).is(202);
}

/// The events of an answer that has ended.
fn events(answer: &Answer) -> Vec<Event> {
    assert_eq!(answer.status, 200, "{}", answer.head);
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    let text = String::from_utf8(answer.body.clone()).unwrap();
    let blocks = text.split("\n\n").filter(|block| !block.is_empty());
    // What begins with a colon keeps the connection alive.
    blocks
        .filter(|block| !block.starts_with(':'))
        .map(event)
        .collect()
}

fn event(block: &str) -> Event {
    let field = |name: &str| {
        block
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    };
    let data = serde_json::from_str(field("data").unwrap()).unwrap();
    let id = field("id").map(|id| id.parse().unwrap());
    (field("event").unwrap().to_owned(), id, data)
}

/// What was heard until `text` came.
fn hear_until(connection: &mut TcpStream, text: &str) -> String {
    let (mut heard, mut some) = (Vec::new(), [0; 4096]);
    loop {
        let length = connection.read(&mut some).unwrap();
        assert!(length > 0, "{}", String::from_utf8_lossy(&heard));
        heard.extend_from_slice(&some[..length]);
        let so_far = String::from_utf8_lossy(&heard);
        if so_far.contains(text) {
            return so_far.into_owned();
        }
    }
}

#[tokio::test]
async fn a_log_comes_while_its_run_goes_on_and_the_end_after_it() {
    let host = TestHost::new().await;
    let runner = host.token(Role::Runner).await;
    let server = Served::start(&host, &[]).await;
    let run = start(&server, &runner, TWO_PIECES);
    let mut early = follow(&server, &runner, &run, "");
    hear_until(&mut early, "one");
    let record = get(&server, &format!("{RUNS}/{run}"), &runner).json();
    assert_eq!(record["status"], "open");
    let mut late = follow(&server, &runner, &run, "");
    let heard = events(&server.hear(&mut late));
    let [
        (one, first, at_first),
        (two, second, at_second),
        (end, none, ended),
    ] = &heard[..]
    else {
        panic!("{heard:?}")
    };
    assert_eq!(
        [one.as_str(), two.as_str(), end.as_str()],
        ["log", "log", "end"]
    );
    assert_eq!((*first, *second, *none), (Some(0), Some(1), None));
    assert_eq!(
        (&at_first["text"], &at_second["text"]),
        (&json!("one\n"), &json!("two\n"))
    );
    assert_eq!(*ended, json!({"run": run, "status": "completed"}));
    hear_until(&mut early, "completed");
}

#[tokio::test]
async fn a_follower_that_lost_the_connection_goes_on_where_it_was() {
    let host = TestHost::new().await;
    let runner = host.token(Role::Runner).await;
    let server = Served::start(&host, &[]).await;
    let source = "for (let i = 0; i < 100; i++) (i % 2 ? console.log : console.error)(i)";
    let ran = run(&server, &runner, source, &Value::Null);
    let run = ran["run"].as_str().unwrap();
    let all = events(&server.hear(&mut follow(&server, &runner, run, "")));
    assert_eq!(all.len(), 101);
    let rest = server.hear(&mut follow(&server, &runner, run, "Last-Event-ID: 89\r\n"));
    assert_eq!(events(&rest)[..], all[90..]);
    let none = server.hear(&mut follow(&server, &runner, run, "Last-Event-ID: 99\r\n"));
    assert_eq!(events(&none)[..], all[100..]);
    let refused = server.hear(&mut follow(&server, &runner, run, "Last-Event-ID: x\r\n"));
    refused.is_problem(400, "invalid_event_id");
    let unknown = "01938a5e-7c1d-7c6b-8f11-2f1c9d8d2a10";
    let refused = server.hear(&mut follow(&server, &runner, unknown, ""));
    refused.is_problem(404, "not_found");
}

#[tokio::test]
async fn a_run_of_another_process_is_followed_too() {
    let host = TestHost::new().await;
    let runner = host.token(Role::Runner).await;
    let (one, other) = (
        Served::start(&host, &[]).await,
        Served::start(&host, &[]).await,
    );
    let run = start(&one, &runner, TWO_PIECES);
    let heard = events(&other.hear(&mut follow(&other, &runner, &run, "")));
    let texts: Vec<_> = heard.iter().map(|(_, _, data)| &data["text"]).collect();
    assert_eq!(texts, [&json!("one\n"), &json!("two\n"), &Value::Null]);
    // It is killed, and the next one that starts finds it.
    let run = start(&one, &runner, TWO_PIECES);
    drop(one);
    let mut following = follow(&other, &runner, &run, "");
    let _next = Served::start(&host, &[]).await;
    let heard = events(&other.hear(&mut following));
    assert_eq!(heard.last().unwrap().2["status"], "lost");
}

#[tokio::test]
async fn more_followers_than_may_follow_are_refused_and_the_host_goes_on() {
    const LIMIT: usize = 1000;
    // Of one workspace half of them, as it leaves as many to others.
    const OF_ONE: usize = LIMIT / 2;
    let host = TestHost::new().await;
    let runner = host.token(Role::Runner).await;
    let limit = LIMIT.to_string();
    let server = Served::start(&host, &["--followers", &limit]).await;
    let endless = start(
        &server,
        &runner,
        "await new Promise(done => setTimeout(done, 600000))",
    );
    let mut followers = Vec::new();
    for _ in 0..OF_ONE {
        let mut follower = follow(&server, &runner, &endless, "");
        hear_until(&mut follower, "200 OK");
        followers.push(follower);
    }
    for _ in 0..100 {
        let refused = server.hear(&mut follow(&server, &runner, &endless, ""));
        assert_eq!(refused.header("retry-after"), Some("5"));
        refused.is_problem(429, "too_many_followers");
    }
    let ran = run(&server, &runner, "return 1", &Value::Null);
    assert_eq!(ran["outcome"], "completed");
    // One goes, and another may come.
    drop(followers.pop());
    super::until(|| {
        let mut follower = follow(&server, &runner, &endless, "");
        let mut status = [0; 12];
        follower.read_exact(&mut status).unwrap();
        (status == *b"HTTP/1.1 200").then_some(())
    });
    cancel(&server, &runner, &endless);
    for follower in &mut followers {
        hear_until(follower, "cancelled");
    }
    latest(&server, &runner, "completed");
}

#[tokio::test]
async fn followers_that_do_not_read_hold_little_of_a_long_log() {
    const FOLLOWERS: u64 = 30;
    let host = TestHost::new().await;
    let runner = host.token(Role::Runner).await;
    let server = Served::start(&host, &[]).await;
    let source =
        "const line = 'x'.repeat(8000); for (let i = 0; i < 1500; i++) console.log(i, line)";
    let body = json!({"source": source, "limits": {"log_bytes": 16_000_000}}).to_string();
    let ran = server
        .ask("POST", INLINE, Some(&runner), (JSON, body.as_bytes()))
        .is(200);
    let ran = ran.json();
    assert!(ran["receipt"]["log_bytes"].as_u64().unwrap() > 12_000_000);
    let run = ran["run"].as_str().unwrap();
    let follow_to_the_end = || events(&server.hear(&mut follow(&server, &runner, run, ""))).len();
    assert!(follow_to_the_end() > 700);
    let before = server.resident_bytes();
    let idle: Vec<_> = (0..FOLLOWERS)
        .map(|_| follow(&server, &runner, run, ""))
        .collect();
    // While this one is told all, the others are told what they take.
    follow_to_the_end();
    let each = server.resident_bytes().saturating_sub(before) / FOLLOWERS;
    assert!(each < 3 << 20, "{each} bytes for each");
    drop(idle);
}
