//! `lockstep serve`: the HTTP API, until a signal ends it.

mod restoring;

use std::error::Error;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use tokio::net::TcpListener;

use lockstep_runner::{ManageError, Thing, Token, TokenRequest};
use lockstep_server::{Ended, Patience, RestoreEnd, ServerConfig, Tls, ToRestore};
use lockstep_step::{Role, TokenName, WorkspaceName};

use self::restoring::put_in_place;
use super::token::shown;
use crate::capacity::Capacity;
use crate::config::Config;
use crate::console::{Answer, Console, Paint};
use crate::host::{Host, Keys};
use crate::problem::{Exit, Problem};
use crate::process;
use crate::quantity;
use crate::signals::{Asked, Signals};

const EXAMPLES: &str = "\
Examples:
  lockstep serve
  lockstep serve --listen 127.0.0.1:8080 --runs 16
  lockstep serve --listen 0.0.0.0:7443 --tls-cert chain.pem --tls-key key.pem

The first start makes a token with the role `admin` for the workspace `default` and prints it once; `lockstep token create` \
makes more. SIGTERM and Ctrl-C end the server: it takes no more calls, and waits for runs as long as `--drain` says. With TLS, SIGHUP has \
it read the certificate and its key again; without, it ends the server.
What there is to call is told by `GET /docs` in a browser, and by `GET /openapi.json`.";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ServeArguments {
    /// Where to listen. Beyond this machine that takes TLS, or `--insecure-http`.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7070")]
    listen: SocketAddr,
    /// Certificate for TLS, in PEM, with those behind it that lead to its authority.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Its key, in PEM: a file that only its owner can read.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Listen beyond this machine without TLS: whoever is on the way reads tokens and values, unless a proxy with TLS is
    /// in front and the way from there is safe.
    #[arg(long, conflicts_with = "tls_cert")]
    insecure_http: bool,
    #[command(flatten)]
    capacity: Capacity,
    /// How long runs may take to end by themselves when the server is told to end, before they are cancelled.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = quantity::time)]
    drain: Duration,
    /// Connections at the same time; more are refused.
    #[arg(long, value_name = "NUMBER", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..=65536))]
    connections: u32,
    /// Of these, from one address, or one /64 network of IPv6. Connections from this machine only count together.
    #[arg(long, value_name = "NUMBER", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=65536))]
    connections_per_peer: u32,
    /// How long a client may take for a handshake or the head of a request, and how long it may stop while it sends a body
    /// or takes an answer.
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = quantity::time)]
    client_timeout: Duration,
    /// How long a connection is kept on which nothing is asked.
    #[arg(long, value_name = "TIME", default_value = "75s", value_parser = quantity::time)]
    idle_timeout: Duration,
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
    let tls = arguments.tls()?;
    arguments.check_reach(tls.as_ref())?;
    let mut signals = Signals::listen()?;
    process::allow_open_files(arguments.connections, console);
    let mut host = open(&arguments, config, console).await?;
    let mut listener = listen(arguments.listen).await?;
    let address = listener.local_addr()?;
    if arguments.insecure_http && !address.ip().is_loopback() {
        console.warn(&format!(
            "tokens and values come to `{address}` in the clear: put a proxy with TLS in front of it"
        ));
    }
    let scheme = if tls.is_some() { "https" } else { "http" };
    let url = format!("{scheme}://{address}");
    show_start(&host, &url, console).await?;
    let mut restored = None;
    loop {
        let serving = arguments.serving(tls.clone(), restored.take());
        let shutdown = ended(&mut signals, tls.clone(), console);
        let ToRestore {
            listener: kept,
            asked_at,
            backup,
        } = match lockstep_server::serve(listener, host.runner, serving, shutdown).await? {
            Ended::Stopped => return Ok(Exit::Completed),
            Ended::ToRestore(to_restore) => *to_restore,
        };
        listener = kept;
        let result = put_in_place(backup, console).await;
        let is_new = result.is_ok();
        restored = Some(RestoreEnd { asked_at, result });
        host = open(&arguments, config, console).await?;
        if is_new {
            show_start_again(&host, &url, console).await?;
        }
    }
}

async fn open(
    arguments: &ServeArguments,
    config: &Config,
    console: &Console,
) -> Result<Host, Problem> {
    let host = Host::with_capacity(config, Keys::Serving, arguments.capacity, console).await?;
    host.runner.warm();
    Ok(host)
}

async fn show_start(host: &Host, url: &str, console: &Console) -> Result<(), Problem> {
    let token = first_token(host).await?;
    console.show(&Started {
        listening: url.to_owned(),
        admin_token: token.as_ref().map(shown),
    })?;
    Ok(())
}

/// A backup may have no token with which to begin.
async fn show_start_again(host: &Host, url: &str, console: &Console) -> Result<(), Problem> {
    if let Some(token) = first_token(host).await? {
        console.show(&Started {
            listening: url.to_owned(),
            admin_token: Some(shown(&token)),
        })?;
    }
    Ok(())
}

impl ServeArguments {
    fn serving(&self, tls: Option<Tls>, restored: Option<RestoreEnd>) -> ServerConfig {
        ServerConfig {
            drain: self.drain,
            connections: self.connections,
            connections_per_peer: self.connections_per_peer,
            patience: Patience {
                client: self.client_timeout,
                idle: self.idle_timeout,
            },
            tls,
            restored,
        }
    }

    fn tls(&self) -> Result<Option<Tls>, Problem> {
        let (Some(certificate), Some(key)) = (&self.tls_cert, &self.tls_key) else {
            return Ok(None);
        };
        let tls = Tls::read(certificate, key).map_err(|error| {
            let problem = Problem::new(Exit::Usage, "tls", error.to_string());
            problem.because(error.source()).hint(error.hint())
        })?;
        Ok(Some(tls))
    }

    /// A token is all that it takes to be an admin: it is not sent in the clear because somebody forgot something.
    fn check_reach(&self, tls: Option<&Tls>) -> Result<(), Problem> {
        let is_safe = tls.is_some() || self.insecure_http || self.listen.ip().is_loopback();
        if is_safe {
            return Ok(());
        }
        let listen = self.listen;
        let what = format!("without TLS, tokens and values would come to `{listen}` in the clear");
        let hint = "give `--tls-cert` and `--tls-key`, or `--insecure-http` if a proxy with TLS is in front";
        Err(Problem::new(Exit::Usage, "no_tls", what).hint(hint))
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Problem> {
    TcpListener::bind(address).await.map_err(|error| {
        let what = format!("cannot listen on `{address}`");
        Problem::new(Exit::Usage, "listen", what)
            .because(Some(&error))
            .hint("name another address or port with `--listen`")
    })
}

/// Waits for the signal that ends the server. The one that a terminal sends when it is closed, and an administrator when a
/// certificate was renewed, is taken for the latter where there is a certificate.
async fn ended(signals: &mut Signals, tls: Option<Tls>, console: &Console) {
    loop {
        match (signals.next().await, &tls) {
            (Asked::ToHangUp, Some(tls)) => match tls.read_again() {
                Ok(()) => console.note("the certificate was read again"),
                Err(error) => {
                    let why = with_causes(&error);
                    console.warn(&format!("the certificate of before is still shown: {why}"));
                    console.hint(error.hint());
                }
            },
            (Asked::ToEnd | Asked::ToHangUp, _) => return,
        }
    }
}

fn with_causes(error: &dyn Error) -> String {
    let mut told = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        told = format!("{told}: {cause}");
        next = cause.source();
    }
    told
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
        role: Some(Role::Admin),
        member: None,
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
        writeln!(
            out,
            "listening on {0}; {0}/docs tells what there is to call",
            self.listening
        )?;
        if let Some(token) = self.admin_token {
            writeln!(out, "admin token, shown this once: {token}")?;
        }
        Ok(())
    }
}
