//! Runs the Web Platform Tests in steps: `wpt --tests DIRECTORY [--json | --write] [FILTER]...`.
//!
//! The directory is a checkout of <https://github.com/web-platform-tests/wpt>, or the part of it that Node.js or Firefox
//! carries; nothing of it is in this repository. Each test that needs no document or worker is run as a step in the
//! sandbox; what it fetches comes from the checkout's own server on 127.0.0.1, if that is there. `expectations.json` tells
//! what is known to fail and why: every other failure, and every known one that passes, fails the whole. `--write` writes
//! that file by what the run found; what has no reason there yet still fails the whole.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that tells what it found"
)]

mod arguments;
mod checkout;
mod expectations;
mod report;
mod run;
mod server;

use std::env;
use std::process::ExitCode;

use arguments::{Arguments, Form};
use checkout::Checkout;
use expectations::Expectations;
use report::Report;
use server::Server;

fn main() -> ExitCode {
    let arguments = match Arguments::parse(env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(usage) => {
            eprintln!("wpt: {usage}");
            return ExitCode::from(2);
        }
    };
    match run(&arguments) {
        Ok(report) if report.is_as_expected() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("wpt: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<Report, String> {
    let mut expectations = Expectations::read()?;
    let server = Server::start(&arguments.tests)?;
    let checkout = Checkout::open(&arguments.tests, server.as_ref().map(|it| it.port))?;
    let files = checkout.files(&expectations, &arguments.filters)?;
    let results = run::all(&checkout, files)?;
    if matches!(arguments.form, Form::Written) {
        expectations.learn(&results);
        expectations.write()?;
        eprintln!(
            "wpt: expectations.json is written; each reason in it that is `new` takes a true one"
        );
    }
    let report = Report::of(&results, &expectations);
    match arguments.form {
        Form::Text | Form::Written => println!("{}", report.text()),
        Form::Json => println!("{}", report.json()),
    }
    Ok(report)
}
