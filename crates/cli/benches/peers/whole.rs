//! Whole processes that run the same `hello.ts`, which each has seen before.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::figures::Figures;
use crate::file;
use crate::node::NODE;
use crate::times::Times;

const DENO: &str = "node_modules/@deno/linux-x64-glibc/deno";
const BUN: &str = "node_modules/@oven/bun-linux-x64/bin/bun";
const HELLO: &str = "Hello, world!";
const WARM_UP: usize = 5;
const RUNS: usize = 100;

pub(crate) fn measure(figures: &mut Figures) {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let home = directory.path();
    let lockstep = Path::new(env!("CARGO_BIN_EXE_lockstep"));
    let mut programs = [
        ("lockstep run hello.ts", hello(lockstep, home)),
        ("node hello.ts", hello(&file(NODE), home)),
        ("deno run hello.ts", hello(&file(DENO), home)),
        ("bun run hello.ts", hello(&file(BUN), home)),
        ("true, which does nothing", Command::new("true")),
    ];
    let mut times = programs.each_ref().map(|_| Times::default());
    for _ in 0..RUNS + WARM_UP {
        for ((name, program), times) in programs.iter_mut().zip(&mut times) {
            let ended = times.time(|| program.output().unwrap());
            assert!(ended.status.success(), "{name}");
        }
    }
    let group = figures.group("a whole process, cached", Some("15 ms"));
    for ((who, _), times) in programs.into_iter().zip(times) {
        group.times(who, times, WARM_UP);
    }
}

/// A process that has said hello once, and left in `home` what it keeps for the next time.
fn hello(program: &Path, home: &Path) -> Command {
    let mut command = Command::new(program);
    if !program.ends_with(NODE) {
        command.arg("run");
    }
    command
        .arg(file("steps/hello.ts"))
        .stdin(Stdio::null())
        .env("HOME", home)
        .env("LOCKSTEP_DATA", home.join("data"))
        .env("LOCKSTEP_KEY_FILE", home.join("key"))
        .env("DENO_DIR", home.join("deno"))
        .env("DENO_NO_UPDATE_CHECK", "1");
    let ended = command.output().unwrap();
    let said = [ended.stdout, ended.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(said.contains(HELLO), "{}: {said}", program.display());
    command
}
