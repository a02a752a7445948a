//! A disk that is full or read-only: a clear error, nothing lost, and all well again once there is room.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use lockstep_e2e::crash::proof;
use lockstep_e2e::{
    Finished, Machine, SmallDisk, TestHost, Wanted, guest, in_own_mounts, is_traced, repository,
    wat,
};
use lockstep_runner::{ManageError, NewCredential, PutRule, RunError, StoreError};
use lockstep_sandbox::SandboxConfig;
use lockstep_secret::Secret;
use lockstep_step::{OutcomeKind, Scope, WorkspaceName};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
/// What is left on the disk when a command begins: too little to open, to write, to record, and enough.
const LEFT: [u64; 10] = [
    0,
    4 * KIB,
    16 * KIB,
    36 * KIB,
    40 * KIB,
    48 * KIB,
    56 * KIB,
    64 * KIB,
    128 * KIB,
    MIB,
];

fn proves() -> String {
    let path = repository().join("target/guests/proves.wasm");
    path.to_str().unwrap().to_owned()
}

fn run(machine: &Machine) -> Finished {
    let input = json!({"nonce": "n", "keys": ["TOKEN"]}).to_string();
    machine.lockstep(&["run", &proves(), "--input", &input])
}

/// What the command said on a full disk: what is full, and what to do.
#[track_caller]
fn told_full(finished: Finished, directory: &Path) {
    let Finished { stderr, .. } = finished.exits(70);
    let place = directory.display().to_string();
    for told in ["full", "make room", &place] {
        assert!(stderr.contains(told), "no `{told}` in {stderr}");
    }
}

#[track_caller]
fn check_held(machine: &Machine, version: u64, value: &str) {
    let listed = machine
        .lockstep(&["credential", "list", "--json"])
        .exits(0)
        .json();
    let held = &listed["credentials"][0];
    assert_eq!(held["version"], version, "{listed}");
    let proved = run(machine).exits(0).json();
    assert_eq!(proved, json!({"TOKEN": proof("n", value)}));
}

fn statuses(machine: &Machine) -> Vec<String> {
    let runs = machine
        .lockstep(&["runs", "list", "--json"])
        .exits(0)
        .json();
    let runs = runs["runs"].as_array().unwrap();
    runs.iter()
        .map(|run| run["status"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_full_disk_is_told_and_loses_nothing() {
    in_own_mounts("disk::a_full_disk_is_told_and_loses_nothing", || {
        let machine = Machine::new();
        let disk = SmallDisk::mount(&machine.data, 6 * MIB);
        disk.fill(0);
        told_full(machine.set("TOKEN", "value-of-no-version"), &machine.data);
        disk.free();
        let mut value = "value-of-version-1".to_owned();
        machine.set("TOKEN", &value).exits(0);
        check_held(&machine, 1, &value);
        let (mut version, mut refused, mut completed) = (1, 0, 1);
        for left in LEFT {
            // It writes the log of the runs before into the database: nothing is left whose room could be used again.
            machine.set("ZZZ", "another-value").exits(0);
            disk.fill(left);
            let next = format!("value-with-{left}-bytes-left");
            let set = machine.set("TOKEN", &next);
            if set.code == 0 {
                (version, value) = (version + 1, next);
            } else {
                refused += 1;
                told_full(set, &machine.data);
            }
            let ran = run(&machine);
            if ran.code == 0 {
                completed += 1;
            } else {
                refused += 1;
                told_full(ran, &machine.data);
            }
            let listed = machine.lockstep(&["credential", "list"]);
            if listed.code != 0 {
                told_full(listed, &machine.data);
            }
            disk.free();
            check_held(&machine, version, &value);
            completed += 1;
        }
        assert!(
            refused > 4 && version > 2,
            "{refused} refused, version {version}"
        );
        let statuses = statuses(&machine);
        let count = |word| statuses.iter().filter(|status| *status == word).count();
        assert_eq!((count("completed"), count("open")), (completed, 0));
        machine.lockstep(&["doctor"]).exits(0);
    });
}

#[test]
fn a_run_that_cannot_be_recorded_does_not_start() {
    in_own_mounts("disk::a_run_that_cannot_be_recorded_does_not_start", || {
        let machine = Machine::new();
        let disk = SmallDisk::mount(&machine.data, 6 * MIB);
        machine.set("TOKEN", "value-of-version-1").exits(0);
        disk.fill(0);
        let ran = run(&machine);
        assert!(!ran.stderr.contains("proved"), "the step ran: {ran:?}");
        told_full(ran, &machine.data);
        disk.free();
        assert_eq!(statuses(&machine), Vec::<String>::new());
        run(&machine).exits(0);
    });
}

#[test]
fn a_run_whose_end_cannot_be_recorded_is_told_and_then_lost() {
    in_own_mounts(
        "disk::a_run_whose_end_cannot_be_recorded_is_told_and_then_lost",
        || {
            let machine = Machine::new();
            let disk = SmallDisk::mount(&machine.data, 6 * MIB);
            let flood = repository().join("tests/guests/log-flood.wat");
            let flood = flood.to_str().unwrap();
            machine.lockstep(&["run", flood]).exits(0);
            disk.fill(400 * KIB);
            told_full(machine.lockstep(&["run", flood]), &machine.data);
            disk.free();
            assert_eq!(statuses(&machine), ["lost", "completed"]);
            machine.lockstep(&["run", flood]).exits(0);
        },
    );
}

#[test]
fn compiled_code_that_finds_no_room_is_not_kept_and_the_run_goes_on() {
    in_own_mounts(
        "disk::compiled_code_that_finds_no_room_is_not_kept_and_the_run_goes_on",
        || {
            let machine = Machine::new();
            let disk = SmallDisk::mount(&machine.data, 6 * MIB);
            machine.set("TOKEN", "value-of-version-1").exits(0);
            let cached = || files(&machine.data.join("cache")).len();
            disk.fill(200 * KIB);
            let ran = run(&machine).exits(0);
            assert!(ran.stderr.contains("not cached on disk"), "{ran:?}");
            assert_eq!(cached(), 0);
            disk.free();
            run(&machine).exits(0);
            assert_eq!(cached(), 1);
        },
    );
}

#[test]
fn a_key_that_finds_no_room_leaves_no_half_key() {
    in_own_mounts("disk::a_key_that_finds_no_room_leaves_no_half_key", || {
        let machine = Machine::new();
        let folder = machine.key_file.parent().unwrap();
        let disk = SmallDisk::mount(folder, 64 * KIB);
        disk.fill(0);
        let set = machine.set("TOKEN", "value-of-no-version").exits(70);
        let path = machine.key_file.display().to_string();
        for told in ["make room", "No space left", &path] {
            assert!(set.stderr.contains(told), "no `{told}` in {set:?}");
        }
        disk.free();
        assert_eq!(files(folder), Vec::<PathBuf>::new());
        machine.set("TOKEN", "value-of-version-1").exits(0);
        check_held(&machine, 1, "value-of-version-1");
    });
}

#[test]
fn a_read_only_disk_is_told_and_loses_nothing() {
    in_own_mounts("disk::a_read_only_disk_is_told_and_loses_nothing", || {
        let machine = Machine::new();
        let disk = SmallDisk::mount(&machine.data, 6 * MIB);
        machine.set("TOKEN", "value-of-version-1").exits(0);
        check_held(&machine, 1, "value-of-version-1");
        disk.forbid_writing();
        let place = machine.data.display().to_string();
        let told = |finished: Finished| {
            for told in ["read-only", &place] {
                assert!(
                    finished.stderr.contains(told),
                    "no `{told}` in {finished:?}"
                );
            }
            finished.exits(70);
        };
        told(machine.set("TOKEN", "value-of-no-version"));
        told(machine.lockstep(&["credential", "delete", "TOKEN"]));
        told(run(&machine));
        told(machine.lockstep(&["credential", "list"]));
        told(machine.lockstep(&["runs", "list"]));
        let examined = machine.lockstep(&["doctor"]).exits(1);
        assert!(examined.stdout.contains("read-only"), "{examined:?}");
        disk.allow_writing();
        check_held(&machine, 1, "value-of-version-1");
        machine.lockstep(&["doctor"]).exits(0);
    });
}

#[test]
fn a_host_that_stays_open_goes_on_when_there_is_room_again() {
    in_own_mounts(
        "disk::a_host_that_stays_open_goes_on_when_there_is_room_again",
        || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(fill_below_a_host());
        },
    );
}

async fn fill_below_a_host() {
    let directory = tempfile::tempdir().unwrap();
    let disk = SmallDisk::mount(&directory.path().join("data"), 8 * MIB);
    let host = TestHost::within(directory, SandboxConfig::for_runs(2)).await;
    let prove =
        || Wanted::of(guest("proves")).input(json!({"nonce": "n", "keys": ["BIG"]}).to_string());
    host.run(prove()).await;
    disk.fill(64 * KIB);
    let (mut versions, mut last) = (0, None);
    let refusal = loop {
        assert!(versions < 100, "the disk takes all");
        let value = format!("{versions:04}").repeat(15_000);
        match put(&host, &value).await {
            Ok(version) => (versions, last) = (version, Some(value)),
            Err(error) => break error,
        }
    };
    assert!(
        matches!(refusal, ManageError::Store(StoreError::Full)),
        "{refusal:?}"
    );
    disk.free();
    disk.fill(0);
    let refused = loop {
        match host.try_run(&host.admin, prove()).await {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(
        matches!(refused, RunError::Record(StoreError::Full)),
        "{refused:?}"
    );
    disk.free();
    let ran = host.run(prove()).await;
    let expected = last.map(|value| proof("n", &value));
    assert_eq!(ran.output(), json!({"BIG": expected}));
    assert_eq!(put(&host, "smaller").await.unwrap(), versions + 1);
}

#[test]
fn a_log_that_finds_no_room_for_a_while_is_recorded_whole() {
    in_own_mounts(
        "disk::a_log_that_finds_no_room_for_a_while_is_recorded_whole",
        || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(log_while_full());
        },
    );
}

async fn log_while_full() {
    let directory = tempfile::tempdir().unwrap();
    let disk = SmallDisk::mount(&directory.path().join("data"), 8 * MIB);
    let host = TestHost::within(directory, SandboxConfig::for_runs(2)).await;
    let flood = String::from_utf8(wat("log-flood")).unwrap();
    let flood = flood.replace("(call $set_output", "(loop (br 0)) (call $set_output");
    let run =
        |timeout| Wanted::of(flood.clone().into_bytes()).limits(|limits| limits.timeout = timeout);
    host.run(run(Duration::from_millis(1))).await;
    disk.fill(256 * KIB);
    let running = host.run(run(Duration::from_secs(4)));
    let make_room = async {
        while !is_traced("a part of the log is not recorded yet") {
            tokio::task::yield_now().await;
        }
        disk.free();
    };
    let (ran, ()) = tokio::join!(running, make_room);
    assert_eq!(ran.kind(), OutcomeKind::Timeout);
    let recorded = host.recorded_log(&ran).await;
    assert!(
        recorded == ran.log.as_bytes(),
        "{} bytes of {} are recorded",
        recorded.len(),
        ran.log.len()
    );
}

async fn put(host: &TestHost, value: &str) -> Result<u64, ManageError> {
    let credential = NewCredential {
        key: "BIG".parse().unwrap(),
        value: Secret::new(value.to_owned()),
        note: None,
        expires_at: None,
        handling: None,
    };
    let (workspace, scope) = (WorkspaceName::default_name(), Scope::Workspace);
    let rule = PutRule::CreateOrRotate;
    let put = host
        .runner
        .put_credentials(&host.admin, &workspace, &scope, &[credential], rule)
        .await?;
    Ok(put[0].version)
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}
