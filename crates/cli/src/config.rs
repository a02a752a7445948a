//! What the environment says. It is read here and nowhere else.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lockstep_runner::Traces;
use lockstep_sandbox::EgressConfig;
use lockstep_secret::Secret;

use crate::arguments::Places;
use crate::operator::Reaching;
use crate::problem::Problem;
use crate::server::{Server, ServerArguments, ServerEnvironment};

/// What the environment says, as it says it.
pub(crate) struct Environment {
    /// `LOCKSTEP_DATA`.
    data: Option<PathBuf>,
    /// `LOCKSTEP_KEY_FILE`.
    key_file: Option<PathBuf>,
    /// `LOCKSTEP_KEY`: the text of a key.
    key: Option<Secret>,
    /// `LOCKSTEP_EGRESS` and its like.
    reaching: Reaching,
    /// `LOCKSTEP_URL` and its like.
    server: ServerEnvironment,
    /// `LOCKSTEP_LOG`: what of the traces is told.
    pub(crate) trace_filter: Option<String>,
    /// What joins spans to traces, if the variables of OpenTelemetry ask for any: `telemetry` reads these.
    pub(crate) traces: Option<Arc<dyn Traces>>,
    /// `NO_COLOR` (no-color.org): set and not empty.
    pub(crate) no_color: bool,
    user: Option<String>,
    data_home: Option<PathBuf>,
    config_home: Option<PathBuf>,
    home: Option<PathBuf>,
}

/// Where everything is.
pub(crate) struct Config {
    /// The data directory.
    pub(crate) data: PathBuf,
    /// Where the key-encryption keys come from.
    pub(crate) key: KeySource,
    /// What requests may reach.
    pub(crate) egress: EgressConfig,
    /// What joins spans to the traces of others.
    pub(crate) traces: Option<Arc<dyn Traces>>,
    /// How the record names whoever is at the terminal.
    pub(crate) caller: String,
    /// The server that commands speak to; `None`: the host is on this machine.
    pub(crate) server: Option<Server>,
}

/// Where the key-encryption keys come from.
pub(crate) enum KeySource {
    /// The text of a key, from `LOCKSTEP_KEY`.
    Text(Secret),
    /// A key file.
    File(PathBuf),
}

// === impl Config ===

impl Config {
    /// The key file, if the keys come from one.
    pub(crate) fn key_file(&self) -> Option<&Path> {
        match &self.key {
            KeySource::File(path) => Some(path),
            KeySource::Text(_) => None,
        }
    }
}

// === impl Environment ===

impl Environment {
    pub(crate) fn read() -> Self {
        let text = |name| env::var_os(name).filter(|value| !value.is_empty());
        let path = |name| text(name).map(PathBuf::from);
        // The specification of base directories: what is not absolute is as if it were not there.
        let base = |name| path(name).filter(|path| path.is_absolute());
        Self {
            data: path("LOCKSTEP_DATA"),
            key_file: path("LOCKSTEP_KEY_FILE"),
            // An empty one is kept, to be refused: it is a secret that someone failed to hand over.
            // One that is not UTF-8 is no key either.
            key: env::var_os("LOCKSTEP_KEY")
                .map(|text| Secret::new(text.into_string().unwrap_or_default())),
            // What is not UTF-8 cannot be read, and is refused with what is left of it.
            reaching: Reaching::of_environment(|name| {
                text(name).map(|value| value.to_string_lossy().into_owned())
            }),
            server: ServerEnvironment {
                // What is not UTF-8 is refused with what is left of it.
                url: text("LOCKSTEP_URL").map(|url| url.to_string_lossy().into_owned()),
                token: text("LOCKSTEP_TOKEN")
                    .map(|token| Secret::new(token.into_string().unwrap_or_default())),
                ca: path("LOCKSTEP_CA"),
                allow_http: text("LOCKSTEP_ALLOW_HTTP").is_some_and(|word| word == "1"),
            },
            trace_filter: text("LOCKSTEP_LOG").map(|text| text.to_string_lossy().into_owned()),
            traces: None,
            no_color: text("NO_COLOR").is_some(),
            user: text("USER")
                .or_else(|| text("LOGNAME"))
                .and_then(|name| name.into_string().ok()),
            data_home: base("XDG_DATA_HOME"),
            config_home: base("XDG_CONFIG_HOME"),
            home: base("HOME"),
        }
    }

    /// The same, for what speaks to no server whatever the environment says.
    pub(crate) fn without_server(self) -> Self {
        Self {
            server: ServerEnvironment::default(),
            ..self
        }
    }

    /// Where everything is, the command line before the environment before the defaults.
    pub(crate) fn config(
        self,
        places: Places,
        reaching: &Reaching,
        server: ServerArguments,
    ) -> Result<Config, Problem> {
        // Who names a place on this machine, on the command line, means a host on this machine.
        let is_here = places.data.is_some() || places.key_file.is_some();
        let server = if is_here {
            None
        } else {
            server.server(self.server)?
        };
        let data_home = self
            .data_home
            .or_else(|| below(self.home.as_deref(), ".local/share"));
        let config_home = self
            .config_home
            .or_else(|| below(self.home.as_deref(), ".config"));
        let data = places
            .data
            .or(self.data)
            .or_else(|| below(data_home.as_deref(), "lockstep"));
        let data = data.ok_or_else(|| no_default("data directory", "`--data DIR`"))?;
        let key = match (self.key, places.key_file.or(self.key_file)) {
            (Some(_), Some(_)) => return Err(two_keys()),
            (Some(text), None) => KeySource::Text(text),
            (None, Some(path)) => KeySource::File(path),
            (None, None) => KeySource::File(
                below(config_home.as_deref(), "lockstep/key")
                    .ok_or_else(|| no_default("key file", "`--key-file PATH`"))?,
            ),
        };
        let user = self
            .user
            .unwrap_or_else(|| rustix::process::getuid().as_raw().to_string());
        Ok(Config {
            data,
            key,
            egress: reaching.egress(&self.reaching)?,
            traces: self.traces,
            caller: format!("cli:{user}"),
            server,
        })
    }
}

fn below(base: Option<&Path>, path: &str) -> Option<PathBuf> {
    base.map(|base| base.join(path))
}

fn no_default(what: &str, option: &str) -> Problem {
    Problem::usage(format!(
        "there is no default for the {what}: `HOME` is not set"
    ))
    .hint(format!("give {option}"))
}

fn two_keys() -> Problem {
    Problem::usage(
        "both `LOCKSTEP_KEY` and a key file are given, and only one of them can be meant",
    )
    .hint("unset `LOCKSTEP_KEY`, or leave out `--key-file` and `LOCKSTEP_KEY_FILE`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> Environment {
        Environment {
            data: None,
            key_file: None,
            key: None,
            reaching: Reaching::default(),
            server: ServerEnvironment::default(),
            trace_filter: None,
            traces: None,
            no_color: false,
            user: Some("alice".to_owned()),
            data_home: None,
            config_home: None,
            home: Some("/home/alice".into()),
        }
    }

    fn places(data: Option<&str>, key_file: Option<&str>) -> Places {
        Places {
            data: data.map(PathBuf::from),
            key_file: key_file.map(PathBuf::from),
        }
    }

    /// `Ok` with the data directory and the key file, which is `None` for `LOCKSTEP_KEY`.
    #[track_caller]
    fn check(
        environment: Environment,
        places: Places,
        expected: Result<(&str, Option<&str>), &str>,
    ) {
        let config = environment
            .config(places, &Reaching::default(), ServerArguments::default())
            .map_err(|problem| problem.message);
        let told = config.as_ref().map(|config| match &config.key {
            KeySource::Text(_) => (config.data.as_path(), None),
            KeySource::File(path) => (config.data.as_path(), Some(path.as_path())),
        });
        let expected = expected.map(|(data, key)| (Path::new(data), key.map(Path::new)));
        assert_eq!(told.map_err(String::as_str), expected);
    }

    #[test]
    fn the_defaults_are_those_of_the_base_directories() {
        let of_home = (
            "/home/alice/.local/share/lockstep",
            Some("/home/alice/.config/lockstep/key"),
        );
        check(environment(), places(None, None), Ok(of_home));
        let moved = Environment {
            data_home: Some("/d".into()),
            config_home: Some("/c".into()),
            ..environment()
        };
        check(
            moved,
            places(None, None),
            Ok(("/d/lockstep", Some("/c/lockstep/key"))),
        );
        let homeless = Environment {
            home: None,
            ..environment()
        };
        let refused = Err("there is no default for the data directory: `HOME` is not set");
        check(homeless, places(None, None), refused);
    }

    #[test]
    fn the_command_line_stands_before_the_environment() {
        let set = || Environment {
            data: Some("/env".into()),
            key_file: Some("/env-key".into()),
            ..environment()
        };
        check(set(), places(None, None), Ok(("/env", Some("/env-key"))));
        check(
            set(),
            places(Some("/line"), Some("/line-key")),
            Ok(("/line", Some("/line-key"))),
        );
    }

    #[test]
    fn a_key_in_the_environment_stands_before_the_default_file_and_beside_no_other() {
        let keyed = || Environment {
            key: Some(Secret::new("k".to_owned())),
            ..environment()
        };
        let data = "/home/alice/.local/share/lockstep";
        check(keyed(), places(None, None), Ok((data, None)));
        let refused =
            "both `LOCKSTEP_KEY` and a key file are given, and only one of them can be meant";
        check(keyed(), places(None, Some("/line-key")), Err(refused));
        let twice = Environment {
            key_file: Some("/env-key".into()),
            ..keyed()
        };
        check(twice, places(None, None), Err(refused));
    }
}
