//! The HTTP API, asked of `lockstep serve` as a process.

mod audit;
mod bulk;
mod connections;
mod copies;
mod credentials;
mod docs;
mod end;
mod follow;
mod http2;
mod killed;
mod later;
mod management;
mod members;
mod metrics;
mod once;
mod operator;
mod queue;
mod readme;
mod refused;
mod roles;
mod runs;
mod setting;
mod steps;
mod strangers;
mod telemetry;
mod tls;
mod tokens;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use lockstep_e2e::{Answer, Served};

const CREDENTIALS: &str = "/v1/workspaces/default/credentials";
const RUNS: &str = "/v1/workspaces/default/runs";
const INLINE: &str = "/v1/workspaces/default/workflows/default/runs";
const VALUE: &str = "application/octet-stream";
const JSON: &str = "application/json";
const NOTHING: (&str, &[u8]) = (JSON, b"");

fn get(server: &Served<'_>, path: &str, token: &str) -> Answer {
    server.ask("GET", path, Some(token), NOTHING)
}

fn put_value(server: &Served<'_>, key: &str, token: &str, value: &str) -> Answer {
    let path = format!("{CREDENTIALS}/{key}");
    server.ask("PUT", &path, Some(token), (VALUE, value.as_bytes()))
}

/// Runs a script and gives the answer's document.
fn run(server: &Served<'_>, token: &str, source: &str, input: &Value) -> Value {
    let body = json!({"source": source, "input": input}).to_string();
    server
        .ask("POST", INLINE, Some(token), (JSON, body.as_bytes()))
        .is(200)
        .json()
}

/// The latest run, once it stands so.
fn latest(server: &Served<'_>, token: &str, status: &str) -> Value {
    until(|| {
        let runs = get(server, &format!("{RUNS}?limit=1"), token)
            .is(200)
            .json();
        let latest = &runs["runs"][0];
        (latest["status"] == status).then(|| latest.clone())
    })
}

/// Looks until something is there.
fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "it does not come"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}
