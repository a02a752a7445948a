//! `lockstep serve`: the HTTP API, until a signal ends it.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use tokio::net::TcpListener;

use lockstep_runner::{ManageError, Thing, Token, TokenRequest};
use lockstep_server::ServerConfig;
use lockstep_step::{Role, TokenName, WorkspaceName};

use super::token::shown;
use crate::config::Config;
use crate::console::{Answer, Console, Paint};
use crate::host::{Host, Keys};
use crate::problem::{Exit, Problem};
use crate::quantity;
use crate::signals::Signals;

const EXAMPLES: &str = "\
Examples:
  lockstep serve
  lockstep serve --listen 127.0.0.1:8080 --runs 16

The first start makes a token with the role `admin` for the workspace `default` and prints it once; `lockstep token create` \
makes more. SIGTERM and Ctrl-C end the server: it takes no more calls, and waits for runs as long as `--drain` says.
What there is to call is told by `GET /openapi.json`.";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ServeArguments {
    /// Where to listen. There is no TLS: beyond this machine put a proxy that has it in front.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7070")]
    listen: SocketAddr,
    /// Runs at the same time; more wait.
    #[arg(long, value_name = "NUMBER", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=4096))]
    runs: u32,
    /// How long runs may take to end by themselves when the server is told to end, before they are cancelled.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = quantity::time)]
    drain: Duration,
}

/// Where the server is, and the token of its first start.
#[derive(Serialize)]
struct Started<'a> {
    listening: String,
    /// Null unless this is the first start.
    admin_token: Option<&'a str>,
}

pub(crate) async fn carry_out(
    arguments: ServeArguments,
    config: &Config,
    console: &Console,
) -> Result<Exit, Problem> {
    let ServeArguments {
        listen,
        runs,
        drain,
    } = arguments;
    let mut signals = Signals::listen()?;
    let host = Host::with_places(config, Keys::Serving, runs, console).await?;
    let listener = TcpListener::bind(listen).await.map_err(|error| {
        let problem = Problem::new(
            Exit::Usage,
            "listen",
            format!("cannot listen on `{listen}`"),
        );
        problem
            .because(Some(&error))
            .hint("name another address or port with `--listen`")
    })?;
    let address = listener.local_addr()?;
    if !address.ip().is_loopback() {
        console.warn(&format!(
            "tokens and values come to `{address}` in the clear: put a proxy with TLS in front of it"
        ));
    }
    let token = first_token(&host).await?;
    console.show(&Started {
        listening: format!("http://{address}"),
        admin_token: token.as_ref().map(shown),
    })?;
    drop(token);
    let config = ServerConfig { drain };
    let shutdown = async move { signals.next().await };
    lockstep_server::serve(listener, host.runner, config, shutdown).await?;
    Ok(Exit::Completed)
}

/// A token with which to begin, if the workspace `default` never had one.
async fn first_token(host: &Host) -> Result<Option<Token>, Problem> {
    let Host { runner, caller } = host;
    let workspace = WorkspaceName::default_name();
    if !runner.tokens(caller, &workspace).await?.is_empty() {
        return Ok(None);
    }
    let name: TokenName = "first"
        .parse()
        .map_err(|error| Problem::host("name", &error))?;
    let request = TokenRequest {
        name,
        role: Role::Admin,
        expires_at: None,
    };
    match runner.create_token(caller, &workspace, request).await {
        Ok(token) => Ok(Some(token)),
        // Another process started at the same moment, and has shown it.
        Err(ManageError::Exists(Thing::Token(_))) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl Answer for Started<'_> {
    fn text(&self, out: &mut dyn fmt::Write, _: Paint) -> fmt::Result {
        writeln!(out, "listening on {}", self.listening)?;
        if let Some(token) = self.admin_token {
            writeln!(out, "admin token, shown this once: {token}")?;
        }
        Ok(())
    }
}
