//! `lockstep audit`: what was changed and used, and whether the record of it is whole.

mod export;
mod head;
mod list;
mod verify;

use clap::{Args, Subcommand};
use jiff::Timestamp;

use lockstep_runner::{AuditAction, AuditChain};
use lockstep_step::{CredentialKey, RunId, WorkflowName, WorkspaceName};

use crate::config::Config;
use crate::console::Console;
use crate::problem::{Exit, Problem};

use verify::VerifyArguments;

const EXAMPLES: &str = "\
Examples:
  lockstep audit verify
  lockstep audit head --json > heads.json         keep this file elsewhere
  lockstep audit verify --heads heads.json        finds an older database that was put back, too
  lockstep audit export > audit.jsonl
  lockstep audit verify --file audit.jsonl        without a database or a server

Through a server (`LOCKSTEP_URL`) it is the server that checks. To check without trusting it, keep `audit head --workspace NAME \
--json` of before, have it `export` the chain, and check that with `--file` and `--heads`: seals and credentials cannot be checked \
so.

Exit codes: 0 nothing was found, 1 something was.";

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// List entries, the latest first.
    List(ListArguments),
    /// Write a whole chain to stdout, one line of JSON for each entry, in their order.
    Export {
        #[command(flatten)]
        place: InChain,
        /// Only entries after this one.
        #[arg(long, value_name = "NUMBER", default_value_t = 0)]
        after: u64,
    },
    /// Check that no entry was edited, removed, moved or cut off, and that the credentials are those that it speaks of.
    #[command(after_help = EXAMPLES)]
    Verify(VerifyArguments),
    /// Show where each chain ends. Kept elsewhere, `verify --heads` compares with it later.
    Head(ChainsArguments),
}

#[derive(Args, Debug)]
pub(crate) struct ListArguments {
    #[command(flatten)]
    place: InChain,
    /// Only of this credential.
    #[arg(long, value_name = "KEY")]
    key: Option<CredentialKey>,
    /// Only of this run.
    #[arg(long, value_name = "ID")]
    run: Option<RunId>,
    /// Only of this workflow.
    #[arg(long, value_name = "WORKFLOW")]
    workflow: Option<WorkflowName>,
    /// Only by this caller, such as `cli:alice`.
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// Only these, such as `credential.used`.
    #[arg(long, value_name = "ACTION")]
    action: Option<AuditAction>,
    /// Only from this moment on, such as `2026-11-26T09:00:00Z`.
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// Only before this moment.
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// At most so many.
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    limit: u32,
    /// Only entries before this one: how to see more than the limit.
    #[arg(long, value_name = "NUMBER")]
    before: Option<u64>,
}

/// Which chains.
#[derive(Args, Debug)]
pub(crate) struct ChainsArguments {
    /// Only the chain of this workspace; without this, all of them and the host's. Through a server that takes an admin token
    /// of the workspace `default`; any other sees the chain of its own workspace.
    #[arg(long, value_name = "WORKSPACE")]
    workspace: Option<WorkspaceName>,
}

/// Which chain.
#[derive(Args, Clone, Debug)]
pub(crate) struct InChain {
    /// The workspace. It may be one that was removed.
    #[arg(long, value_name = "WORKSPACE", default_value = "default")]
    workspace: WorkspaceName,
    /// The host's own chain in place of a workspace's: keys that wrap others, and workspaces that came and went.
    /// Through a server that takes an admin token of the workspace `default`.
    #[arg(long, conflicts_with = "workspace")]
    host: bool,
}

impl InChain {
    fn chain(&self) -> AuditChain {
        if self.host {
            AuditChain::Host
        } else {
            AuditChain::Workspace(self.workspace.clone())
        }
    }
}

impl AuditCommand {
    /// Whether it reads a file, and has nothing to do with a host.
    pub(crate) fn is_of_file(&self) -> bool {
        matches!(self, Self::Verify(arguments) if arguments.file.is_some())
    }
}

pub(crate) async fn carry_out(
    command: AuditCommand,
    config: impl FnOnce() -> Result<Config, Problem>,
    console: &Console,
) -> Result<Exit, Problem> {
    match command {
        AuditCommand::List(arguments) => list::carry_out(arguments, &config()?, console).await,
        AuditCommand::Export { place, after } => {
            export::carry_out(&place.chain(), after, &config()?, console).await
        }
        AuditCommand::Verify(arguments) => match &arguments.file {
            Some(file) => verify::of_file(file, &arguments, console),
            None => verify::of_host(arguments, &config()?, console).await,
        },
        AuditCommand::Head(chains) => head::carry_out(chains, &config()?, console).await,
    }
}
