//! The command line of `cargo xtask`.

use anyhow::{Result, bail};

use crate::{suite::Part, toolchain::Choice};

pub(crate) const HELP: &str = "\
cargo xtask <TASK>

Tasks:
  guests [--toolchain auto|installed|debian]
          Build the Rust guests of tests/guests/rust and examples for wasm, into target/guests/<name>.wasm.
          Those of tests/guests/rust are built for three targets: <name>.wasip1.wasm, .wasip2.wasm, .unknown.wasm.
          Does nothing that is done already. The standard library for wasm comes from the Rust toolchain in use, or
          from Debian's packages; where neither has it, it is installed with rustup, or (as root) with apt-get.
          --toolchain says which: `installed` for the Rust toolchain in use, `debian`, or `auto` (the default).

  test [PART]...
          Set up and run all tests, or those parts that are named, in this order:
            fmt        `cargo fmt --check` in every workspace
            guests     as the task above
            clippy     `cargo clippy` in every workspace, warnings denied
            doc        `cargo doc`, warnings denied
            sdk        tests of the guest SDK and of the examples, on this machine
            doctests   the examples in the documentation
            nextest    everything else; its summary is the last line

  help    This text.";

/// What to do.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Task {
    Help,
    Guests(Choice),
    Test(Vec<Part>),
}

pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Task> {
    let arguments: Vec<String> = arguments.collect();
    if arguments
        .iter()
        .any(|argument| argument == "--help" || argument == "-h")
    {
        return Ok(Task::Help);
    }
    let Some((task, rest)) = arguments.split_first() else {
        return Ok(Task::Help);
    };
    match task.as_str() {
        "help" => Ok(Task::Help),
        "guests" => Ok(Task::Guests(choice(rest)?)),
        "test" => Ok(Task::Test(parts(rest)?)),
        other => bail!("there is no task `{other}`"),
    }
}

fn choice(arguments: &[String]) -> Result<Choice> {
    let arguments: Vec<&str> = arguments
        .iter()
        .flat_map(|argument| argument.split('='))
        .collect();
    match arguments[..] {
        [] | ["--toolchain", "auto"] => Ok(Choice::Auto),
        ["--toolchain", "installed"] => Ok(Choice::Installed),
        ["--toolchain", "debian"] => Ok(Choice::Debian),
        _ => bail!("`guests` takes no `{}`", arguments.join(" ")),
    }
}

fn parts(names: &[String]) -> Result<Vec<Part>> {
    if names.is_empty() {
        return Ok(Part::ALL.to_vec());
    }
    for name in names {
        if !Part::ALL.iter().any(|part| part.name() == name) {
            bail!("`test` has no part `{name}`");
        }
    }
    Ok(Part::ALL
        .into_iter()
        .filter(|part| names.iter().any(|name| name == part.name()))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: Result<Task, &str>) {
        let parsed = parse(line.split_whitespace().map(str::to_owned));
        assert_eq!(
            parsed.map_err(|error| error.to_string()),
            expected.map_err(str::to_owned),
            "{line}"
        );
    }

    #[test]
    fn no_task_is_a_call_for_help() {
        check("", Ok(Task::Help));
        check("help", Ok(Task::Help));
        check("test --help", Ok(Task::Help));
    }

    #[test]
    fn an_unknown_task_is_named() {
        check("build", Err("there is no task `build`"));
    }

    #[test]
    fn the_toolchain_of_guests_can_be_chosen() {
        check("guests", Ok(Task::Guests(Choice::Auto)));
        check(
            "guests --toolchain debian",
            Ok(Task::Guests(Choice::Debian)),
        );
        check(
            "guests --toolchain=installed",
            Ok(Task::Guests(Choice::Installed)),
        );
        check(
            "guests --toolchain gentoo",
            Err("`guests` takes no `--toolchain gentoo`"),
        );
        check("guests --toolchain", Err("`guests` takes no `--toolchain`"));
    }

    #[test]
    fn test_runs_every_part_unless_some_are_named() {
        check("test", Ok(Task::Test(Part::ALL.to_vec())));
        check("test bench", Err("`test` has no part `bench`"));
    }

    #[test]
    fn parts_run_in_their_own_order() {
        check(
            "test nextest fmt",
            Ok(Task::Test(vec![Part::Fmt, Part::Nextest])),
        );
    }
}
