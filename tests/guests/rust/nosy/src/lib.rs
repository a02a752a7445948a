//! Looks for everything that a sandbox should not give. The output is what it found.

use std::{env, fs, net::TcpStream, time::SystemTime};

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
        connected: TcpStream::connect(("127.0.0.1", input.port)).is_ok(),
        seconds: SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)?
            .as_secs(),
    })
}
