//! The process that compiles: what it has, and when it ends.

use std::fs;
use std::process::Child;
use std::thread::sleep;
use std::time::{Duration, Instant};

use lockstep_e2e::TestHost;

/// A `lockstep run` whose step takes minutes to compile, and the process that compiles it.
struct Compiling {
    host: Child,
    compiler: String,
}

impl Compiling {
    fn begin(test: &TestHost) -> Self {
        let step = test.scratch().join("slow.wasm");
        fs::write(&step, super::bombs::slow_to_compile(500)).unwrap();
        let host = test.spawn_lockstep(&["run", step.to_str().unwrap()]);
        let id = host.id();
        let compiler = until("the compiler has begun", || {
            let compiler = children(id).into_iter().next()?;
            // It has read the step once it watches its host.
            let threads = fs::read_dir(format!("/proc/{compiler}/task")).ok()?;
            (threads.count() > 1).then_some(compiler)
        });
        Self { host, compiler }
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{file}", self.compiler)).unwrap()
    }
}

/// The processes that `parent` has started and that have not ended.
fn children(parent: u32) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{parent}/task"));
    tasks
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|task| fs::read_to_string(task.path().join("children")).ok())
        .flat_map(|children| {
            let children = children.split_whitespace().map(str::to_owned);
            children.collect::<Vec<_>>()
        })
        .collect()
}

fn is_running(process: &str) -> bool {
    let state = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name is in brackets, and then comes the state.
    state
        .rsplit(") ")
        .next()
        .is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

fn until<T>(what: &str, mut come: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(come) = come() {
            return come;
        }
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "not within 20 s: {what}"
        );
        sleep(Duration::from_millis(5));
    }
}

#[tokio::test]
async fn the_compiler_has_no_environment_no_file_and_no_more_than_its_limits() {
    let test = TestHost::new().await;
    let mut compiling = Compiling::begin(&test);
    let environment = compiling.read("environ");
    assert!(
        environment.starts_with("RAYON_NUM_THREADS=") && environment.matches('=').count() == 1,
        "{environment}"
    );
    let files: Vec<_> = fs::read_dir(format!("/proc/{}/fd", compiling.compiler))
        .unwrap()
        .map(|entry| {
            fs::read_link(entry.unwrap().path())
                .unwrap()
                .display()
                .to_string()
        })
        .collect();
    assert!(
        files.len() == 3 && files.iter().all(|file| file.starts_with("pipe:")),
        "{files:?}"
    );
    let arguments = compiling.read("cmdline");
    assert_eq!(
        arguments.split('\0').nth(1),
        Some("compile-for-host"),
        "{arguments}"
    );
    let limits = compiling.read("limits");
    for (limit, most) in [
        ("Max address space", "3221225472"),
        ("Max core file size", "0"),
    ] {
        let line = limits.lines().find(|line| line.starts_with(limit)).unwrap();
        assert!(line[limit.len()..].trim_start().starts_with(most), "{line}");
    }
    compiling.host.kill().unwrap();
    compiling.host.wait().unwrap();
}

#[tokio::test]
async fn the_compiler_ends_with_its_host_however_that_ends() {
    let test = TestHost::new().await;
    let mut compiling = Compiling::begin(&test);
    assert!(is_running(&compiling.compiler));
    // SIGKILL: the host has no time to say anything.
    compiling.host.kill().unwrap();
    compiling.host.wait().unwrap();
    until("the compiler has ended", || {
        (!is_running(&compiling.compiler)).then_some(())
    });
}
