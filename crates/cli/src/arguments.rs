//! The command line. The arguments of each command stand beside what it does, in [`commands`](crate::commands).

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use lockstep_step::{Scope, WorkflowName, WorkspaceName};

use crate::commands::audit::AuditCommand;
use crate::commands::backup::BackupArguments;
use crate::commands::completions::CompletionsArguments;
use crate::commands::credential::CredentialCommand;
use crate::commands::egress::EgressCommand;
use crate::commands::key::KeyCommand;
use crate::commands::mask::MaskArguments;
use crate::commands::member::MemberCommand;
use crate::commands::new::NewArguments;
use crate::commands::permission::PermissionCommand;
use crate::commands::restore::RestoreArguments;
use crate::commands::run::RunArguments;
use crate::commands::runs::RunsCommand;
use crate::commands::serve::ServeArguments;
use crate::commands::step::StepCommand;
use crate::commands::token::TokenCommand;
use crate::commands::workflow::WorkflowCommand;
use crate::commands::workspace::WorkspaceCommand;
use crate::operator::Reaching;
use crate::server::ServerArguments;

const EXAMPLES: &str = "\
Examples:
  lockstep demo
  printf %s \"$TOKEN\" | lockstep credential set SLACK_BOT_TOKEN
  lockstep new greet --lang ts
  lockstep run step.ts --input '{\"channel\": \"#general\"}'
  lockstep step add post step.wasm && lockstep run post
  lockstep runs list
  lockstep serve

Environment:
  LOCKSTEP_DATA      as `--data`
  LOCKSTEP_KEY_FILE  as `--key-file`
  LOCKSTEP_KEY       the text of a key, in place of a key file
  LOCKSTEP_EGRESS    as `--egress`; the other options of requests have a variable each, too (`--help`)
  LOCKSTEP_URL       as `--url`: the server that commands speak to, in place of this machine
  LOCKSTEP_TOKEN     the token for it, which no option takes
  LOCKSTEP_LOG       what of the traces is told on stderr, such as `debug`; by default `warn`
  NO_COLOR           no colours

Exit codes: 0 done, 1 the step did not complete, 2 the call is wrong, 70 the host failed.";

/// Run the code steps of workflows in a WebAssembly sandbox, with credentials that stay out of everything written down.
#[derive(Debug, Parser)]
#[command(name = "lockstep", version, after_help = EXAMPLES, max_term_width = 100)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Call {
    #[command(flatten)]
    pub(crate) places: Places,
    #[command(flatten)]
    pub(crate) reaching: Reaching,
    #[command(flatten)]
    pub(crate) server: ServerArguments,
    /// Answer with one JSON document on stdout; errors are one JSON document on stderr.
    #[arg(long, global = true, help_heading = "Options of every command")]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Where the data and the key are.
#[derive(Args, Debug)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Places {
    /// The data directory [env: LOCKSTEP_DATA] [default: lockstep in the user's data directory].
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// The file with the key that wraps the others [env: LOCKSTEP_KEY_FILE] [default: lockstep/key in the user's
    /// configuration directory]. It is made when the first credential is set.
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) key_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The whole story on a temporary store, explained as it goes. Leaves nothing behind.
    Demo,
    /// Make a project with a step that runs, and tests that pass.
    New(NewArguments),
    /// Run a step once: its output on stdout, its log, masked, on stderr.
    Run(RunArguments),
    /// Workspaces: nothing is shared between them.
    #[command(subcommand)]
    Workspace(WorkspaceCommand),
    /// Workflows of a workspace, each with its own steps and credentials.
    #[command(subcommand)]
    Workflow(WorkflowCommand),
    /// Credentials. They are write-only: a value that is set cannot be read back.
    #[command(subcommand)]
    Credential(CredentialCommand),
    /// Which credentials a workflow may use.
    #[command(subcommand)]
    Permission(PermissionCommand),
    /// Where the requests of a workflow may go.
    #[command(subcommand)]
    Egress(EgressCommand),
    /// The steps of a workflow.
    #[command(subcommand)]
    Step(StepCommand),
    /// The record of runs.
    #[command(subcommand)]
    Runs(RunsCommand),
    /// Serve the HTTP API, for workflow engines in any language.
    Serve(ServeArguments),
    /// Tokens for callers of the HTTP API.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Members of a workspace: persons, each with a role that their tokens do not go beyond.
    #[command(subcommand)]
    Member(MemberCommand),
    /// What was changed and which credentials were used, by whom; and whether that record is whole.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// The keys that wrap the keys of workspaces: which there are, and their rotation.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Filter stdin to stdout and take secrets out, each write as it comes.
    Mask(MaskArguments),
    /// Copy the database into one file while it is in use. Useless without the key.
    Backup(BackupArguments),
    /// Put a backup in the place of the database.
    Restore(RestoreArguments),
    /// Check files and their modes, the database, keys, credentials, the cache and the sandbox. Changes nothing.
    Doctor,
    /// Print a script that completes commands in a shell.
    Completions(CompletionsArguments),
}

/// Where a command works.
#[derive(Args, Clone, Debug)]
pub(crate) struct InWorkspace {
    /// The workspace.
    #[arg(long, value_name = "WORKSPACE", default_value = "default")]
    pub(crate) workspace: WorkspaceName,
}

/// In which workflow a command works.
#[derive(Args, Clone, Debug)]
pub(crate) struct InWorkflow {
    /// The workspace.
    #[arg(long, value_name = "WORKSPACE", default_value = "default")]
    pub(crate) workspace: WorkspaceName,
    /// The workflow.
    #[arg(long, value_name = "WORKFLOW", default_value = "default")]
    pub(crate) workflow: WorkflowName,
}

/// Whose credential it is.
#[derive(Args, Clone, Debug)]
pub(crate) struct InScope {
    /// The workspace.
    #[arg(long, value_name = "WORKSPACE", default_value = "default")]
    pub(crate) workspace: WorkspaceName,
    /// The workflow whose own credential it is; without this, it is the workspace's.
    #[arg(long, value_name = "WORKFLOW")]
    pub(crate) workflow: Option<WorkflowName>,
}

impl InScope {
    pub(crate) fn scope(&self) -> Scope {
        self.workflow
            .clone()
            .map_or(Scope::Workspace, Scope::Workflow)
    }
}
