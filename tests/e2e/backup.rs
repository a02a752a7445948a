//! `backup` and `restore`, as people and scripts use them.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use lockstep_e2e::{Finished, TestHost, guest, repository, spelling_in};

/// A host, and places for backups and other data directories.
struct Setup {
    host: TestHost,
}

impl Setup {
    async fn new() -> Self {
        Self {
            host: TestHost::new().await,
        }
    }

    fn path(&self, name: &str) -> String {
        let path = self.host.scratch().join(name);
        path.to_str().unwrap().to_owned()
    }

    fn back_up(&self) -> String {
        let file = self.path("backup.db");
        self.host.lockstep(&["backup", &file]).exits(0);
        file
    }

    /// Runs `lockstep` on another data directory.
    fn on(&self, data: &str, arguments: &[&str]) -> Finished {
        let data = self.path(data);
        self.host
            .lockstep(&[&["--data", data.as_str()], arguments].concat())
    }

    fn workspaces(&self, data: &str) -> BTreeSet<String> {
        let list = self
            .on(data, &["workspace", "list", "--json"])
            .exits(0)
            .json();
        let list = list["workspaces"].as_array().unwrap().clone();
        list.iter()
            .map(|workspace| workspace["name"].as_str().unwrap().to_owned())
            .collect()
    }
}

fn wasm(name: &str) -> String {
    let path = repository().join(format!("target/guests/{name}.wasm"));
    path.to_str().unwrap().to_owned()
}

/// Fails unless it was refused with this exit code and word, and says this.
#[track_caller]
fn check_refused(finished: &Finished, code: i32, word: &str, part: &str) {
    assert_eq!(finished.code, code, "{finished:?}");
    let error: serde_json::Value = serde_json::from_str(&finished.stderr).unwrap();
    assert_eq!(error["error"]["code"], word, "{error}");
    assert!(
        error.to_string().contains(part),
        "`{part}` is not in {error}"
    );
}

const READ_CANARY: &str = r#"{"keys":["CANARY"]}"#;

#[tokio::test]
async fn what_is_restored_runs_at_once_with_its_credentials() {
    let setup = Setup::new().await;
    let canary = setup.host.canary();
    setup
        .host
        .lockstep(&["step", "add", "tell", &wasm("credentials")])
        .exits(0);
    let file = setup.back_up();
    let restored = setup.on("second", &["restore", &file]).exits(0);
    assert!(restored.stdout.contains("at hand"), "{restored:?}");
    let ran = setup
        .on("second", &["run", "tell", "--input", READ_CANARY])
        .exits(0);
    assert_eq!(ran.json()["lengths"]["CANARY"], canary.len());
    // And the first one goes on.
    setup
        .host
        .lockstep(&["run", "tell", "--input", READ_CANARY])
        .exits(0);
}

#[tokio::test]
async fn a_backup_says_what_it_holds_and_which_key_it_needs() {
    let setup = Setup::new().await;
    let file = setup.path("backup.db");
    let told = setup
        .host
        .lockstep(&["backup", &file, "--json"])
        .exits(0)
        .json();
    let metadata = fs::metadata(&file).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    assert_eq!(told["bytes"], metadata.len());
    assert_eq!(told["credentials"], 2);
    let key = fs::read_to_string(setup.host.key_file()).unwrap();
    let key = key
        .lines()
        .find(|line| line.starts_with("lockstep-kek-1:"))
        .unwrap();
    assert_eq!(told["keys"], json!([key.split(':').nth(1).unwrap()]));
}

#[tokio::test]
async fn a_backup_holds_no_plaintext_and_no_key() {
    let setup = Setup::new().await;
    let file = setup.back_up();
    let bytes = fs::read(&file).unwrap();
    // The harness searches it for all canaries in all spellings, too.
    setup.host.leaves("a backup", &bytes);
    assert_eq!(spelling_in(&bytes, &setup.host.canary()), None);
    let key = fs::read_to_string(setup.host.key_file()).unwrap();
    let digits = key.trim_end().rsplit(':').next().unwrap();
    assert_eq!(spelling_in(&bytes, digits), None);
    // What the search would find, if it were there.
    assert_eq!(spelling_in(&bytes, "CANARY_LINES"), Some("raw"));
}

#[tokio::test]
async fn without_its_key_a_backup_opens_nothing() {
    let setup = Setup::new().await;
    let file = setup.back_up();
    let other = setup.path("other-key");
    let restored = setup
        .on(
            "second",
            &["restore", &file, "--key-file", &other, "--json"],
        )
        .exits(0);
    assert_eq!(restored.json()["key"], "locked");
    assert!(
        !Path::new(&other).exists(),
        "no key is made for what it cannot open"
    );
    assert!(restored.stderr.contains("locked"), "{}", restored.stderr);

    fs::write(&other, format!("{}\n", "5a".repeat(32))).unwrap();
    fs::set_permissions(&other, fs::Permissions::from_mode(0o600)).unwrap();
    let locked = setup.on(
        "second",
        &[
            "run",
            &wasm("credentials"),
            "--input",
            READ_CANARY,
            "--key-file",
            &other,
        ],
    );
    assert_eq!(locked.code, 70, "{locked:?}");
    setup
        .on(
            "second",
            &["run", &wasm("credentials"), "--input", READ_CANARY],
        )
        .exits(0);
}

#[tokio::test]
async fn a_backup_is_taken_while_others_work_and_replaces_nothing() {
    let setup = Setup::new().await;
    // The runner of this host has the database open all the time.
    let file = setup.back_up();
    let again = setup.host.lockstep(&["backup", &file, "--json"]);
    check_refused(&again, 2, "already_exists", "--force");
    setup.host.set("LATER", "set after the first backup").await;
    let forced = setup
        .host
        .lockstep(&["backup", &file, "--force", "--json"])
        .exits(0);
    assert_eq!(forced.json()["credentials"], 3);
}

#[tokio::test]
async fn a_backup_that_cannot_be_is_refused() {
    let setup = Setup::new().await;
    let inside = setup.host.data().join("backup.db");
    for (file, code, part) in [
        (
            inside.to_str().unwrap(),
            "in_data_directory",
            "name another directory",
        ),
        (
            &setup.path("no/such/directory"),
            "unwritable",
            "No such file",
        ),
        (&setup.path(""), "already_exists", "it is a directory"),
        ("-", "usage", "stdout"),
    ] {
        let refused = setup.host.lockstep(&["backup", file, "--force", "--json"]);
        check_refused(&refused, 2, code, part);
    }
    let nothing = setup.on("absent", &["backup", &setup.path("file"), "--json"]);
    check_refused(&nothing, 2, "not_found", "holds no database");
    assert!(!Path::new(&setup.path("absent")).exists());
}

#[tokio::test]
async fn a_restore_replaces_a_database_only_if_that_is_meant_and_nobody_uses_it() {
    let setup = Setup::new().await;
    let file = setup.back_up();
    let used = setup
        .host
        .lockstep(&["restore", &file, "--force", "--json"]);
    check_refused(&used, 2, "in_use", "in use by another process");

    setup.on("second", &["workspace", "add", "mine"]).exits(0);
    let there = setup.on("second", &["restore", &file, "--json"]);
    check_refused(&there, 2, "already_exists", "--force");
    assert!(setup.workspaces("second").contains("mine"));
    let forced = setup
        .on("second", &["restore", &file, "--force", "--json"])
        .exits(0)
        .json();
    assert!(!setup.workspaces("second").contains("mine"));
    let kept = forced["replaced"].as_str().unwrap();
    setup.on("third", &["restore", kept]).exits(0);
    assert!(setup.workspaces("third").contains("mine"));
}

#[tokio::test]
async fn a_file_that_is_no_whole_backup_is_refused_and_nothing_is_touched() {
    let setup = Setup::new().await;
    let file = setup.back_up();
    let whole = fs::read(&file).unwrap();
    let check = |bytes: &[u8], part| {
        fs::write(&file, bytes).unwrap();
        let refused = setup.on("second", &["restore", &file, "--json"]);
        check_refused(&refused, 2, "invalid_backup", part);
        assert!(!Path::new(&setup.path("second")).exists());
    };
    check(&whole[..whole.len() - 1], "is damaged");
    check(&whole[..whole.len() / 2], "is damaged");
    check(&guest("echo"), "is not a database of Lockstep");
    check(b"", "is not a database of Lockstep");
    let mut newer = whole.clone();
    // The schema version, in the header that SQLite documents.
    newer[60..64].copy_from_slice(&999_u32.to_be_bytes());
    check(&newer, "has schema 999, and this release knows schema");
    fs::write(&file, &whole).unwrap();
    setup.on("second", &["restore", &file]).exits(0);
}

#[tokio::test]
async fn a_run_that_was_open_in_the_backup_is_lost_and_told() {
    let setup = Setup::new().await;
    let sleeper = repository().join("tests/guests/long-sleep.wat");
    let sleeper = sleeper.to_str().unwrap();
    let mut process = setup
        .host
        .spawn_lockstep(&["run", sleeper, "--timeout", "60s"]);
    let open = json!("open");
    while setup.host.lockstep(&["runs", "list", "--json"]).json()["runs"][0]["status"] != open {}
    let file = setup.back_up();
    let restored = setup.on("second", &["restore", &file]).exits(0);
    assert!(
        restored.stdout.contains("1 run was open"),
        "{}",
        restored.stdout
    );
    let runs = setup
        .on("second", &["runs", "list", "--json"])
        .exits(0)
        .json();
    assert_eq!(runs["runs"][0]["status"], "lost", "{runs}");
    process.kill().unwrap();
    process.wait().unwrap();
}

/// What is in a data directory: every name, and how long each file is.
fn listing(data: &Path) -> BTreeSet<(PathBuf, u64)> {
    let entries = fs::read_dir(data).into_iter().flatten().flatten();
    let listed = entries.filter_map(|entry| Some((entry.path(), entry.metadata().ok()?.len())));
    listed.collect()
}

/// Kills a restore over an old database when the data directory has changed so many times, and says whether it was
/// killed before it had ended. Whatever it left, it is the old database or the new one, with nothing lost.
fn kill_after(changes: usize, setup: &Setup, file: &str) -> bool {
    let name = format!("killed-{changes}");
    setup.on(&name, &["workspace", "add", "old"]).exits(0);
    let data = setup.host.scratch().join(&name);
    let mut process =
        setup
            .host
            .spawn_lockstep(&["restore", file, "--force", "--data", data.to_str().unwrap()]);
    let mut seen = listing(&data);
    let mut left = changes;
    let ended = loop {
        if process.try_wait().unwrap().is_some() {
            break true;
        }
        let now = listing(&data);
        if now != seen {
            seen = now;
            left -= 1;
            if left == 0 {
                process.kill().unwrap();
                process.wait().unwrap();
                break false;
            }
        }
    };
    let workspaces = setup.workspaces(&name);
    let is_old = workspaces.contains("old");
    assert_ne!(
        is_old,
        workspaces.contains("new"),
        "{changes}: {workspaces:?}"
    );
    assert_eq!(setup.on(&name, &["doctor"]).code, 0, "{changes}");
    if !is_old {
        let kept = fs::read_dir(&data)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let is_kept = |path: &PathBuf| {
            path.extension().is_some_and(|kind| kind == "db")
                && path.file_name().unwrap() != "lockstep.db"
        };
        let kept = kept.filter(is_kept).last().unwrap();
        let third = format!("kept-{changes}");
        setup
            .on(&third, &["restore", kept.to_str().unwrap()])
            .exits(0);
        assert!(setup.workspaces(&third).contains("old"), "{changes}");
    }
    !ended
}

#[tokio::test]
async fn a_restore_that_is_killed_leaves_the_old_database_or_the_new_one() {
    let setup = Setup::new().await;
    setup.host.lockstep(&["workspace", "add", "new"]).exits(0);
    // A step of megabytes, so that the copy takes long enough to be caught in it.
    setup
        .host
        .lockstep(&["step", "add", "large", &wasm("credentials")])
        .exits(0);
    let file = setup.back_up();
    let killed = (1..=12)
        .filter(|&changes| kill_after(changes, &setup, &file))
        .count();
    assert!(killed >= 4, "killed {killed} times");
}

/// What is in a directory for backups.
fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}

/// Begins a backup and kills it once something of it is there. Says whether something is left.
fn kill_backup(setup: &Setup, directory: &Path) -> bool {
    let file = directory.join("killed.db");
    let mut process = setup
        .host
        .spawn_lockstep(&["backup", file.to_str().unwrap()]);
    while names(directory).is_empty() && process.try_wait().unwrap().is_none() {}
    process.kill().unwrap();
    process.wait().unwrap();
    drop(fs::remove_file(file));
    !names(directory).is_empty()
}

#[tokio::test]
async fn what_a_killed_backup_leaves_the_next_one_removes_and_names() {
    let setup = Setup::new().await;
    // Megabytes, so that the copy takes long enough to be caught in it.
    let step = wasm("credentials");
    setup
        .host
        .lockstep(&["step", "add", "large", &step])
        .exits(0);
    let directory = setup.host.scratch().join("backups");
    fs::create_dir(&directory).unwrap();
    while !kill_backup(&setup, &directory) {}
    let left = names(&directory).remove(0);
    let file = directory.join("backup.db");
    let told = setup
        .host
        .lockstep(&["backup", file.to_str().unwrap()])
        .exits(0);
    assert!(told.stderr.contains(&left), "{told:?}");
    assert_eq!(names(&directory), ["backup.db"]);
    let file = file.to_str().unwrap();
    setup.on("second", &["restore", file]).exits(0);
}

/// Ends what goes on when the test does, however it does.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn a_backup_is_of_one_moment_while_other_processes_set_credentials() {
    let setup = Setup::new().await;
    let both = setup.path("both.env");
    let value = "set together with the other one";
    setup.host.guard(value);
    fs::write(&both, format!("ONE='{value}'\nTWO='{value}'\n")).unwrap();
    let set_both = || {
        setup
            .host
            .lockstep(&["credential", "import", &both])
            .exits(0)
    };
    let version = |data: &str, key: &str| {
        let shown = setup
            .on(data, &["credential", "show", key, "--json"])
            .exits(0);
        shown.json()["version"].as_u64().unwrap()
    };
    set_both();
    let (ended, mut versions) = (AtomicBool::new(false), BTreeSet::new());
    std::thread::scope(|scope| {
        let _ending = Ending(&ended);
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                set_both();
            }
        });
        for number in 0..6 {
            let (file, data) = (setup.path(&format!("b{number}")), format!("d{number}"));
            // Steps run on the same database, too.
            setup.host.lockstep(&["run", &wasm("echo")]).exits(0);
            setup.host.lockstep(&["backup", &file]).exits(0);
            setup.on(&data, &["restore", &file]).exits(0);
            let one = version(&data, "ONE");
            assert_eq!(one, version(&data, "TWO"), "they were set together");
            versions.insert(one);
        }
    });
    assert!(versions.len() >= 3, "it was set meanwhile: {versions:?}");
}
