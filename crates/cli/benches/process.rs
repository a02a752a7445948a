//! What a whole process costs that runs a step once, compiled and cached before: beside the least that `node` does, and
//! the least that a process costs at all. They take turns, so that what else the machine does meets all.
//!
//! The step is `target/guests/credentials.wasm`, which `cargo xtask guests` builds; the data directory is in `target/tmp`,
//! so that it is on a disk.
//!
//! `cargo bench -p lockstep-cli`
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program that prints figures, or stops"
)]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const WARM_UP: usize = 5;
const RUNS: usize = 100;

fn main() {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    set_credential(directory.path());
    let mut commands = [
        ("lockstep run", run(directory.path())),
        ("node -e 0", command("node", &["-e", "0"])),
        ("true", command("true", &[])),
    ];
    let mut times = [const { Vec::new() }; 3];
    for _ in 0..WARM_UP + RUNS {
        for ((_, command), times) in commands.iter_mut().zip(&mut times) {
            times.extend(timed(command));
        }
    }
    println!("{RUNS} runs each        min        p50        p99");
    for ((name, _), mut times) in commands.into_iter().zip(times) {
        if times.is_empty() {
            println!("{name:<16} is not installed");
            continue;
        }
        times.drain(..WARM_UP);
        times.sort_unstable();
        let [min, p50, p99] = [0, times.len() / 2, times.len() * 99 / 100].map(|at| times[at]);
        println!("{name:<16} {min:>10.1?} {p50:>10.1?} {p99:>10.1?}");
    }
}

/// None if there is no such program.
fn timed(command: &mut Command) -> Option<Duration> {
    let start = Instant::now();
    let status = command.status().ok()?;
    let took = start.elapsed();
    assert!(status.success(), "{command:?}");
    Some(took)
}

fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

fn lockstep(data: &Path, arguments: &[&str]) -> Command {
    let mut command = command(env!("CARGO_BIN_EXE_lockstep"), arguments);
    command
        .env("LOCKSTEP_DATA", data.join("data"))
        .env("LOCKSTEP_KEY_FILE", data.join("key"));
    command
}

fn run(data: &Path) -> Command {
    let step = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/guests/credentials.wasm");
    let step = step.to_str().unwrap();
    lockstep(data, &["run", step, "--input", r#"{"keys":["KEY"]}"#])
}

fn set_credential(data: &Path) {
    let mut setting = lockstep(data, &["credential", "set", "KEY"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let value = b"a value of the usual length, 1f93";
    setting.stdin.take().unwrap().write_all(value).unwrap();
    assert!(setting.wait().unwrap().success());
}
