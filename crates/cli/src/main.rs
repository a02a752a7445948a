//! The binary `lockstep`: where everything is put together.
//!
//! A call is parsed ([`arguments`]), the environment is read ([`config`]), the parts are put together ([`host`]), and one
//! of [`commands`] speaks to the runner. Everything that is printed goes through [`console`].
//! The same program compiles steps, in processes that it starts of itself ([`process::is_compiler`]).
#![forbid(unsafe_code)]

mod arguments;
mod capacity;
mod config;
mod operator;
mod server;
mod usage;

mod backend;
mod host;
mod process;
mod signals;
mod telemetry;

mod commands;

mod copying;
mod env_file;
mod input;
mod live_log;
mod problem;
mod quantity;
mod secrets_file;
mod value;

mod console;
mod table;

use std::process::ExitCode;

use crate::arguments::{Call, Command};
use crate::config::Environment;
use crate::console::Console;
use crate::problem::{Exit, Problem};
use crate::process::Driver;
use crate::telemetry::Telemetry;

fn main() -> ExitCode {
    if process::is_compiler() {
        return lockstep_sandbox::serve_compilation();
    }
    let environment = Environment::read();
    let call = usage::parse(std::env::args_os());
    let console = Console::new(usage::form(&call), &environment);
    let exit = call
        .map_err(usage::NotParsed::into_answer)
        .and_then(|call| carry_out(call, environment, &console).map_err(usage::Answer::Problem))
        .unwrap_or_else(|answer| answer.show(&console));
    exit.into()
}

fn carry_out(call: Call, mut environment: Environment, console: &Console) -> Result<Exit, Problem> {
    process::no_core_dumps()?;
    let telemetry = Telemetry::of_environment()?;
    let filter = environment.trace_filter.as_deref();
    process::trace(filter, telemetry.as_ref(), console)?;
    environment.traces = telemetry.as_ref().and_then(Telemetry::traces);
    let driver = match call.command {
        Command::Serve(_) => Driver::ThreadPerCore,
        _ => Driver::ThisThread,
    };
    let carried_out = driver.block_on(commands::carry_out(call, environment, console));
    if let Some(telemetry) = telemetry {
        telemetry.end();
    }
    carried_out
}
