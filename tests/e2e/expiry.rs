//! The end of a credential, as it is set and told on the command line.

use std::fs;

use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;
use serde_json::{Value, json};

use lockstep_e2e::{Finished, TestHost};

/// Gives `TOKEN` a value, with these arguments besides.
fn set(host: &TestHost, arguments: &[&str]) -> Finished {
    let value = "a value of TOKEN that expires";
    host.guard(value);
    host.lockstep_with(
        value,
        &[&["credential", "set", "TOKEN"], arguments].concat(),
    )
}

/// What `doctor` says of ends: status and message of each finding.
fn doctor(host: &TestHost) -> Vec<(String, String)> {
    let examined = host.lockstep(&["doctor", "--json"]).json();
    let checks = examined["checks"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    checks
        .filter(|check| check["name"] == "expiry" && check["status"] != "ok")
        .map(|check| (text(&check["status"]), text(&check["message"])))
        .collect()
}

fn add_step(host: &TestHost) -> Finished {
    let file = host.scratch().join("names.js");
    fs::write(&file, "export default () => credential('TOKEN').length").unwrap();
    host.lockstep(&["step", "add", "names", file.to_str().unwrap()])
        .exits(0)
}

#[track_caller]
fn check(told: &str, part: &str) {
    assert!(told.contains(part), "`{part}` is not in {told}");
}

#[tokio::test]
async fn what_expires_soon_is_warned_about_where_it_is_seen() {
    let host = TestHost::new().await;
    check(
        &set(&host, &["--expires", "10d"]).exits(0).stdout,
        ", expires 20",
    );
    let listed = host.lockstep(&["credential", "list"]).exits(0);
    check(&listed.stdout, "(soon)");
    check(&listed.stderr, "expires within 14 days: `TOKEN`");
    let shown = host.lockstep(&["credential", "show", "TOKEN"]).exits(0);
    check(&shown.stdout, "(soon)");
    check(&shown.stdout, "value    29 bytes, masked in texts");
    let effective = host.lockstep(&["credential", "list", "--effective"]);
    check(&effective.exits(0).stdout, "(soon)");
    check(
        &add_step(&host).stdout,
        "it names `TOKEN`, which expires 20",
    );
    let [(status, message)] = doctor(&host).try_into().unwrap();
    assert_eq!(status, "warn");
    check(&message, "these expire within 14 days: `TOKEN`");
    // The nearest that is not warned about.
    set(&host, &["--expires", "15d"]).exits(0);
    let listed = host.lockstep(&["credential", "list"]).exits(0);
    assert!(!listed.stdout.contains("(soon)") && listed.stderr.is_empty());
    assert_eq!(doctor(&host), []);
    assert!(!add_step(&host).stdout.contains("expires"));
}

#[tokio::test]
async fn an_end_that_goes_with_its_value_is_told() {
    let host = TestHost::new().await;
    let first = set(&host, &["--expires", "2099-01-31"]).exits(0);
    assert!(first.stderr.is_empty(), "{first:?}");
    check(&first.stdout, "expires 2099-01-31T00:00:00Z");
    let next = set(&host, &[]).exits(0);
    check(
        &next.stderr,
        "had its end at 2099-01-31T00:00:00Z; this one does not expire",
    );
    let shown = host.lockstep(&["credential", "show", "TOKEN", "--json"]);
    let shown = shown.exits(0).json();
    assert_eq!(
        json!([shown["expires_at"], shown["expiry"], shown["version"]]),
        json!([null, "never", 2])
    );
    let past = set(&host, &["--expires", "2020-01-31", "--json"]).exits(2);
    check(&past.stderr, "\"invalid_value\"");
    check(&past.stderr, "would have expired already");
    check(
        &set(&host, &["--expires", "tomorrow"]).exits(2).stderr,
        "such as `90d`",
    );
    let shown = host.lockstep(&["credential", "show", "TOKEN", "--json"]);
    assert_eq!(shown.json()["version"], 2);
}

#[tokio::test]
async fn what_has_expired_is_told_to_whoever_misses_it() {
    let host = TestHost::new().await;
    let end = Timestamp::now() + SignedDuration::from_secs(3);
    set(&host, &["--expires", &end.to_string()]).exits(0);
    add_step(&host);
    // Others look at it until its end has come.
    let expired = loop {
        let listed = host.lockstep(&["credential", "list"]).exits(0);
        if listed.stdout.contains("(expired)") {
            break listed;
        }
    };
    assert!(Timestamp::now() >= end);
    check(&expired.stderr, "has expired: `TOKEN`");
    let [(status, message)] = doctor(&host).try_into().unwrap();
    assert_eq!(status, "warn");
    check(&message, "no run gets what has expired: `TOKEN`");
    check(&add_step(&host).stdout, "would not get it: it has expired");
    let ran = host.lockstep(&["run", "names"]).exits(1);
    check(
        &ran.stderr,
        "`TOKEN` has expired: `lockstep credential rotate TOKEN",
    );
    let listed = host.lockstep(&["runs", "list", "--json"]).exits(0).json();
    let run = listed["runs"][0]["run"].as_str().unwrap();
    let shown = host.lockstep(&["runs", "show", run, "--json"]).exits(0);
    assert_eq!(
        shown.json()["denied"],
        json!([{"key": "TOKEN", "reason": "expired"}])
    );
    // A new value works at once.
    set(&host, &[]).exits(0);
    let ran = host.lockstep(&["run", "names"]).exits(0);
    assert_eq!(ran.stdout.trim(), "29");
}

/// What somebody does who can write to the database.
fn tamper(host: &TestHost, sql: &str) {
    let database = Connection::open(host.data().join("lockstep.db")).unwrap();
    database.execute_batch(sql).unwrap();
}

#[tokio::test]
async fn an_end_that_is_moved_in_the_database_keeps_the_value_shut_and_is_named() {
    let host = TestHost::new().await;
    add_step(&host);
    let sealed_to = ["--sealed", "--host", "api.slack.com"];
    for (end, moved) in [
        (&["--expires", "2099-01-31"][..], "NULL"),
        (&["--expires", "2099-01-31"], "4102444800000000"),
        (&["--expires", "2099-01-31"], "1"),
        (&[], "4102444800000000"),
    ] {
        set(&host, &[end, &["--revealed"]].concat()).exits(0);
        assert_eq!(
            host.lockstep(&["run", "names"]).exits(0).stdout.trim(),
            "29"
        );
        host.lockstep(&["audit", "verify"]).exits(0);
        let sql = format!("UPDATE credentials SET expires_at = {moved} WHERE key = 'TOKEN'");
        tamper(&host, &sql);
        let ran = host.lockstep(&["run", "names"]);
        check(&ran.stderr, "the credential was sealed to expire ");
        check(&ran.stderr, "set the credential again");
        assert!(ran.stdout.is_empty(), "{ran:?}");
        let verified = host.lockstep(&["audit", "verify"]).exits(1);
        check(
            &verified.stdout,
            "credential `TOKEN` expires by the database at another",
        );
        let examined = host.lockstep(&["doctor", "--json"]).exits(1).json();
        let checks = examined["checks"].as_array().unwrap().iter();
        let records: Vec<_> = checks.filter(|check| check["name"] == "records").collect();
        assert_eq!(records.len(), 1, "{records:?}");
        assert_eq!(records[0]["status"], "fail");
        check(records[0]["message"].as_str().unwrap(), "`TOKEN`");
        // It has not expired: when it does is not known.
        assert_eq!(doctor(&host), []);
    }
    // It is mended with a value, and a sealed one stays sealed.
    set(&host, &[&sealed_to[..], &["--expires", "10d"]].concat()).exits(0);
    tamper(
        &host,
        "UPDATE credentials SET expires_at = NULL WHERE key = 'TOKEN'",
    );
    set(&host, &["--expires", "10d"]).exits(0);
    let shown = host.lockstep(&["credential", "show", "TOKEN", "--json"]);
    assert_eq!(shown.exits(0).json()["sealed"], true);
    host.lockstep(&["audit", "verify"]).exits(0);
}
