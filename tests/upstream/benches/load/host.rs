//! `lockstep serve` on a fresh data directory, and what is asked of it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bytes::Bytes;
use hyper::Method;
use serde_json::Value;
use tempfile::TempDir;

use crate::client::{Ask, Connection};
use crate::process::Process;

const WORKFLOW: &str = "/v1/workspaces/default/workflows/default";
const JSON: &str = "application/json";
const COMPLETED: &str = r#""outcome":"completed""#;

pub(crate) struct Host {
    pub(crate) process: Process,
    pub(crate) token: String,
    pub(crate) directory: Directory,
}

/// A data directory, and the key beside it.
pub(crate) struct Directory(TempDir);

impl Directory {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

impl Host {
    /// Starts it on a fresh directory.
    pub(crate) async fn start(lockstep: &Path, arguments: &[&str]) -> Self {
        let directory = Directory::new();
        let (process, token) = start(lockstep, &directory, arguments);
        Self {
            process,
            token: token.unwrap(),
            directory,
        }
    }

    pub(crate) async fn add_script(&self, name: &str, source: &'static str) -> Ask {
        self.add(
            name,
            "text/javascript",
            Bytes::from_static(source.as_bytes()),
        )
        .await
    }

    /// One of `target/guests`, which `cargo xtask guests` builds.
    pub(crate) async fn add_component(&self, name: &str, file: &str) -> Ask {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../target/guests")
            .join(file);
        self.add(name, "application/wasm", fs::read(path).unwrap().into())
            .await
    }

    pub(crate) fn set_credentials(&self, count: usize) -> Vec<Ask> {
        let ask = |number| Ask {
            method: Method::PUT,
            path: format!("/v1/workspaces/default/credentials/KEY_{number}"),
            token: Some(self.token.clone()),
            kind: "application/octet-stream",
            body: Bytes::from_static(b"a value that is set again and again"),
            expected: r#""result":"#,
        };
        (0..count).map(ask).collect()
    }

    async fn add(&self, name: &str, kind: &'static str, body: Bytes) -> Ask {
        let step = Ask {
            method: Method::PUT,
            path: format!("{WORKFLOW}/steps/{name}"),
            token: Some(self.token.clone()),
            kind,
            body,
            expected: "digest",
        };
        let mut connection = Connection::open(self.process.address).await;
        let (status, answer) = connection.ask(&step).await;
        assert!(status < 300, "{}", String::from_utf8_lossy(&answer));
        run(name, &self.token)
    }
}

/// A run of a step.
pub(crate) fn run(step: &str, token: &str) -> Ask {
    Ask {
        method: Method::POST,
        path: format!("{WORKFLOW}/steps/{step}/runs"),
        token: Some(token.to_owned()),
        kind: JSON,
        body: Bytes::from_static(br#"{"input":{"n":1}}"#),
        expected: COMPLETED,
    }
}

/// Starts it, and gives the token that it shows on its first start.
pub(crate) fn start(
    lockstep: &Path,
    directory: &Directory,
    arguments: &[&str],
) -> (Process, Option<String>) {
    let mut child = Command::new(lockstep)
        .env("LOCKSTEP_DATA", directory.path("data"))
        .env("LOCKSTEP_KEY_FILE", directory.path("key"))
        .args(["serve", "--listen", "127.0.0.1:0", "--json"])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut told = BufReader::new(child.stdout.take().unwrap());
    told.read_line(&mut line).unwrap();
    let started: Value = serde_json::from_str(&line).unwrap();
    let address = started["listening"].as_str().unwrap();
    let address = address.trim_start_matches("http://").parse().unwrap();
    let token = started["admin_token"].as_str().map(str::to_owned);
    (Process { child, address }, token)
}
