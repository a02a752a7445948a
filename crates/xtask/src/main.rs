//! What a person or CI does with this repository beyond `cargo build`: build the wasm guests and the JavaScript engine, run all tests, fuzz, measure.
//!
//! It is the first thing that a fresh clone builds, so it depends on next to nothing.

#![forbid(unsafe_code)]

mod api;
mod arguments;
mod bundles;
mod console;
mod debian;
mod engine;
mod foreign;
mod fuzz;
mod guests;
mod load;
mod npm;
mod peers;
mod process;
mod python;
mod suite;
mod toolchain;
mod tools;
mod wpt;

use std::{env, process::ExitCode};

use arguments::Task;
use suite::Place;

fn main() -> ExitCode {
    let done = match arguments::parse(env::args().skip(1), place()) {
        Ok(Task::Help) => {
            console::print(arguments::HELP);
            Ok(())
        }
        Ok(Task::Guests(choice)) => guests::build(choice),
        Ok(Task::Engine(task)) => task.run(),
        Ok(Task::Test(parts)) => suite::run_parts(&parts),
        Ok(Task::Fuzz(plan)) => fuzz::fuzz(&plan),
        Ok(Task::Load(load)) => load::measure(load),
        Ok(Task::Peers(peers)) => peers.measure(),
        Ok(Task::Wpt(words)) => wpt::test(&words),
        Err(usage) => {
            console::say(&format!("{usage}; `cargo xtask --help` tells more"));
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            console::say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn place() -> Place {
    match env::var_os("CI") {
        Some(value) if value == "true" => Place::Ci,
        _ => Place::Elsewhere,
    }
}
