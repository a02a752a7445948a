//! `lockstep serve`, run as a process on the data directory of a test's host, and a client that says exactly what a test
//! wants it to say.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use lockstep_runner::TokenRequest;
use lockstep_step::{Role, WorkspaceName};

use crate::command::{Finished, finish, lockstep_binary};
use crate::host::TestHost;
use crate::scripts::fill_cache;

/// Nothing that a test asks takes longer, and a test that hangs is to say where.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that runs. It is killed when it is dropped; [`Served::end`] asks it to end.
pub struct Served<'a> {
    host: &'a TestHost,
    process: Child,
    address: SocketAddr,
    log: PathBuf,
    /// The token that it showed when it started.
    pub first_token: Option<String>,
}

/// What the server answered.
#[derive(Debug)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Status line and headers, as they came.
    pub head: String,
    /// The body.
    pub body: Vec<u8>,
}

impl<'a> Served<'a> {
    /// Starts a server with these arguments besides, which traces all that it does.
    pub async fn start(host: &'a TestHost, arguments: &[&str]) -> Self {
        Self::start_in(host, &[], arguments).await
    }

    /// The same with these variables in its environment.
    pub async fn start_in(
        host: &'a TestHost,
        environment: &[(&str, String)],
        arguments: &[&str],
    ) -> Self {
        fill_cache(&host.data().join("cache")).await;
        let log = host.scratch().join("serve.log");
        let mut command = Command::new(lockstep_binary());
        let mut process = host
            .places(&mut command)
            .env("LOCKSTEP_LOG", "trace")
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .args(["serve", "--listen", "127.0.0.1:0", "--json"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let started: Value = serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("{line}{}", fs::read_to_string(&log).unwrap()));
        let address = started["listening"].as_str().unwrap();
        let first_token = started["admin_token"].as_str().map(str::to_owned);
        // It is shown once: whatever comes from now on may not have it.
        if let Some(token) = &first_token {
            host.guard(token);
        }
        Self {
            host,
            process,
            address: address.split_once("://").unwrap().1.parse().unwrap(),
            log,
            first_token,
        }
    }

    /// Asks for something and waits for the answer, which may hold no canary.
    pub fn ask(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: (&str, &[u8]),
    ) -> Answer {
        self.ask_with("", (method, path, token), body)
    }

    /// Asks for something, with these lines in the head besides.
    pub fn ask_with(
        &self,
        lines: &str,
        (method, path, token): (&str, &str, Option<&str>),
        (kind, body): (&str, &[u8]),
    ) -> Answer {
        let length = body.len();
        let head = format!("Content-Type: {kind}\r\nContent-Length: {length}\r\n{lines}");
        let mut connection = self.say(method, path, token, &head, body);
        self.hear(&mut connection)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A connection on which nothing was said.
    #[must_use]
    pub fn connect(&self) -> TcpStream {
        let connection = TcpStream::connect(self.address).unwrap();
        connection.set_read_timeout(Some(PATIENCE)).unwrap();
        connection
    }

    /// Says something, and leaves the connection to the test.
    pub fn say(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        head: &str,
        body: &[u8],
    ) -> TcpStream {
        let mut connection = self.connect();
        let token = token.map_or_else(String::new, |token| {
            format!("Authorization: Bearer {token}\r\n")
        });
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{token}{head}\r\n",
            self.address
        );
        connection.write_all(head.as_bytes()).unwrap();
        // Who refuses a body does not read it: then there is nobody to write to.
        drop(connection.write_all(body));
        connection
    }

    /// Waits for an answer.
    pub fn hear(&self, connection: &mut TcpStream) -> Answer {
        let mut heard = Vec::new();
        // Who refuses a body resets the connection behind its answer.
        let end = connection.read_to_end(&mut heard);
        let text = String::from_utf8_lossy(&heard);
        let head = text.split("\r\n\r\n").next().unwrap().to_owned();
        assert!(heard.len() > head.len(), "no answer: {end:?} {text}");
        let mut body = heard[head.len() + 4..].to_vec();
        self.host.leaves("an answer of the server", &heard);
        if head.contains("\r\ntransfer-encoding: chunked") {
            body = put_together(&body);
            self.host.leaves("a body of the server", &body);
        }
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head, body }
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Runs `lockstep` against this server with this token, on a machine that has no host of its own.
    pub fn lockstep_with<A: AsRef<OsStr>>(
        &self,
        token: &str,
        stdin: &str,
        arguments: &[A],
    ) -> Finished {
        let home = self.host.scratch().join("elsewhere");
        let finished = finish(self.command(token).args(arguments), stdin);
        self.host
            .leaves("stdout of a command elsewhere", finished.stdout.as_bytes());
        self.host
            .leaves("stderr of a command elsewhere", finished.stderr.as_bytes());
        let left_behind = fs::read_dir(&home).unwrap().count();
        assert_eq!(left_behind, 0, "a command on a server leaves files behind");
        finished
    }

    /// `lockstep` as it is called against this server.
    #[must_use]
    pub fn command(&self, token: &str) -> Command {
        let home = self.host.scratch().join("elsewhere");
        fs::create_dir_all(&home).unwrap();
        let mut command = Command::new(lockstep_binary());
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", &home)
            .env("LOCKSTEP_URL", self.url())
            .env("LOCKSTEP_TOKEN", token);
        command
    }

    /// As [`Served::lockstep_with`], with nothing on stdin.
    pub fn lockstep<A: AsRef<OsStr>>(&self, token: &str, arguments: &[A]) -> Finished {
        self.lockstep_with(token, "", arguments)
    }

    /// What it has traced so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// What it has in memory, in bytes.
    #[must_use]
    pub fn resident_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kib: u64 = line
            .unwrap()
            .split_whitespace()
            .nth(1)
            .unwrap()
            .parse()
            .unwrap();
        kib << 10
    }

    /// Asks it to end, and does not wait.
    pub fn ask_to_end(&self) {
        self.signal(Signal::TERM);
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.process)
    }

    /// Asks it to end, and gives its exit code.
    pub fn end(mut self) -> Option<i32> {
        self.ask_to_end();
        self.process.wait().unwrap().code()
    }
}

impl Drop for Served<'_> {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
        let log = fs::read(&self.log).unwrap_or_default();
        self.host.leaves("the log of the server", &log);
    }
}

impl Answer {
    /// The body, as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("no JSON ({error}) in {self:?}"))
    }

    /// Fails unless the status is this one.
    pub fn is(self, status: u16) -> Self {
        let body = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status, status, "{}\n{body}", self.head);
        self
    }

    /// Fails unless it is a problem of this status and code.
    pub fn is_problem(self, status: u16, code: &str) -> Value {
        let answer = self.is(status);
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
        let problem = answer.json();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status);
        problem
    }

    /// A header; the name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1);
        lines.find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

impl TestHost {
    /// A token of the workspace `default`, named after its role. It is a canary from now on.
    pub async fn token(&self, role: Role) -> String {
        self.token_in(WorkspaceName::default_name(), role).await
    }

    /// A token of a workspace.
    #[expect(
        clippy::disallowed_methods,
        reason = "the test shows the token, as a client would"
    )]
    pub async fn token_in(&self, workspace: WorkspaceName, role: Role) -> String {
        let request = TokenRequest {
            name: role.as_str().parse().unwrap(),
            role: Some(role),
            member: None,
            expires_at: None,
        };
        let made = self.runner.create_token(&self.admin, &workspace, request);
        let token = made.await.unwrap().expose().to_owned();
        self.guard(&token);
        token
    }
}

/// What came in chunks (RFC 9112, section 7.1), to the last one.
fn put_together(mut chunks: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = chunks.windows(2).position(|it| it == b"\r\n").unwrap();
        let length = std::str::from_utf8(&chunks[..end]).unwrap();
        let length = usize::from_str_radix(length, 16).unwrap();
        if length == 0 {
            return body;
        }
        let chunk = &chunks[end + 2..];
        body.extend_from_slice(&chunk[..length]);
        chunks = &chunk[length + 2..];
    }
}
