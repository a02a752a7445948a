//! `cargo xtask test`: all that must hold, from a fresh clone.
//!
//! The parts are so cut and ordered that the heavy dependencies are built twice and no more: checked, for clippy and
//! the documentation, and compiled, for the tests.

use std::{process::Command, time::Instant};

use anyhow::Result;

use crate::{
    api, bundles, console, engine, foreign, fuzz, guests, npm,
    process::{cargo, run},
    toolchain::{self, Choice, Target},
    tools::Tool,
};

/// One part of the tests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Part {
    Fmt,
    Guests,
    Clippy,
    Doc,
    Sdk,
    Js,
    Doctests,
    Fuzz,
    Foreign,
    Api,
    Engine,
    Nextest,
}

/// Where the tests run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Place {
    /// On a machine that tests changes: the variable `CI` is `true`.
    Ci,
    Elsewhere,
}

/// The workspace of the host.
const HOST: &str = "";
const SDK: &str = "guest-sdk/rust";
const JS_SDK: &str = "guest-sdk/js";
const EXAMPLES: &str = "examples";
/// The workspaces of guests.
const GUESTS: [&str; 3] = [SDK, EXAMPLES, "tests/guests/rust"];

/// Those of them that have tests for this machine.
const TESTED: [&str; 2] = [SDK, EXAMPLES];

/// Adds the test target that needs what the part `foreign` builds.
const FOREIGN_TESTS: &str = "--features=lockstep-e2e/foreign";

const NEXTEST: Tool = Tool {
    subcommand: "nextest",
    version: "0.9.143",
};

/// The tests of what runs in the JavaScript engine, for nextest.
const OF_SCRIPTS: &str = "package(lockstep-sandbox) & test(/^script::/) \
    | package(lockstep-e2e) & test(/^(js|platform|examples|hygiene|sdk)::/)";

/// Runs some parts, in their order. Stops at the first that fails.
pub(crate) fn run_parts(parts: &[Part]) -> Result<()> {
    for (at, part) in parts.iter().enumerate() {
        console::say(&format!("{} ({} of {})", part.name(), at + 1, parts.len()));
        let started = Instant::now();
        part.run()?;
        // After the last part its own summary is the end of the output.
        if at + 1 < parts.len() {
            console::say(&format!(
                "{} took {:.1} s",
                part.name(),
                started.elapsed().as_secs_f32()
            ));
        }
    }
    Ok(())
}

// === impl Part ===

impl Part {
    /// In the order in which they run: quick ones first, those that need the guests after these.
    pub(crate) const ALL: [Self; 12] = [
        Self::Fmt,
        Self::Guests,
        Self::Clippy,
        Self::Doc,
        Self::Sdk,
        Self::Js,
        Self::Doctests,
        Self::Fuzz,
        Self::Foreign,
        Self::Api,
        Self::Engine,
        Self::Nextest,
    ];

    /// Whether it runs where nobody named it. To build the engine takes minutes, and is left to CI.
    pub(crate) fn runs_in(self, place: Place) -> bool {
        self != Self::Engine || place == Place::Ci
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Fmt => "fmt",
            Self::Guests => "guests",
            Self::Clippy => "clippy",
            Self::Doc => "doc",
            Self::Sdk => "sdk",
            Self::Js => "js",
            Self::Doctests => "doctests",
            Self::Fuzz => "fuzz",
            Self::Foreign => "foreign",
            Self::Api => "api",
            Self::Engine => "engine",
            Self::Nextest => "nextest",
        }
    }

    fn run(self) -> Result<()> {
        match self {
            Self::Fmt => fmt(),
            Self::Guests => guests::build(Choice::Auto),
            Self::Clippy => clippy(),
            Self::Doc => doc(),
            Self::Sdk => sdk(),
            Self::Js => js(),
            Self::Doctests => run(cargo(HOST).args(["test", "--workspace", "--doc"])),
            Self::Fuzz => fuzz::smoke(),
            Self::Foreign => foreign(),
            Self::Api => api::test(),
            Self::Engine => engine(),
            Self::Nextest => nextest(),
        }
    }
}

fn fmt() -> Result<()> {
    for folder in [HOST, fuzz::WORKSPACE].into_iter().chain(GUESTS) {
        run(cargo(folder).args(["fmt", "--all", "--check"]))?;
    }
    Ok(())
}

fn clippy() -> Result<()> {
    let all = ["--workspace", "--all-targets", "--", "-D", "warnings"];
    run(cargo(HOST).args(["clippy", FOREIGN_TESTS]).args(all))?;
    for folder in GUESTS {
        run(guests::cargo(folder).arg("clippy").args(all))?;
    }
    // The half of the SDK that is only there in a guest. Debian's packages have no clippy.
    if toolchain::is_installed(Target::Wasip1)? {
        let check = [
            "clippy",
            "--target",
            Target::Wasip1.name(),
            "--",
            "-D",
            "warnings",
        ];
        run(guests::cargo(SDK).args(check))?;
    }
    Ok(())
}

fn doc() -> Result<()> {
    for mut cargo in [cargo(HOST), guests::cargo(SDK)] {
        run(cargo
            .env("RUSTDOCFLAGS", "-D warnings")
            .args(["doc", "--workspace", "--no-deps"]))?;
    }
    Ok(())
}

fn sdk() -> Result<()> {
    for folder in TESTED {
        run(guests::cargo(folder).args(["test", "--workspace"]))?;
    }
    Ok(())
}

/// The tests of the SDK for JavaScript, and of the examples that are npm packages.
fn js() -> Result<()> {
    for folder in [vec![JS_SDK.to_owned()], bundles::folders()?].concat() {
        run(npm::npm(&folder)?.arg("test"))?;
    }
    Ok(())
}

/// The steps that other people's tools build, and the tests that run them.
fn foreign() -> Result<()> {
    foreign::build()?;
    // The tests register steps with the binary.
    run(cargo(HOST).args(["build", "--workspace", "--bin", "lockstep"]))?;
    run(NEXTEST
        .find_or_install()?
        .args(["run", "--workspace", FOREIGN_TESTS, "--test", "foreign"]))
}

/// The JavaScript engine is built from its sources. Where that makes another file than the committed one, the tests of all
/// that runs in it are run on that file, too.
fn engine() -> Result<()> {
    let Some(file) = engine::rebuild()? else {
        return Ok(());
    };
    let on_it = |command: &mut Command| run(command.env("LOCKSTEP_ENGINE_FILE", &file));
    on_it(cargo(HOST).args(["build", "--workspace", "--all-targets"]))?;
    on_it(NEXTEST.find_or_install()?.args([
        "run",
        "--workspace",
        "--no-fail-fast",
        "-E",
        OF_SCRIPTS,
    ]))
}

/// The tests of the host's workspace. All of it is built first: some of them run the binary `lockstep`, which nobody else
/// would build with the features that the tests have.
fn nextest() -> Result<()> {
    run(cargo(HOST).args(["build", "--workspace", "--all-targets"]))?;
    run(NEXTEST
        .find_or_install()?
        .args(["run", "--workspace", "--no-fail-fast"]))
}
