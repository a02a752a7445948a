//! The command line of `cargo xtask`.

use anyhow::{Context, Result, bail};

use crate::{
    engine::Engine,
    fuzz::{Found, Plan, Target},
    load::Load,
    peers::Peers,
    suite::{Part, Place},
    toolchain::Choice,
};

pub(crate) const HELP: &str = "\
cargo xtask <TASK>

Tasks:
  guests [--toolchain auto|installed|debian]
          Build the Rust guests of tests/guests/rust and examples for wasm, into target/guests/<name>.wasm.
          Those of tests/guests/rust are built for three targets: <name>.wasip1.wasm, .wasip2.wasm, .unknown.wasm.
          Examples with npm packages are bundled into target/guests/<name>.js, which takes Node.js 20 and npm.
          Does nothing that is done already. The standard library for wasm comes from the Rust toolchain in use, or
          from Debian's packages; where neither has it, it is installed with rustup, or (as root) with apt-get.
          --toolchain says which: `installed` for the Rust toolchain in use, `debian`, or `auto` (the default).

  engine [--check]
          Build the JavaScript engine of guest-sdk/js/engine: lockstep-engine.wasm, and lockstep-engine.sources, the
          digests of what it was built from. Takes clang besides what `guests` takes; as root it is installed with apt-get.
          --check builds nothing, and fails when the two disagree with the sources.

  test [PART]... [--foreign]
          Set up and run all tests but the parts `foreign` and `api`, or those parts that are named, in this order:
            fmt        `cargo fmt --check` in every workspace
            guests     as the task above
            clippy     `cargo clippy` in every workspace, warnings denied
            doc        `cargo doc`, warnings denied
            sdk        tests of the guest SDK for Rust and of its examples, on this machine
            js         tests and types of the guest SDK for JavaScript and of its examples, in Node.js
            doctests   the examples in the documentation
            fuzz       lints of the fuzz targets, and each for 5 s; left out where there is no nightly toolchain
            foreign    steps that other people's tools build: jco, componentize-qjs, componentize-py, clang with
                       wit-bindgen. Left out unless it is named; --foreign adds it. Takes Node.js 20, npm and Python 3.9,
                       and clang for WASI; as root the last two are installed with apt-get
            api        the HTTP API, held to its document by schemathesis for 90 s. As `foreign`, left out unless it is named
                       or --foreign is given. Takes Python 3.11; as root it is installed with apt-get
            engine     the engine is built from its sources as by the task above, but the committed file stays; where that
                       makes another file, the tests of scripts are run on it. Without being named in CI alone (CI=true)
            nextest    everything else; its summary is the last line

  fuzz [TARGET]... [--seconds N] [--keep]
          Fuzz every target of tests/fuzz, or those that are named, each for N seconds (600): masker, envelope,
          registration, input, env_file, source, egress, request, call, headers, changes, forms, urls. Needs a nightly
          toolchain of rustup, and a C++ compiler; without them it says so.
          What is found goes to target/fuzz/found; with --keep it is added to the inputs of tests/fuzz/corpus. An input
          that fails is put into tests/fuzz/artifacts.

  peers [--json]
          Measure Lockstep beside other sandboxes for JavaScript and other programs that run it, all in one run of some
          minutes. They are npm packages, a Node.js that is new enough among them; on Linux on x86-64 alone.

  load [--seconds N] [--wasmtime PATH]
          Measure `lockstep serve` under load, beside axum that answers a constant: runs of a script and of a component
          over 32 connections, credentials set over 8, each for N seconds (9); 1,000 runs at once; and the time from the
          start of the process to its first answer. Takes the guests of the task `guests`, and a release build.
          --wasmtime is the program `wasmtime`: `wasmtime serve` with a component that answers a constant is beside then.

  wpt --tests DIRECTORY [FILTER]... [--json | --write]
          Run the Web Platform Tests that steps are held to (or those whose paths begin with a FILTER) in steps. DIRECTORY
          is a checkout of https://github.com/web-platform-tests/wpt; the source code of Node.js has a part of one in
          test/fixtures/wpt, that of Firefox a whole one in testing/web-platform/tests.
          What is known to fail is in tests/wpt/expectations.json; every other failure, and each of these that passes,
          fails the task. --json writes every failure with its message. --write writes the file anew by what was run: what
          passes now is taken out, what still fails keeps its reason, and what fails for the first time gets the reason
          `new`, which fails the task until a person puts the true one there.

  help    This text.";

/// How long each target is fuzzed: so long without a finding is what a change of fuzzed code should show.
const FUZZ_SECONDS: u32 = 600;

/// The option of `test` that adds what takes tools of other people.
const FOREIGN: &str = "--foreign";

/// What to do.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Task {
    Help,
    Guests(Choice),
    Engine(Engine),
    Test(Vec<Part>),
    Fuzz(Plan),
    Load(Load),
    Peers(Peers),
    Wpt(Vec<String>),
}

pub(crate) fn parse(arguments: impl Iterator<Item = String>, place: Place) -> Result<Task> {
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
        "engine" => Ok(Task::Engine(engine(rest)?)),
        "test" => Ok(Task::Test(parts(rest, place)?)),
        "fuzz" => Ok(Task::Fuzz(plan(rest)?)),
        "load" => Ok(Task::Load(load(rest)?)),
        "peers" => Ok(Task::Peers(peers(rest)?)),
        "wpt" => Ok(Task::Wpt(rest.to_vec())),
        other => bail!("there is no task `{other}`"),
    }
}

fn load(arguments: &[String]) -> Result<Load> {
    let mut load = Load::default();
    let mut rest = arguments;
    while let [name, value, others @ ..] = rest {
        match (name.as_str(), value.parse()) {
            ("--seconds", Ok(seconds @ 3..=600)) => load.seconds = seconds,
            ("--seconds", _) => bail!("`--seconds` is from 3 to 600"),
            ("--wasmtime", _) => load.wasmtime = Some(value.into()),
            _ => break,
        }
        rest = others;
    }
    if !rest.is_empty() {
        bail!("`load` takes no `{}`", rest.join(" "));
    }
    Ok(load)
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

fn engine(arguments: &[String]) -> Result<Engine> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => Ok(Engine::Build),
        ["--check"] => Ok(Engine::Check),
        _ => bail!("`engine` takes no `{}`", arguments.join(" ")),
    }
}

fn peers(arguments: &[String]) -> Result<Peers> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => Ok(Peers::Table),
        ["--json"] => Ok(Peers::Json),
        _ => bail!("`peers` takes no `{}`", arguments.join(" ")),
    }
}

fn parts(arguments: &[String], place: Place) -> Result<Vec<Part>> {
    let (options, names): (Vec<&String>, Vec<_>) = arguments
        .iter()
        .partition(|argument| argument.starts_with('-'));
    if let Some(other) = options.iter().find(|option| **option != FOREIGN) {
        bail!("`test` takes no `{other}`");
    }
    for name in &names {
        if !Part::ALL.iter().any(|part| part.name() == *name) {
            bail!("`test` has no part `{name}`");
        }
    }
    let is_named = |part: &Part| names.iter().any(|name| *name == part.name());
    let is_implied = |part: &Part| {
        if matches!(part, Part::Foreign | Part::Api) {
            !options.is_empty()
        } else {
            names.is_empty() && part.runs_in(place)
        }
    };
    let is_wanted = |part: &Part| is_named(part) || is_implied(part);
    Ok(Part::ALL.into_iter().filter(is_wanted).collect())
}

fn plan(arguments: &[String]) -> Result<Plan> {
    let mut plan = Plan {
        targets: Vec::new(),
        seconds: FUZZ_SECONDS,
        found: Found::Left,
    };
    let mut words = arguments.iter().flat_map(|argument| argument.split('='));
    while let Some(word) = words.next() {
        match word {
            "--keep" => plan.found = Found::Kept,
            "--seconds" => {
                let seconds = words.next().and_then(|word| word.parse().ok());
                plan.seconds = seconds.context("`--seconds` takes a number")?;
            }
            name => {
                let target = Target::ALL.into_iter().find(|target| target.name() == name);
                plan.targets
                    .push(target.with_context(|| format!("`fuzz` has no target `{name}`"))?);
            }
        }
    }
    if plan.targets.is_empty() {
        plan.targets.extend(Target::ALL);
    }
    Ok(plan)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: Result<Task, &str>) {
        let parsed = parse(line.split_whitespace().map(str::to_owned), Place::Elsewhere);
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
    fn the_words_for_wpt_are_its_own() {
        let words = ["--tests", "wpt", "url/"].map(str::to_owned);
        check("wpt --tests wpt url/", Ok(Task::Wpt(words.to_vec())));
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
    fn the_engine_is_built_unless_it_is_to_be_checked() {
        check("engine", Ok(Task::Engine(Engine::Build)));
        check("engine --check", Ok(Task::Engine(Engine::Check)));
        check("engine --fast", Err("`engine` takes no `--fast`"));
    }

    #[test]
    fn figures_are_a_table_unless_json_is_asked_for() {
        check("peers", Ok(Task::Peers(Peers::Table)));
        check("peers --json", Ok(Task::Peers(Peers::Json)));
        check("peers deno", Err("`peers` takes no `deno`"));
    }

    #[test]
    fn a_part_that_there_is_not_is_named() {
        check("test bench", Err("`test` has no part `bench`"));
    }

    #[test]
    fn the_engine_is_built_in_ci_or_where_it_is_named() {
        let in_ci = parse(["test".to_owned()].into_iter(), Place::Ci);
        let mut parts = Part::ALL.to_vec();
        parts.retain(|part| !matches!(part, Part::Foreign | Part::Api));
        assert_eq!(in_ci.unwrap(), Task::Test(parts.clone()));
        parts.retain(|part| *part != Part::Engine);
        check("test", Ok(Task::Test(parts)));
        check("test engine", Ok(Task::Test(vec![Part::Engine])));
    }

    #[test]
    fn what_takes_the_tools_of_others_is_left_out_unless_it_is_asked_for() {
        let mut parts = Part::ALL.to_vec();
        parts.retain(|part| *part != Part::Engine);
        check("test --foreign", Ok(Task::Test(parts.clone())));
        parts.retain(|part| !matches!(part, Part::Foreign | Part::Api));
        check("test", Ok(Task::Test(parts)));
        check("test foreign", Ok(Task::Test(vec![Part::Foreign])));
        check("test api", Ok(Task::Test(vec![Part::Api])));
        check(
            "test --foreign fmt",
            Ok(Task::Test(vec![Part::Fmt, Part::Foreign, Part::Api])),
        );
        check("test --native", Err("`test` takes no `--native`"));
    }

    #[test]
    fn parts_run_in_their_own_order() {
        check(
            "test nextest fmt",
            Ok(Task::Test(vec![Part::Fmt, Part::Nextest])),
        );
    }

    #[test]
    fn every_target_is_fuzzed_for_ten_minutes_unless_it_is_said_otherwise() {
        let plan = |targets: &[Target], seconds, found| {
            let targets = targets.to_vec();
            Ok(Task::Fuzz(Plan {
                targets,
                seconds,
                found,
            }))
        };
        check("fuzz", plan(&Target::ALL, 600, Found::Left));
        check(
            "fuzz input --seconds 5 masker --keep",
            plan(&[Target::Input, Target::Masker], 5, Found::Kept),
        );
        check("fuzz --seconds=5", plan(&Target::ALL, 5, Found::Left));
        check("fuzz --seconds", Err("`--seconds` takes a number"));
        check("fuzz --seconds -1", Err("`--seconds` takes a number"));
        check("fuzz masking", Err("`fuzz` has no target `masking`"));
    }
}
