//! Keys that are wrong, missing or damaged: named, with what to do, and only the credentials stop.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use lockstep_e2e::{TestHost, repository};

use super::{ASKS_FOR_CANARY, add_workspace, key_file, primary, rotate, run, status};

/// Every command that needs a key says all of this; what needs none works, and `doctor` and `key status` fail with it.
fn check_told(host: &TestHost, parts: &[&str]) {
    let says = |text: &str| {
        for part in parts {
            assert!(text.contains(part), "`{part}` is not in {text}");
        }
    };
    let ran = run(host).exits(70);
    assert_eq!(ran.stdout, "");
    says(&ran.stderr);
    for arguments in [
        &["credential", "set", "NEW"][..],
        &["key", "rotate"],
        &["key", "rewrap"],
        &["key", "retire", "k0123456789abcdef"],
    ] {
        host.guard("a value that is not set");
        let refused = host.lockstep_with("a value that is not set", arguments);
        says(&refused.exits(70).stderr);
    }
    says(&host.lockstep(&["key", "status"]).exits(1).stdout);
    says(&host.lockstep(&["doctor"]).exits(1).stdout);

    let needs_none = repository().join("tests/guests/echo-command.wat");
    host.lockstep(&["run", needs_none.to_str().unwrap()])
        .exits(0);
    host.lockstep(&["credential", "list"]).exits(0);
}

#[tokio::test]
async fn a_wrong_key_is_told_with_the_one_that_is_needed() {
    let host = TestHost::new().await;
    let needed = primary(&host);
    let own = fs::read_to_string(host.key_file()).unwrap();
    let other = TestHost::new().await;
    let held = primary(&other);
    fs::copy(other.key_file(), host.key_file()).unwrap();
    host.guard_keys();
    check_told(&host, &[&needed, &held, "give the key file"]);
    // Nothing was changed meanwhile: with the right key it opens.
    fs::write(host.key_file(), own).unwrap();
    run(&host).exits(0);
}

#[tokio::test]
async fn the_old_key_file_fails_after_a_rotation_and_its_successor_works_again() {
    let host = TestHost::new().await;
    let old = primary(&host);
    let before = fs::read_to_string(host.key_file()).unwrap();
    let new = rotate(&host);
    let after = fs::read_to_string(host.key_file()).unwrap();
    fs::write(host.key_file(), &before).unwrap();
    run(&host).exits(0);
    fs::write(host.key_file(), &after).unwrap();
    host.lockstep(&["key", "rewrap"]).exits(0);
    fs::write(host.key_file(), &before).unwrap();
    check_told(&host, &[&new, &old]);
    fs::write(host.key_file(), &after).unwrap();
    run(&host).exits(0);
}

#[tokio::test]
async fn a_missing_key_file_is_told_by_its_path() {
    let host = TestHost::new().await;
    fs::rename(host.key_file(), host.scratch().join("elsewhere")).unwrap();
    let path = host.key_file().display().to_string();
    check_told(&host, &[&path, "restore the key file"]);
    assert!(
        !host.key_file().exists(),
        "none is made over what is sealed"
    );
}

#[tokio::test]
async fn a_damaged_key_is_told_by_its_name_wherever_it_stands() {
    let host = TestHost::new().await;
    let old = primary(&host);
    let new = rotate(&host);
    let whole = fs::read_to_string(host.key_file()).unwrap();
    for id in [&old, &new] {
        let line = whole
            .lines()
            .find(|line| line.contains(id.as_str()))
            .unwrap();
        let digit = if line.ends_with('0') { "1" } else { "0" };
        let damaged = format!("{}{digit}", &line[..line.len() - 1]);
        fs::write(host.key_file(), whole.replace(line, &damaged)).unwrap();
        host.guard_keys();
        check_told(
            &host,
            &[&format!("key `{id}` is damaged"), "restore the key file"],
        );
    }
    fs::write(host.key_file(), whole).unwrap();
    run(&host).exits(0);
}

#[tokio::test]
async fn a_key_file_that_others_can_read_is_told_with_its_mode() {
    let host = TestHost::new().await;
    fs::set_permissions(host.key_file(), fs::Permissions::from_mode(0o640)).unwrap();
    check_told(&host, &["mode 0640", "chmod 600"]);
}

#[tokio::test]
async fn a_ring_that_misses_one_of_two_keys_opens_what_the_other_wraps() {
    let host = TestHost::new().await;
    let old = primary(&host);
    let before = fs::read_to_string(host.key_file()).unwrap();
    rotate(&host);
    add_workspace(&host, "acme");
    let both = fs::read_to_string(host.key_file()).unwrap();
    // Only the new key: `acme` is under it, and `default` is not.
    let new_only: String = both
        .lines()
        .filter(|line| {
            !before
                .lines()
                .any(|old| old.starts_with("lockstep") && old == *line)
        })
        .map(|line| format!("{line}\n"))
        .collect();
    fs::write(host.key_file(), new_only).unwrap();

    let step = repository().join("target/guests/credentials.wasm");
    let step = step.to_str().unwrap();
    let in_acme = [
        "run",
        step,
        "--workspace",
        "acme",
        "--input",
        r#"{"keys":["TOKEN"]}"#,
    ];
    let ran = host.lockstep(&in_acme).exits(0);
    assert!(ran.stderr.contains(&old), "{}", ran.stderr);
    let ran = host
        .lockstep(&["run", step, "--input", ASKS_FOR_CANARY])
        .exits(70);
    assert!(ran.stderr.contains(&old), "{}", ran.stderr);
    host.lockstep_with("not set", &["credential", "set", "NEW"])
        .exits(70);

    let shown = host.lockstep(&["key", "status", "--json"]).exits(1).json();
    assert_eq!(shown["keys"][1]["state"], "unknown");
    assert!(shown["hint"].as_str().unwrap().contains(&old), "{shown}");
    let checked = host.lockstep(&["doctor"]).exits(1);
    assert!(checked.stdout.contains(&old), "{}", checked.stdout);
    // Who does not have the key can neither wrap anew what it wraps, nor retire it.
    let left = host.lockstep(&["key", "rewrap", "--json"]).exits(1).json();
    assert_eq!(
        (&left["failed"], &left["failures"][0]["key"]),
        (&1.into(), &old.clone().into())
    );
    let refused = host.lockstep(&["key", "retire", &old]).exits(2);
    assert!(
        refused.stderr.contains("back on the ring"),
        "{}",
        refused.stderr
    );

    fs::write(host.key_file(), both).unwrap();
    host.lockstep(&["key", "rewrap"]).exits(0);
    run(&host).exits(0);
    assert_eq!(status(&host)["records_under_others"], 0);
}

#[tokio::test]
async fn a_ring_whose_primary_was_retired_sets_nothing_in_a_new_workspace() {
    let host = TestHost::new().await;
    let retired = rotate(&host);
    // By one who holds only the first key, and so has another primary.
    let first = fs::read_to_string(host.key_file()).unwrap();
    let first = first.lines().last().unwrap().to_owned();
    let ring = key_file(&host, "first.key", &first);
    let arguments = [
        "key",
        "retire",
        &retired,
        "--key-file",
        ring.to_str().unwrap(),
    ];
    host.lockstep(&arguments).exits(0);

    run(&host).exits(0);
    host.lockstep(&["workspace", "add", "acme"]).exits(0);
    host.guard("a value in vain");
    let set = ["credential", "set", "TOKEN", "--workspace", "acme"];
    let refused = host.lockstep_with("a value in vain", &set).exits(70);
    for part in [&format!("key `{retired}` was retired"), "present key file"] {
        assert!(refused.stderr.contains(part), "{}", refused.stderr);
    }
    let shown = status(&host);
    assert_eq!(shown["keys"][0]["state"], "retired");
    assert!(
        shown["hint"].as_str().unwrap().contains("key rotate"),
        "{shown}"
    );
    rotate(&host);
    host.lockstep_with("a value in vain", &set).exits(0);
}

#[tokio::test]
async fn without_a_key_there_is_nothing_to_rotate() {
    let host = TestHost::new().await;
    let empty = host.scratch().join("empty");
    let none = host.scratch().join("none.key");
    let places = [
        "--data",
        empty.to_str().unwrap(),
        "--key-file",
        none.to_str().unwrap(),
    ];
    let refused = host.lockstep(&[&["key", "rotate"][..], &places].concat());
    let refused = refused.exits(2).stderr;
    assert!(refused.contains("credential set"), "{refused}");
    let shown = host.lockstep(&[&["key", "status", "--json"][..], &places].concat());
    let shown = shown.exits(0).json();
    assert_eq!(
        (&shown["keys"], &shown["problem"]),
        (&json!([]), &json!(null))
    );
    assert!(!none.exists());
}
