//! A server that is killed while much is asked of it: what it answered is there when it starts again.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use lockstep_e2e::{Served, TestHost};
use lockstep_step::{Digest, Role};

use super::{CREDENTIALS, INLINE, JSON, RUNS, VALUE, get, run};

/// Who asks at the same time: half of them set credentials, half of them run steps.
const CLIENTS: usize = 8;
const KEYS: usize = 3;

/// A client that bears a server which is not there any more.
#[derive(Clone, Copy)]
struct Client<'a> {
    address: SocketAddr,
    token: &'a str,
}

/// What one of them was answered.
#[derive(Default)]
struct Answered {
    /// By key: the last value that was set, its version, and the value that was being set when the server went away.
    credentials: BTreeMap<String, (String, u64, Option<String>)>,
    /// By id: what came out.
    runs: BTreeMap<String, Value>,
}

impl Client<'_> {
    /// The answer, if all of it came.
    fn ask(self, method: &str, path: &str, kind: &str, body: &str) -> Option<(u16, Value)> {
        let Self { address, token } = self;
        let mut connection = TcpStream::connect(address).ok()?;
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        connection.write_all(request.as_bytes()).ok()?;
        let mut heard = String::new();
        connection.read_to_string(&mut heard).ok()?;
        let (head, body) = heard.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some((status, serde_json::from_str(body).ok()?))
    }

    fn set_credentials(self, client: usize, canary: &str, is_over: &AtomicBool) -> Answered {
        let mut answered = Answered::default();
        for number in 0.. {
            let key = format!("KEY_{client}_{}", number % KEYS);
            let value = format!("{canary}/{client}/{number}");
            let path = format!("{CREDENTIALS}/{key}");
            let Some((status, told)) = self.ask("PUT", &path, VALUE, &value) else {
                assert!(
                    is_over.load(Ordering::SeqCst),
                    "the server went away too soon"
                );
                if let Some((_, _, being_set)) = answered.credentials.get_mut(&key) {
                    *being_set = Some(value);
                }
                return answered;
            };
            assert!(status == 200 || status == 201, "{status} {told}");
            let version = told["version"].as_u64().unwrap();
            answered.credentials.insert(key, (value, version, None));
        }
        answered
    }

    fn run_steps(self, client: usize, is_over: &AtomicBool) -> Answered {
        let mut answered = Answered::default();
        for number in 0.. {
            let body =
                json!({"source": "export default (input) => input", "input": [client, number]});
            let Some((status, told)) = self.ask("POST", INLINE, JSON, &body.to_string()) else {
                assert!(
                    is_over.load(Ordering::SeqCst),
                    "the server went away too soon"
                );
                return answered;
            };
            assert_eq!(
                (status, &told["outcome"]),
                (200, &json!("completed")),
                "{told}"
            );
            let id = told["run"].as_str().unwrap().to_owned();
            answered.runs.insert(id, told["output"].clone());
        }
        answered
    }
}

/// Waits until a run stands so, and gives the ids of those that do.
fn runs_that_are(server: &Served<'_>, token: &str, status: &str) -> Vec<String> {
    let path = format!("{RUNS}?status={status}&limit=100");
    let listed = get(server, &path, token).is(200).json();
    let ids = listed["runs"].as_array().unwrap().iter();
    ids.map(|run| run["run"].as_str().unwrap().to_owned())
        .collect()
}

fn load(server: &Served<'_>, host: &TestHost, token: &str) -> Answered {
    let client = Client {
        address: server.address(),
        token,
    };
    let canary = host.canary();
    let is_over = AtomicBool::new(false);
    let (canary, is_over) = (&canary, &is_over);
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                scope.spawn(move || match number % 2 {
                    0 => client.set_credentials(number, canary, is_over),
                    _ => client.run_steps(number, is_over),
                })
            })
            .collect();
        thread::sleep(Duration::from_millis(1500));
        is_over.store(true, Ordering::SeqCst);
        server.signal(Signal::KILL);
        let mut all = Answered::default();
        for answered in clients.into_iter().map(|client| client.join().unwrap()) {
            all.credentials.extend(answered.credentials);
            all.runs.extend(answered.runs);
        }
        all
    })
}

#[tokio::test]
async fn what_was_answered_outlives_a_server_that_is_killed_under_load() {
    let host = TestHost::new().await;
    let server = Served::start(&host, &["--runs", "4"]).await;
    let first = server.first_token.clone().unwrap();
    let later = host.token(Role::Editor).await;
    let endless = json!({"source": "for (;;);", "limits": {"timeout_ms": 600_000}}).to_string();
    let head = format!(
        "Content-Type: {JSON}\r\nContent-Length: {}\r\n",
        endless.len()
    );
    let waiting = server.say("POST", INLINE, Some(&first), &head, endless.as_bytes());
    while runs_that_are(&server, &first, "open").is_empty() {
        thread::sleep(Duration::from_millis(5));
    }
    let open = runs_that_are(&server, &first, "open");
    let answered = load(&server, &host, &first);
    drop((waiting, server));
    assert!(answered.credentials.len() >= CLIENTS / 2 && answered.runs.len() >= CLIENTS);

    let server = Served::start(&host, &[]).await;
    assert_eq!(server.first_token, None);
    get(&server, RUNS, &later).is(200);
    assert_eq!(runs_that_are(&server, &first, "open"), Vec::<String>::new());
    let lost = runs_that_are(&server, &first, "lost");
    assert!(lost.contains(&open[0]), "{open:?} {lost:?}");
    for (id, output) in &answered.runs {
        let record = get(&server, &format!("{RUNS}/{id}"), &first).is(200).json();
        assert_eq!(
            (&record["status"], &record["output"]),
            (&json!("completed"), output)
        );
    }
    let digest = "export default async (key, ctx) => {
        const value = new TextEncoder().encode(ctx.credential(key));
        const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', value));
        return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('') }";
    for (key, (value, version, being_set)) in &answered.credentials {
        let shown = get(&server, &format!("{CREDENTIALS}/{key}"), &first)
            .is(200)
            .json();
        let found = shown["version"].as_u64().unwrap();
        // What was not answered may have been done.
        let expected = match being_set {
            Some(being_set) if found == version + 1 => being_set,
            _ => value,
        };
        assert!(
            found == *version || being_set.is_some(),
            "{key}: {found} {version}"
        );
        let ran = run(&server, &first, digest, &json!(key));
        let digest = Digest::of(expected.as_bytes()).hex();
        assert_eq!(ran["output"], digest, "{key} {ran}");
    }
}
