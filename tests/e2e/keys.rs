//! The key-encryption keys: rotated beside running steps, broken off at any point, and wrong, missing or damaged.

mod rotation;
mod trouble;

use std::fs;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use serde_json::Value;

use lockstep_e2e::{Finished, TestHost, repository};

const ASKS_FOR_CANARY: &str = r#"{"keys":["CANARY"]}"#;

fn status(host: &TestHost) -> Value {
    host.lockstep(&["key", "status", "--json"]).exits(0).json()
}

/// Of each key that `key status` shows: its name, what it does, and how many records it wraps.
fn shown(status: &Value) -> Vec<(String, String, u64)> {
    let keys = status["keys"].as_array().unwrap();
    keys.iter()
        .map(|key| {
            (
                key["id"].as_str().unwrap().to_owned(),
                key["state"].as_str().unwrap().to_owned(),
                key["records"].as_u64().unwrap(),
            )
        })
        .collect()
}

/// The name of the key that wraps, whose digits are canaries from now on.
fn primary(host: &TestHost) -> String {
    host.guard_keys();
    status(host)["primary"].as_str().unwrap().to_owned()
}

/// Rotates, and gives the name of the new key, whose digits are canaries from now on.
fn rotate(host: &TestHost) -> String {
    let rotated = host.lockstep(&["key", "rotate", "--json"]).exits(0).json();
    host.guard_keys();
    rotated["primary"].as_str().unwrap().to_owned()
}

/// Runs a step that needs a credential of the workspace `default`.
fn run(host: &TestHost) -> Finished {
    let step = repository().join("target/guests/credentials.wasm");
    host.lockstep(&["run", step.to_str().unwrap(), "--input", ASKS_FOR_CANARY])
}

/// Adds a workspace with a credential of its own.
fn add_workspace(host: &TestHost, name: &str) {
    host.lockstep(&["workspace", "add", name]).exits(0);
    let value = format!("the value in {name}");
    host.guard(&value);
    let set = ["credential", "set", "TOKEN", "--workspace", name];
    host.lockstep_with(&value, &set).exits(0);
}

/// A key file beside the host's, with this text.
fn key_file(host: &TestHost, name: &str, text: &str) -> PathBuf {
    let path = host.scratch().join(name);
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&path).unwrap();
    std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
    path
}
