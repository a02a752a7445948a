//! Looks for everything that a sandbox should not give. The output is what it found.

use std::{env, fs, time::SystemTime};

use lockstep_step::Failure;
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Input {
    /// A port of the host's loopback where somebody listens.
    port: u16,
}

#[derive(Serialize)]
struct Output {
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    directory: Option<usize>,
    file: bool,
    written: bool,
    connected: bool,
    seconds: u64,
}

#[lockstep_step::step]
fn run(input: Input) -> Result<Output, Failure> {
    Ok(Output {
        arguments: env::args().collect(),
        environment: env::vars().collect(),
        directory: fs::read_dir("/").ok().map(Iterator::count),
        file: fs::read("/etc/passwd").is_ok(),
        written: fs::write("/tmp/nosy", "I was here").is_ok(),
        connected: connects(input.port),
        seconds: SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)?
            .as_secs(),
    })
}

#[cfg(not(target_env = "p2"))]
fn connects(port: u16) -> bool {
    std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
}

/// The C library for WASI that Debian has is older than the sockets of Rust for WASI 0.2, so this would not link there.
#[cfg(target_env = "p2")]
fn connects(_port: u16) -> bool {
    false
}
