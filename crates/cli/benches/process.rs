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

use crate::times::Times;

#[path = "../../sandbox/benches/stand/times.rs"]
mod times;

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
    let mut times = commands.each_ref().map(|_| Times::default());
    for _ in 0..WARM_UP + RUNS {
        for ((_, command), times) in commands.iter_mut().zip(&mut times) {
            let status = times.time(|| command.status());
            assert!(status.unwrap().success(), "{command:?}");
        }
    }
    println!("{RUNS} runs each        p50        p99");
    for ((name, _), times) in commands.into_iter().zip(times) {
        let (p50, p99) = times.p50_p99(WARM_UP);
        println!("{name:<16} {p50:>10.1?} {p99:>10.1?}");
    }
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
