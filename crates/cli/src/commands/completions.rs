//! `lockstep completions`: a script for a shell.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::arguments::Call;
use crate::console::Console;
use crate::problem::{Exit, Problem};

#[derive(Args, Debug)]
pub(crate) struct CompletionsArguments {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn carry_out(
    arguments: &CompletionsArguments,
    console: &Console,
) -> Result<Exit, Problem> {
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut Call::command(),
        "lockstep",
        &mut script,
    );
    console.write(&script)?;
    Ok(Exit::Completed)
}
