//! From one key to the next, while steps run and processes are killed.

use std::fs;
use std::future::poll_fn;
use std::os::unix::fs::MetadataExt as _;
use std::pin::Pin;
use std::sync::mpsc;
use std::task::Poll;

use tokio::runtime::Builder;
use tokio::task::{JoinSet, spawn_blocking, yield_now};

use lockstep_e2e::{TestHost, Wanted, digits_of_keys, guest};
use lockstep_runner::{KeyState, ManageError, NewCredential, PutRule, Runner};
use lockstep_secret::Secret;
use lockstep_step::{Caller, OutcomeKind, Role, Scope, WorkspaceName};

use super::{add_workspace, key_file, primary, rotate, run, shown, status};

/// Adds workspaces of these numbers, each with a key of its own and a credential under it.
async fn add_workspaces(host: &TestHost, numbers: std::ops::Range<usize>) {
    let mut adding = JoinSet::new();
    for number in numbers {
        let (runner, admin) = (host.runner.clone(), host.admin.clone());
        adding.spawn(async move {
            let workspace = tenant(number);
            runner.add_workspace(&admin, &workspace).await.unwrap();
            set_token(&runner, &admin, &workspace).await;
        });
    }
    adding.join_all().await;
}

fn tenant(number: usize) -> WorkspaceName {
    format!("tenant-{number:04}").parse().unwrap()
}

async fn set_token(runner: &Runner, admin: &Caller, workspace: &WorkspaceName) {
    let credentials = [NewCredential {
        key: "TOKEN".parse().unwrap(),
        value: Secret::new(format!("the value of {workspace}")),
        note: None,
        expires_at: None,
        handling: None,
    }];
    let (scope, rule) = (Scope::Workspace, PutRule::CreateOrRotate);
    let put = runner.put_credentials(admin, workspace, &scope, &credentials, rule);
    put.await.unwrap();
}

/// How many records the primary of the file wraps, and how many others do.
async fn counts(runner: &Runner, admin: &Caller) -> (u64, u64) {
    let keys = runner.keys(admin).await.unwrap().keys;
    let all: u64 = keys.iter().map(|key| key.records).sum();
    (keys[0].records, all - keys[0].records)
}

/// Opens the key of each workspace once, by wrapping it under yet another key.
fn check_all_open(host: &TestHost, workspaces: u64) {
    rotate(host);
    let done = host.lockstep(&["key", "rewrap", "--json"]).exits(0).json();
    assert_eq!(done["rewrapped"], workspaces, "{done}");
    assert_eq!(done["failed"], 0, "{done}");
    run(host).exits(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_run_and_credentials_are_set_while_a_thousand_keys_are_wrapped_anew() {
    let host = TestHost::new().await;
    add_workspaces(&host, 0..1_000).await;
    // This process holds the old ring, and learns of the new key when it meets it.
    rotate(&host);
    let mut rewrapping = host.spawn_lockstep(&["key", "rewrap"]);
    let mut runs = 0;
    loop {
        let ended = rewrapping.try_wait().unwrap();
        let value = format!("value {runs} set meanwhile");
        host.set("MEANWHILE", &value).await;
        let wanted = Wanted::of(guest("credentials")).input(r#"{"keys":["CANARY","MEANWHILE"]}"#);
        let ran = host.run(wanted).await;
        assert_eq!(ran.kind(), OutcomeKind::Completed);
        assert_eq!(ran.output()["lengths"]["MEANWHILE"], value.len());
        runs += 1;
        if let Some(ended) = ended {
            assert!(ended.success(), "{ended}");
            break;
        }
    }
    assert!(runs > 1, "nothing ran meanwhile");
    assert_eq!(
        counts(&host.another_runner(), &host.admin).await,
        (1_001, 0)
    );
    // Under a key that is wrapped anew, and under one that is made by this process, which began with the old ring.
    set_token(&host.runner, &host.admin, &tenant(7)).await;
    add_workspaces(&host, 1_000..1_001).await;
    assert_eq!(
        counts(&host.another_runner(), &host.admin).await,
        (1_002, 0)
    );
    check_all_open(&host, 1_002);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rewrap_that_is_killed_halfway_is_finished_by_the_next() {
    let host = TestHost::new().await;
    add_workspaces(&host, 0..1_000).await;
    for _ in 0..20 {
        rotate(&host);
        let observer = host.another_runner();
        let mut rewrapping = host.spawn_lockstep(&["key", "rewrap"]);
        while counts(&observer, &host.admin).await.0 == 0 {
            yield_now().await;
        }
        // SIGKILL.
        rewrapping.kill().unwrap();
        rewrapping.wait().unwrap();
        let (new, old) = counts(&observer, &host.admin).await;
        assert_eq!(new + old, 1_001);
        run(&host).exits(0);
        if old > 0 {
            assert_eq!(new % 100, 0, "a batch is there or not");
            let done = host.lockstep(&["key", "rewrap", "--json"]).exits(0).json();
            assert_eq!(done["rewrapped"], old, "{done}");
            return check_all_open(&host, 1_001);
        }
        // It was quicker than we: once more.
    }
    panic!("no process could be killed halfway");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotate_that_is_killed_at_any_point_leaves_a_ring_that_opens_everything() {
    let host = TestHost::new().await;
    let (file, draft) = (host.key_file(), host.scratch().join("key.new"));
    let mut rotated = 0;
    for round in 0..12 {
        let before = digits_of_keys(&file);
        let inode = fs::metadata(&file).unwrap().ino();
        let mut rotating = host.spawn_lockstep(&["key", "rotate"]);
        // In even rounds as soon as it writes, in odd ones as soon as the new file is in its place.
        while rotating.try_wait().unwrap().is_none()
            && fs::metadata(&file).unwrap().ino() == inode
            && (round % 2 == 1 || !draft.exists())
        {
            std::hint::spin_loop();
        }
        rotating.kill().unwrap();
        rotating.wait().unwrap();
        let after = digits_of_keys(&file);
        host.guard_keys();
        assert!(
            after.ends_with(&before) && after.len() <= before.len() + 1,
            "round {round}"
        );
        rotated += after.len() - before.len();
    }
    assert!(rotated > 0, "none came as far as the new file");
    run(&host).exits(0);
    check_all_open(&host, 1);
    assert!(!draft.exists());
}

#[tokio::test]
async fn two_who_rotate_at_once_both_add_a_key() {
    let host = TestHost::new().await;
    let first = primary(&host);
    let rotating = [(); 2].map(|()| host.spawn_lockstep(&["key", "rotate"]));
    for mut process in rotating {
        assert!(process.wait().unwrap().success());
    }
    host.guard_keys();
    let keys = shown(&status(&host));
    assert_eq!(keys.len(), 3, "{keys:?}");
    assert_eq!(keys[2], (first, "opens".to_owned(), 1));
}

#[tokio::test]
async fn from_one_key_to_the_next_as_status_shows_it() {
    let host = TestHost::new().await;
    add_workspace(&host, "acme");
    let old = primary(&host);
    let state = |word: &str| word.to_owned();
    assert_eq!(shown(&status(&host)), [(old.clone(), state("primary"), 2)]);

    let new = rotate(&host);
    let opens = |records| (old.clone(), state("opens"), records);
    let leads = |records| (new.clone(), state("primary"), records);
    let shown_now = status(&host);
    assert_eq!(shown(&shown_now), [leads(0), opens(2)]);
    assert!(shown_now["hint"].as_str().unwrap().contains("key rewrap"));
    run(&host).exits(0);
    let checked = host.lockstep(&["doctor"]).exits(0).stdout;
    assert!(checked.contains("2 workspaces still wait"), "{checked}");

    let refused = host.lockstep(&["key", "retire", &old]).exits(2);
    for part in [old.as_str(), "2 workspaces", "lockstep key rewrap"] {
        assert!(refused.stderr.contains(part), "{}", refused.stderr);
    }
    let refused = host.lockstep(&["key", "retire", &new]).exits(2);
    assert!(refused.stderr.contains("key rotate"), "{}", refused.stderr);

    // A workspace that comes meanwhile is under the new key.
    add_workspace(&host, "globex");
    assert_eq!(shown(&status(&host)), [leads(1), opens(2)]);
    let done = host.lockstep(&["key", "rewrap"]).exits(0);
    assert!(done.stdout.contains("2 workspaces"), "{}", done.stdout);
    let unused = (old.clone(), state("unused"), 0);
    let shown_now = status(&host);
    assert_eq!(shown(&shown_now), [leads(3), unused]);
    assert!(shown_now["hint"].as_str().unwrap().contains("key retire"));

    let copy = fs::read_to_string(host.key_file()).unwrap();
    let retired = host.lockstep(&["key", "retire", &old]).exits(0);
    assert!(retired.stderr.contains("backup"), "{}", retired.stderr);
    host.lockstep(&["key", "retire", &old]).exits(0);
    let gone = (old.clone(), state("retired"), 0);
    let shown_now = status(&host);
    assert_eq!(shown(&shown_now), [leads(3), gone.clone()]);
    assert_eq!(shown_now["keys"][1]["on_ring"], false);
    assert_eq!(digits_of_keys(&host.key_file()).len(), 1);
    run(&host).exits(0);

    // A copy from before it was retired works, too, and is told.
    let copy = key_file(&host, "copy", &copy);
    let arguments = [
        "key",
        "status",
        "--json",
        "--key-file",
        copy.to_str().unwrap(),
    ];
    let shown_now = host.lockstep(&arguments).exits(0).json();
    assert_eq!(shown(&shown_now), [leads(3), gone]);
    assert_eq!(shown_now["keys"][1]["on_ring"], true);
    assert!(shown_now["hint"].as_str().unwrap().contains("key retire"));
    // So it is if a process is killed before the file is changed: the next one ends it.
    let arguments = ["key", "retire", &old, "--key-file", copy.to_str().unwrap()];
    host.lockstep(&arguments).exits(0);
    assert_eq!(digits_of_keys(&copy).len(), 1);
}

#[tokio::test]
async fn who_is_no_admin_neither_sees_nor_changes_keys() {
    let host = TestHost::new().await;
    let before = fs::read(host.key_file()).unwrap();
    let old = host.runner.keys(&host.admin).await.unwrap().keys[0].id;
    for role in [Role::Editor, Role::Viewer] {
        let caller = Caller {
            name: "test:other".to_owned(),
            role,
        };
        let runner = &host.runner;
        let refusals = [
            runner.keys(&caller).await.err(),
            runner.rotate_key(&caller, None).await.err(),
            runner.rewrap_keys(&caller, |_| {}).await.err(),
            runner.retire_key(&caller, old).await.err(),
        ];
        for refusal in refusals {
            assert!(
                matches!(refusal, Some(ManageError::Forbidden(_))),
                "{refusal:?}"
            );
        }
    }
    assert_eq!(fs::read(host.key_file()).unwrap(), before);
}

/// On the one thread for work that blocks nothing goes on while the test has it: neither of two can end before the other is
/// asked for.
#[test]
fn one_rewrapping_goes_on_at_a_time_and_ends_with_who_asked_for_it() {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    runtime.block_on(async {
        let host = TestHost::new().await;
        let (runner, admin) = (&host.runner, &host.admin);
        rotate(&host);
        let (free, held) = mpsc::channel::<()>();
        let held = spawn_blocking(move || held.recv());
        let mut first = Box::pin(runner.rewrap_keys(admin, |_| {}));
        assert!(asked(&mut first).await.is_pending());
        let second = runner.rewrap_keys(admin, |_| {}).await;
        assert!(matches!(second, Err(ManageError::Rewrapping)));
        drop(first);
        let mut third = Box::pin(runner.rewrap_keys(admin, |_| {}));
        assert!(asked(&mut third).await.is_pending());
        free.send(()).unwrap();
        assert_eq!(third.await.unwrap().rewrapped, 1);
        held.await.unwrap().unwrap();
        assert_eq!(
            runner.rewrap_keys(admin, |_| {}).await.unwrap().rewrapped,
            0
        );
    });
}

/// Polls once.
async fn asked<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    poll_fn(|context| Poll::Ready(Pin::new(&mut *future).poll(context))).await
}

#[tokio::test]
async fn a_rotation_and_a_retirement_go_on_though_whoever_asked_goes_away() {
    let host = TestHost::new().await;
    let (runner, admin) = (&host.runner, &host.admin);
    let old = runner.keys(admin).await.unwrap().keys[0].id;
    let mut rotating = Box::pin(runner.rotate_key(admin, None));
    assert!(asked(&mut rotating).await.is_pending());
    drop(rotating);
    runner.drain().await;
    host.guard_keys();
    let keys = runner.keys(admin).await.unwrap().keys;
    assert_eq!((keys.len(), keys[1].id), (2, old));
    assert!(keys[0].first_seen.is_some(), "{keys:?}");

    runner.rewrap_keys(admin, |_| {}).await.unwrap();
    let mut retiring = Box::pin(runner.retire_key(admin, old));
    assert!(asked(&mut retiring).await.is_pending());
    drop(retiring);
    runner.drain().await;
    let keys = runner.keys(admin).await.unwrap().keys;
    assert_eq!((keys[1].id, keys[1].state), (old, KeyState::Retired));
    assert_eq!(digits_of_keys(&host.key_file()).len(), 1);
}

#[tokio::test]
async fn a_key_in_the_environment_is_rotated_into_a_file() {
    let host = TestHost::new().await;
    let text = fs::read_to_string(host.key_file()).unwrap();
    let refused = host.lockstep_keyed(&text, &["key", "rotate"]).exits(2);
    assert!(refused.stderr.contains("--to-file"), "{}", refused.stderr);

    let file = host.scratch().join("new.key");
    let to_file = ["key", "rotate", "--to-file", file.to_str().unwrap()];
    host.lockstep_keyed(&text, &to_file).exits(0);
    host.guard_keys_of(&file);
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o7777, 0o600);
    assert_eq!(digits_of_keys(&file)[1..], digits_of_keys(&host.key_file()));
    let again = host.lockstep_keyed(&text, &to_file).exits(2);
    assert!(again.stderr.contains("there already"), "{}", again.stderr);
    let data = host.data().join("new.key");
    let next_to_data = ["key", "rotate", "--to-file", data.to_str().unwrap()];
    host.lockstep_keyed(&text, &next_to_data).exits(2);
    assert!(!data.exists());

    let both = fs::read_to_string(&file).unwrap();
    host.lockstep_keyed(&both, &["key", "rewrap"]).exits(0);
    let old = status_keyed(&host, &both)[1].0.clone();
    let retired = host
        .lockstep_keyed(&both, &["key", "retire", &old])
        .exits(0);
    assert!(
        retired.stderr.contains("LOCKSTEP_KEY"),
        "{}",
        retired.stderr
    );
    // What is left of the old text is refused by the name of the key.
    let new = status_keyed(&host, &both)[0].0.clone();
    let refused = host.lockstep_keyed(&text, &["key", "rewrap"]).exits(70);
    assert!(refused.stderr.contains(&new), "{}", refused.stderr);
}

fn status_keyed(host: &TestHost, text: &str) -> Vec<(String, String, u64)> {
    let status = host.lockstep_keyed(text, &["key", "status", "--json"]);
    shown(&status.exits(0).json())
}
