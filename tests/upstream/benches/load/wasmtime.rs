//! `wasmtime serve`, of the release that Lockstep has inside, with a component that answers a constant: what a fresh instance
//! for each request costs without a script, a credential, a record and a token.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::constant;
use crate::process::Process;

/// One of `target/guests`, which `cargo xtask guests` builds.
const COMPONENT: &str = "../../target/guests/answers.wasip2.wasm";
/// What it says on stderr when it listens.
const LISTENS: &str = "http://";

pub(crate) fn start(wasmtime: &Path) -> Process {
    let mut child = Command::new(wasmtime)
        // What the standard library of Rust imports.
        .args(["serve", "-S", "cli", "--addr", "127.0.0.1:0"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(COMPONENT))
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut told = BufReader::new(child.stderr.take().unwrap());
    told.read_line(&mut line).unwrap();
    let (_, address) = line.split_once(LISTENS).unwrap();
    let address = address.trim().trim_end_matches('/').parse().unwrap();
    Process { child, address }
}

/// As axum is asked.
pub(crate) use constant::ask;
