//! Logs that are followed, by server-sent events.

use std::io::Read as _;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;

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
async fn of_ten_thousand_followers_those_beyond_the_limit_are_refused_and_the_host_goes_on() {
    let all = connections_that_fit(10_000);
    let seats = all / 5 * 4;
    let host = TestHost::new().await;
    let runner = host.token(Role::Runner).await;
    // A workspace leaves as many to others as it has.
    let followers = (2 * seats).to_string();
    let connections = (all + 100).to_string();
    let limits = ["--followers", &followers, "--connections", &connections];
    // A line for each of them at least would be the most of what is done here.
    let quiet = [("LOCKSTEP_LOG", "info".to_owned())];
    let server = Served::start_in(&host, &quiet, &limits).await;
    let endless = start(
        &server,
        &runner,
        "await new Promise(done => setTimeout(done, 600000))",
    );
    let head = format!(
        "GET {RUNS}/{endless}/logs HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {runner}\r\n{EVENTS}\r\n"
    );
    let before = server.resident_bytes();
    let idle = ask_all(all, server.address(), &head).await;
    let (mut seated, mut refused): (Vec<_>, Vec<_>) =
        idle.into_iter().partition(|idle| idle.is_seated());
    assert_eq!((seated.len(), refused.len()), (seats, all - seats));
    for refused in &refused {
        let heard = &refused.heard;
        assert!(
            heard.starts_with("HTTP/1.1 429 ") && heard.contains("\r\nretry-after: 5\r\n"),
            "{heard}"
        );
        assert!(heard.contains("too_many_followers"), "{heard}");
    }
    let each = server.resident_bytes().saturating_sub(before) / all as u64;
    assert!(each < 64 << 10, "{each} bytes for each");
    let ran = run(&server, &runner, "return 1", &Value::Null);
    assert_eq!(ran["outcome"], "completed");
    // One goes, and one that was refused may come.
    drop(seated.pop());
    let mut again = refused.pop().unwrap();
    let begun = Instant::now();
    while !again.is_seated() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{}", again.heard);
        again.say(&head).await;
    }
    seated.push(again);
    cancel(&server, &runner, &endless);
    for idle in &mut seated {
        idle.hear_until("cancelled").await;
    }
    latest(&server, &runner, "completed");
}

/// So many connections, or as many as this process may have open files for, and the server as well.
fn connections_that_fit(wanted: usize) -> usize {
    const OTHER_FILES: u64 = 1_000;
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    setrlimit(Resource::Nofile, raised).unwrap();
    let fits = limit
        .maximum
        .map_or(u64::MAX, |files| files.saturating_sub(OTHER_FILES));
    wanted.min(usize::try_from(fits).unwrap_or(usize::MAX))
}

/// So many clients that follow, of which some ask at the same time.
async fn ask_all(count: usize, address: SocketAddr, head: &str) -> Vec<Idle> {
    const AT_ONCE: usize = 100;
    let mut asking = JoinSet::new();
    for first in 0..AT_ONCE {
        let head = head.to_owned();
        asking.spawn(async move {
            let mut idle = Vec::new();
            for _ in (first..count).step_by(AT_ONCE) {
                idle.push(Idle::ask(address, &head).await);
            }
            idle
        });
    }
    asking.join_all().await.into_iter().flatten().collect()
}

/// A client that follows and does nothing else.
struct Idle {
    connection: tokio::net::TcpStream,
    /// The last answer, as far as it has come.
    heard: String,
}

impl Idle {
    async fn ask(address: SocketAddr, head: &str) -> Self {
        let connection = tokio::net::TcpStream::connect(address).await.unwrap();
        let heard = String::new();
        let mut idle = Self { connection, heard };
        idle.say(head).await;
        idle
    }

    /// Asks, and hears the head of the answer; of a refusal all of it.
    async fn say(&mut self, head: &str) {
        self.heard.clear();
        self.connection.write_all(head.as_bytes()).await.unwrap();
        self.hear_until("\r\n\r\n").await;
        if !self.is_seated() {
            self.hear_until("}").await;
        }
    }

    fn is_seated(&self) -> bool {
        self.heard.starts_with("HTTP/1.1 200 ")
    }

    async fn hear_until(&mut self, text: &str) {
        let mut some = [0; 2048];
        while !self.heard.contains(text) {
            let length = self.connection.read(&mut some).await.unwrap();
            assert!(length > 0, "{}", self.heard);
            self.heard
                .push_str(str::from_utf8(&some[..length]).unwrap());
        }
    }
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
