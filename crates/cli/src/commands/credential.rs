//! `lockstep credential`.

mod expiry;
mod list;
mod put;
mod sealing;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use lockstep_step::{CredentialKey, WorkflowName, WorkspaceName};

use crate::arguments::InScope;
use crate::config::Config;
use crate::console::Console;
use crate::problem::{Exit, Problem};
use crate::value;

use sealing::SealingArguments;

const SET_EXAMPLES: &str = "\
Examples:
  lockstep credential set SLACK_BOT_TOKEN
      asks for the value, and does not show it
  printf %s \"$TOKEN\" | lockstep credential set SLACK_BOT_TOKEN
  lockstep credential set TLS_KEY --from-file key.pem --no-trim
  lockstep credential set SLACK_BOT_TOKEN --workflow billing
      for the workflow `billing` alone, where it stands before the workspace's
  lockstep credential set SLACK_BOT_TOKEN --sealed --host slack.com --host '*.slack.com'
      no step holds the value: it goes into headers of requests to these hosts, over TLS
  lockstep credential set MAIL_LOGIN --sealed --host api.mail.example --in basic,body
  lockstep credential rotate SLACK_BOT_TOKEN --expires 90d
      a run that starts later gets `missing_credential`; `list` and `doctor` warn from 14 days before

A new value does not unseal a credential: that takes `--revealed`. Other hosts or places take `--sealed` and the value.";

const IMPORT_EXAMPLES: &str = "\
Examples:
  lockstep credential import .env
  some-vault export | lockstep credential import -

A line is `KEY=value`, `export KEY='value'` or `KEY=\"value\"`; `#` begins a comment.
In single quotes everything stands for itself, and `$` is never replaced anywhere.
In double quotes `\\n \\r \\t \\\\ \\\" \\' \\$` are escapes.
All are set, or none. Those that are there stay sealed or revealed, unless `--sealed` or `--revealed` says it for all.";

#[derive(Debug, Subcommand)]
pub(crate) enum CredentialCommand {
    /// Set a credential, or give it a new value. The value comes from a hidden prompt, or from stdin.
    #[command(after_help = SET_EXAMPLES)]
    Set(PutArguments),
    /// Give a credential that exists a new value. Runs that have begun keep the old one.
    #[command(after_help = SET_EXAMPLES)]
    Rotate(PutArguments),
    /// Set all credentials of a `.env` file.
    #[command(after_help = IMPORT_EXAMPLES)]
    Import(ImportArguments),
    /// List the credentials of a workspace and its workflows: keys and versions, never values.
    List(ListArguments),
    /// Show when and by whom a credential was set. Its value is never shown.
    Show(OneArguments),
    /// Show which workflows and steps use a credential.
    Usage(OneArguments),
    /// Delete a credential. Refused if a workflow lists it or a step names it.
    Delete {
        #[command(flatten)]
        one: OneArguments,
        /// Delete it although it is in use.
        #[arg(long)]
        force: bool,
    },
}

#[derive(Args, Debug)]
pub(crate) struct PutArguments {
    /// The key: ASCII letters, digits and `_`.
    #[arg(value_name = "KEY", value_parser = value::key)]
    key: CredentialKey,
    /// Takes what would be a value, to refuse it.
    #[arg(hide = true, value_name = "VALUE", value_parser = value::refused)]
    _value: Option<String>,
    #[command(flatten)]
    place: InScope,
    #[command(flatten)]
    sealing: SealingArguments,
    /// From then on no run that starts gets this value: `90d` from now, a date such as `2027-01-31`, or a moment. Without
    /// this it does not expire, whatever the value before did.
    #[arg(long, value_name = "WHEN", value_parser = expiry::end)]
    expires: Option<expiry::End>,
    /// Read the value from this file.
    #[arg(long, value_name = "PATH")]
    from_file: Option<PathBuf>,
    /// Keep the line end after the value; without this, one is taken off.
    #[arg(long)]
    no_trim: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ImportArguments {
    /// The file, or `-` for stdin.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    place: InScope,
    #[command(flatten)]
    sealing: SealingArguments,
}

#[derive(Args, Debug)]
pub(crate) struct ListArguments {
    /// The workspace.
    #[arg(long, value_name = "WORKSPACE", default_value = "default")]
    workspace: WorkspaceName,
    /// Only the workflow's own; with `--effective`, the workflow to answer for.
    #[arg(long, value_name = "WORKFLOW")]
    workflow: Option<WorkflowName>,
    /// What a workflow gets for each key: its own credential, else the workspace's.
    #[arg(long)]
    effective: bool,
}

#[derive(Args, Debug)]
pub(crate) struct OneArguments {
    /// The key.
    #[arg(value_name = "KEY", value_parser = value::key)]
    key: CredentialKey,
    #[command(flatten)]
    place: InScope,
}

pub(crate) async fn carry_out(
    command: CredentialCommand,
    config: &Config,
    console: &Console,
) -> Result<Exit, Problem> {
    match command {
        CredentialCommand::Set(arguments) => put::set(arguments, config, console).await,
        CredentialCommand::Rotate(arguments) => put::rotate(arguments, config, console).await,
        CredentialCommand::Import(arguments) => put::import(arguments, config, console).await,
        CredentialCommand::List(arguments) => list::list(arguments, config, console).await,
        CredentialCommand::Show(one) => list::show(one, config, console).await,
        CredentialCommand::Usage(one) => list::usage(one, config, console).await,
        CredentialCommand::Delete { one, force } => list::delete(one, force, config, console).await,
    }?;
    Ok(Exit::Completed)
}
