//! The HTTP API, held to its own document by schemathesis: a server as a process, and requests that are made from what
//! `/openapi.json` says of each.

use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    process::{Child, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use crate::{
    process::{cargo, command, root, run, run_within},
    python::Environment,
};

/// The settings and the version of schemathesis.
const FOLDER: &str = "tests/api";
const ENVIRONMENT: Environment = Environment {
    folder: FOLDER,
    place: "target/api/venv",
    oldest: 11,
};
/// The data directory of the server, made anew for each time, and beside it its key.
const DATA: &str = "target/api/data";
const KEY: &str = "target/api/key";

/// Requests are made for so long.
const SECONDS: &str = "90";
/// All of it ends within this: what is made last has its time, too.
const PATIENCE: Duration = Duration::from_secs(180);

/// A server, until it is dropped.
struct Server {
    process: Child,
    url: String,
    token: String,
}

/// Holds the API to its document.
pub(crate) fn test() -> Result<()> {
    let schemathesis = ENVIRONMENT.program("schemathesis")?;
    run(cargo("").args(["build", "--workspace", "--bin", "lockstep"]))?;
    let server = Server::start()?;
    let document = format!("{}/openapi.json", server.url);
    run_within(
        PATIENCE,
        command(schemathesis, FOLDER)
            .env("LOCKSTEP_TOKEN", &server.token)
            .args(["--config-file", "schemathesis.toml", "run", &document])
            .args(["--max-time", SECONDS, "--no-color"]),
    )
}

impl Server {
    fn start() -> Result<Self> {
        let data = root().join(DATA);
        if data.exists() {
            fs::remove_dir_all(&data)?;
        }
        // Cargo has built it beside this program.
        let this = env::current_exe().context("cannot tell where this program is")?;
        let mut process = command(this.with_file_name("lockstep"), "")
            .env("LOCKSTEP_DATA", data)
            .env("LOCKSTEP_KEY_FILE", root().join(KEY))
            .args(["serve", "--listen", "127.0.0.1:0", "--json"])
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start `lockstep serve`")?;
        let mut started = String::new();
        if let Some(stdout) = process.stdout.take() {
            BufReader::new(stdout).read_line(&mut started)?;
        }
        let field = |name: &str| {
            let (_, rest) = started.split_once(&format!("\"{name}\":\""))?;
            Some(rest.split('"').next()?.to_owned())
        };
        let server = Self {
            url: field("listening").unwrap_or_default(),
            token: field("admin_token").unwrap_or_default(),
            process,
        };
        let has_both = !server.url.is_empty() && !server.token.is_empty();
        ensure!(has_both, "`lockstep serve` did not start: {started}");
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
