//! `lockstep key`: the key-encryption keys, which wrap the key of each workspace.

mod retire;
mod rewrap;
mod rotate;
mod status;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use lockstep_vault::KekId;

use crate::config::Config;
use crate::console::Console;
use crate::problem::{Exit, Problem};

const ROTATION: &str = "\
To rotate the key:
  lockstep key rotate        a new key wraps what is new; the old one still opens
  lockstep key rewrap        what the old one wraps is wrapped with the new one
  lockstep key retire ID     the old one is taken off, once nothing needs it

Steps run and credentials are set meanwhile. No value is opened for it.
Copy the key file after `rotate`.
Through a server (`LOCKSTEP_URL`) that takes an admin token of the workspace `default`; the key file is that of the server.
Backups of the database from before `rewrap` had ended need the old key: keep a copy.";

const ROTATE: &str = "\
Keys from `LOCKSTEP_KEY`, or in a file that cannot be written, stay as they are:
`--to-file PATH` writes them and the new key to a file that does not exist yet, on the machine of the host.
Through a server the new key is added to the key file of the server.
No key is ever printed.";

#[derive(Debug, Subcommand)]
#[command(after_help = ROTATION)]
pub(crate) enum KeyCommand {
    /// Show all keys, what each does, and how many records it wraps: keys of workspaces.
    #[command(after_help = ROTATION)]
    Status,
    /// Make a new key the primary. The others are kept for opening.
    #[command(after_help = ROTATE)]
    Rotate(RotateArguments),
    /// Wrap with the primary what other keys wrap. If it is broken off, run it again.
    #[command(after_help = ROTATION)]
    Rewrap,
    /// Take a key off the ring for good. Refused while it wraps something.
    #[command(after_help = ROTATION)]
    Retire(RetireArguments),
}

#[derive(Args, Debug)]
pub(crate) struct RotateArguments {
    /// Write the keys and the new one to this file, which must not exist yet, and leave the old ring as it is.
    #[arg(long, value_name = "PATH")]
    to_file: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct RetireArguments {
    /// The name of the key, as `key status` shows it.
    #[arg(value_name = "ID")]
    id: KekId,
}

pub(crate) async fn carry_out(
    command: KeyCommand,
    config: &Config,
    console: &Console,
) -> Result<Exit, Problem> {
    match command {
        KeyCommand::Status => status::carry_out(config, console).await,
        KeyCommand::Rotate(arguments) => rotate::carry_out(arguments, config, console).await,
        KeyCommand::Rewrap => rewrap::carry_out(config, console).await,
        KeyCommand::Retire(arguments) => retire::carry_out(&arguments, config, console).await,
    }
}
