//! Where the host is that a command speaks to: on this machine, or behind a server.
//!
//! Commands call [`Backend`] and are written once. On this machine it asks the runner, and elsewhere the client of the
//! HTTP API, whose answers it turns into what the runner would have answered.

mod answers;
mod audit;
mod checked;
mod credentials;
mod failing;
mod keys;
mod runs;
mod steps;
mod tokens;
mod workspaces;

use lockstep_client::Client;
use lockstep_runner::StepSource;
use lockstep_sandbox::SourceKind;

use crate::config::Config;
use crate::console::Console;
use crate::host::{Host, Keys};
use crate::problem::Problem;

pub(crate) use checked::CheckedChain;
pub(crate) use keys::{HostKeys, KeysRewrapped};
pub(crate) use runs::{Finished, Wanted};

/// The host that a command speaks to.
pub(crate) enum Backend {
    /// On this machine, in the data directory.
    Here(Box<Host>),
    /// Behind the server of `LOCKSTEP_URL`.
    There(Box<Client>),
}

impl Backend {
    /// The host that the configuration names. `keys` is for one on this machine: a server has its own.
    pub(crate) async fn open(
        config: &Config,
        keys: Keys,
        console: &Console,
    ) -> Result<Self, Problem> {
        match &config.server {
            Some(server) => Ok(Self::There(Box::new(server.client()?))),
            None => Ok(Self::Here(Box::new(
                Host::open(config, keys, console).await?,
            ))),
        }
    }

    /// The same, to run this.
    pub(crate) async fn open_to_run(
        step: &StepSource,
        config: &Config,
        console: &Console,
    ) -> Result<Self, Problem> {
        match step {
            StepSource::Inline(file)
                if config.server.is_none() && file.kind != SourceKind::WebAssembly =>
            {
                let host = Host::for_script(config, console).await?;
                Ok(Self::Here(Box::new(host)))
            }
            StepSource::Inline(_) | StepSource::Registered(_) => {
                Self::open(config, Keys::Opening, console).await
            }
        }
    }

    /// Whether it is behind a server.
    pub(crate) fn is_there(&self) -> bool {
        matches!(self, Self::There(_))
    }
}
