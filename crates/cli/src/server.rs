//! The server that commands speak to, if one is named: its address, the token, and whom it is trusted by.

use std::fs;
use std::path::PathBuf;

use clap::Args;

use lockstep_client::{Client, ClientConfig, InTheClear, InvalidAddress, ServerAddress};
use lockstep_secret::Secret;

use crate::problem::{Exit, Problem};

/// What is said of a server: on the command line, or in the environment. The token is said in the environment alone.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "A server, in place of this machine")]
pub(crate) struct ServerArguments {
    /// Speak to the host behind this server, such as `https://lockstep.example.com` [env: LOCKSTEP_URL]. The token is in
    /// `LOCKSTEP_TOKEN`.
    #[arg(id = "server_url", long = "url", global = true, value_name = "URL", conflicts_with_all = ["data", "key_file"])]
    url: Option<String>,
    /// A PEM file with the authorities that the server's certificate may be of, instead of those of the platform
    /// [env: LOCKSTEP_CA].
    #[arg(long, global = true, hide_short_help = true, value_name = "PATH")]
    ca: Option<PathBuf>,
    /// Speak to a server on another machine without TLS, where anybody between reads token and values
    /// [env: LOCKSTEP_ALLOW_HTTP=1].
    #[arg(long, global = true, hide_short_help = true)]
    allow_http: bool,
}

/// What the environment says of a server.
#[derive(Default)]
pub(crate) struct ServerEnvironment {
    /// `LOCKSTEP_URL`.
    pub(crate) url: Option<String>,
    /// `LOCKSTEP_TOKEN`.
    pub(crate) token: Option<Secret>,
    /// `LOCKSTEP_CA`.
    pub(crate) ca: Option<PathBuf>,
    /// `LOCKSTEP_ALLOW_HTTP`.
    pub(crate) allow_http: bool,
}

/// A server to speak to.
pub(crate) struct Server {
    pub(crate) address: ServerAddress,
    /// Who said so: an option or a variable.
    pub(crate) said_by: &'static str,
    clear: InTheClear,
    token: Secret,
    roots: Option<(PathBuf, Vec<u8>)>,
}

impl ServerArguments {
    /// Whether the command line names a server.
    pub(crate) fn is_given(&self) -> bool {
        self.url.is_some()
    }

    /// The server that is named, the command line before the environment. `None`: the host is on this machine.
    pub(crate) fn server(self, environment: ServerEnvironment) -> Result<Option<Server>, Problem> {
        let (said_by, url) = match (self.url, environment.url) {
            (Some(url), _) => ("--url", url),
            (None, Some(url)) => ("LOCKSTEP_URL", url),
            (None, None) => return Ok(None),
        };
        let clear = if self.allow_http || environment.allow_http {
            InTheClear::Anywhere
        } else {
            InTheClear::Loopback
        };
        let parsed = url.parse::<ServerAddress>();
        let address = parsed
            .and_then(|address| address.checked(clear))
            .map_err(|error| refused(said_by, error))?;
        let token = environment.token.ok_or_else(no_token)?;
        let roots = match self.ca.or(environment.ca) {
            Some(path) => Some((path.clone(), read(&path)?)),
            None => None,
        };
        Ok(Some(Server {
            address,
            said_by,
            clear,
            token,
            roots,
        }))
    }
}

impl Server {
    /// A client of it.
    pub(crate) fn client(&self) -> Result<Client, Problem> {
        let client = Client::new(ClientConfig {
            server: self.address.clone(),
            clear: self.clear,
            token: &self.token,
            roots: self.roots.as_ref().map(|(_, pem)| pem.as_slice()),
        });
        client.map_err(|error| match (&error, &self.roots) {
            (lockstep_client::ClientError::Roots(reason), Some((path, _))) => {
                let message = format!("cannot trust `{}`", path.display());
                Problem::new(Exit::Usage, "server_roots", message).because(Some(reason))
            }
            _ => error.into(),
        })
    }
}

fn refused(said_by: &str, error: InvalidAddress) -> Problem {
    let message = format!("`{said_by}` names no server that can be spoken to: {error}");
    let problem = Problem::new(Exit::Usage, "server_address", message);
    match error {
        InvalidAddress::InTheClear => problem.hint(
            "use `https`, or a tunnel to this machine; `--allow-http` is for a network that nobody else is on",
        ),
        InvalidAddress::User => problem.hint("put the token into `LOCKSTEP_TOKEN`"),
        InvalidAddress::Form | InvalidAddress::Scheme | InvalidAddress::Query => problem,
    }
}

fn no_token() -> Problem {
    Problem::new(
        Exit::Usage,
        "no_token",
        "a server is named, and there is no token for it",
    )
    .hint("put the token into `LOCKSTEP_TOKEN`; `lockstep token create` makes one")
}

fn read(path: &std::path::Path) -> Result<Vec<u8>, Problem> {
    fs::read(path).map_err(|error| {
        let message = format!("cannot read the certificates in `{}`", path.display());
        Problem::new(Exit::Usage, "server_roots", message).because(Some(&error))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(url: &str) -> ServerEnvironment {
        ServerEnvironment {
            url: Some(url.to_owned()),
            token: Some(Secret::new("lsk_x".to_owned())),
            ..ServerEnvironment::default()
        }
    }

    fn address(line: Option<&str>, environment: ServerEnvironment) -> Result<String, String> {
        let line = ServerArguments {
            url: line.map(str::to_owned),
            ..ServerArguments::default()
        };
        let server = line.server(environment);
        let told =
            |server: Option<Server>| server.map_or("none".to_owned(), |it| it.address.to_string());
        server.map(told).map_err(|problem| problem.message)
    }

    #[test]
    fn the_command_line_stands_before_the_environment() {
        let variable = || environment("https://variable.test");
        assert_eq!(address(None, variable()).unwrap(), "https://variable.test");
        let line = Some("https://line.test");
        assert_eq!(address(line, variable()).unwrap(), "https://line.test");
        assert_eq!(address(None, ServerEnvironment::default()).unwrap(), "none");
    }

    #[test]
    fn a_server_without_a_token_or_over_the_network_in_the_clear_is_refused() {
        let tokenless = ServerEnvironment {
            token: None,
            ..environment("https://a.test")
        };
        let told = address(None, tokenless).unwrap_err();
        assert_eq!(told, "a server is named, and there is no token for it");
        let told = address(None, environment("http://a.test")).unwrap_err();
        assert!(told.starts_with("`LOCKSTEP_URL` names no server"), "{told}");
        let allowed = ServerEnvironment {
            allow_http: true,
            ..environment("http://a.test")
        };
        assert_eq!(address(None, allowed).unwrap(), "http://a.test");
    }

    #[test]
    fn a_token_in_the_url_is_refused_and_not_repeated() {
        for url in [
            "https://lsk_s3cret@a.test",
            "https://a.test?token=lsk_s3cret",
        ] {
            let told = address(Some(url), environment(url)).unwrap_err();
            assert!(!told.contains("s3cret"), "{told}");
        }
    }
}
