//! Makes requests, and whatever else `wasi:http` lets a step try. The output is what came of it.
//!
//! ```json
//! {"send": {"url": "https://api.test/", "headers": [["authorization", "Bearer @TOKEN@"]]}}
//! ```
//! `@KEY@` in a URL, a header or a body stands for the credential of that key.

mod credentials;
mod hoard;
mod send;
mod sockets;
mod unfinished;

use lockstep_step::Failure;
use serde::{Deserialize, Serialize};

use hoard::Hoard;
use send::Send;
use unfinished::Unfinished;

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Input {
    /// Sends a request with the crate `wstd`.
    Send(Send),
    /// Sends these side by side.
    SendAll(Vec<Send>),
    /// Lets go of a request in the middle of its body.
    Unfinished(Unfinished),
    /// Makes the host hold something.
    Hoard(Hoard),
    /// Opens a socket to this port of the host's loopback.
    Connect(u16),
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Output {
    Answer(send::Answer),
    Answers(Vec<send::Answer>),
    Error(String),
    Held(u64),
}

#[lockstep_step::step]
fn run(input: Input) -> Result<Output, Failure> {
    Ok(match input {
        Input::Send(request) => Output::Answer(send::send(request)?),
        Input::SendAll(requests) => Output::Answers(send::all(requests)?),
        Input::Unfinished(request) => Output::Error(unfinished::send(request)?),
        Input::Hoard(hoard) => Output::Held(hoard.hold()?),
        Input::Connect(port) => Output::Error(sockets::tried(port)),
    })
}
