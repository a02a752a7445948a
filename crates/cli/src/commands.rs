//! What each command does. One file per command: its arguments, what it asks of the runner, and how it shows the answer.

pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod completions;
pub(crate) mod credential;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod egress;
pub(crate) mod key;
pub(crate) mod mask;
pub(crate) mod member;
pub(crate) mod new;
pub(crate) mod permission;
pub(crate) mod restore;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod serve;
pub(crate) mod step;
pub(crate) mod token;
pub(crate) mod workflow;
pub(crate) mod workspace;

mod requests;
mod show;

use crate::arguments::{Call, Command};
use crate::config::Environment;
use crate::console::Console;
use crate::problem::{Exit, Problem};

/// Carries out a command.
pub(crate) async fn carry_out(
    call: Call,
    environment: Environment,
    console: &Console,
) -> Result<Exit, Problem> {
    refuse_what_is_not_remote(&call)?;
    let environment = match &call.command {
        // It is what commands speak to, and a variable for these means nothing to it.
        Command::Serve(_) => environment.without_server(),
        _ => environment,
    };
    let config = environment.config(call.places, &call.reaching, call.server);
    let data = config.as_ref().ok().map(|config| config.data.clone());
    let config = || config;
    let carried_out = match call.command {
        Command::Run(arguments) => run::carry_out(arguments, &config()?, console).await,
        Command::Workspace(command) => workspace::carry_out(command, &config()?, console).await,
        Command::Workflow(command) => workflow::carry_out(command, &config()?, console).await,
        Command::Credential(command) => credential::carry_out(command, &config()?, console).await,
        Command::Permission(command) => permission::carry_out(command, &config()?, console).await,
        Command::Egress(command) => egress::carry_out(command, &config()?, console).await,
        Command::Step(command) => step::carry_out(command, &config()?, console).await,
        Command::Runs(command) => runs::carry_out(command, &config()?, console).await,
        Command::Serve(arguments) => serve::carry_out(arguments, &config()?, console).await,
        Command::Token(command) => token::carry_out(command, &config()?, console).await,
        Command::Member(command) => member::carry_out(command, &config()?, console).await,
        Command::Audit(command) => audit::carry_out(command, config, console).await,
        Command::Key(command) => key::carry_out(command, &config()?, console).await,
        Command::New(arguments) => new::carry_out(arguments, console),
        Command::Demo => demo::carry_out(console).await,
        Command::Mask(arguments) => mask::carry_out(&arguments, console),
        Command::Backup(arguments) => backup::carry_out(arguments, &config()?, console).await,
        Command::Restore(arguments) => restore::carry_out(arguments, &config()?, console).await,
        Command::Doctor => doctor::carry_out(&config()?, console).await,
        Command::Completions(arguments) => completions::carry_out(&arguments, console),
    };
    carried_out.map_err(|problem| match &data {
        Some(data) => problem.in_data(data),
        None => problem,
    })
}

/// Commands that have nothing to do with a host do not care whether a variable names a server. An option that does is
/// a mistake.
fn refuse_what_is_not_remote(call: &Call) -> Result<(), Problem> {
    let without_host = match &call.command {
        Command::New(_) => "new",
        Command::Demo => "demo",
        Command::Mask(_) => "mask",
        Command::Audit(command) if command.is_of_file() => "audit verify --file",
        Command::Completions(_) => "completions",
        Command::Serve(_) => "serve",
        _ => return Ok(()),
    };
    if !call.server.is_given() {
        return Ok(());
    }
    let message = match &call.command {
        Command::Serve(_) => {
            "`lockstep serve` is what others speak to: it speaks to no server".to_owned()
        }
        _ => format!("`lockstep {without_host}` speaks to no host, and so to no server"),
    };
    Err(Problem::usage(message).hint("leave out `--url`"))
}
