//! Calls that are refused, in the audit: all of them, in few entries.

use rusqlite::Connection;
use serde_json::{Value, json};

use lockstep_e2e::{Served, TestHost};
use lockstep_runner::{AuditAction, AuditEntry, AuditFilter, AuditFrom};
use lockstep_step::{Role, WorkspaceName};

use super::{NOTHING, RUNS, VALUE, get, put_value, until};

/// Entries of the workspace `default`, in their order.
async fn denied(host: &TestHost) -> Vec<AuditEntry> {
    let workspace = WorkspaceName::default_name();
    let filter = only(AuditAction::AccessDenied);
    let entries = host.runner.audit(&host.admin, &workspace, &filter);
    let entries = entries.await.unwrap();
    host.leaves("the audit", format!("{entries:?}").as_bytes());
    entries
}

/// Entries of the host's own chain, in their order.
async fn not_let_in(host: &TestHost) -> Vec<AuditEntry> {
    let filter = only(AuditAction::AuthenticationFailed);
    let entries = host.runner.host_audit(&host.admin, &filter).await;
    let entries = entries.unwrap();
    host.leaves("the audit", format!("{entries:?}").as_bytes());
    entries
}

fn only(action: AuditAction) -> AuditFilter {
    AuditFilter {
        action: Some(action),
        from: AuditFrom::After(0),
        ..AuditFilter::all()
    }
}

/// Who, why, and what the first of them was.
fn told(entries: &[AuditEntry]) -> Vec<(&str, &str, Option<&str>)> {
    let told = entries.iter().map(|entry| {
        (
            entry.actor.as_str(),
            entry.detail.as_deref().unwrap(),
            entry.target.as_deref(),
        )
    });
    told.collect()
}

fn verify(host: &TestHost) {
    host.lockstep(&["audit", "verify"]).exits(0);
}

fn database(host: &TestHost) -> Connection {
    Connection::open(host.data().join("lockstep.db")).unwrap()
}

fn entries_in_all(host: &TestHost) -> i64 {
    database(host)
        .query_row("SELECT count(*) FROM audit", (), |row| row.get(0))
        .unwrap()
}

#[tokio::test]
async fn who_may_not_is_told_once_a_minute_with_the_right_and_the_route_and_not_what_was_sent() {
    let host = TestHost::new().await;
    let (viewer, engine) = (
        host.token(Role::Viewer).await,
        host.token(Role::Runner).await,
    );
    let server = Served::start(&host, &[]).await;
    host.guard("a_value_for_a_key");
    host.guard("a value that a viewer sends");
    for _ in 0..50 {
        let refused = put_value(
            &server,
            "a_value_for_a_key",
            &viewer,
            "a value that a viewer sends",
        );
        refused.is_problem(403, "forbidden");
    }
    // Another right, another caller and another workspace have entries of their own.
    let path = format!("{RUNS}/{}/cancel", "a_value_for_a_key");
    server.ask("POST", &path, Some(&viewer), NOTHING).is(403);
    get(&server, "/v1/workspaces/default/workflows", &engine).is(403);
    get(&server, "/v1/workspaces/a_value_for_a_key/runs", &engine).is(404);
    // What is let in and fails is no entry.
    get(&server, "/v1/workspaces/default/workflows/none", &viewer).is(404);
    assert_eq!(server.end(), Some(0));
    let put = Some("PUT /v1/workspaces/{workspace}/credentials/{key}");
    let cancel = Some("POST /v1/workspaces/{workspace}/runs/{run}/cancel");
    let list = Some("GET /v1/workspaces/{workspace}/workflows");
    let runs = Some("GET /v1/workspaces/{workspace}/runs");
    let entries = denied(&host).await;
    let mut told = told(&entries);
    // The second of the 50 may have come before the first was written, or after.
    let counts = |detail: &str| match detail.strip_prefix("administer") {
        Some("") => 1,
        Some(times) => {
            let times = times.strip_prefix(", ").unwrap();
            times.strip_suffix(" times").unwrap().parse().unwrap()
        }
        None => 0,
    };
    let counted: Vec<u32> = told.iter().map(|(_, detail, _)| counts(detail)).collect();
    assert_eq!(counted.iter().sum::<u32>(), 50, "{told:?}");
    assert!(counted.iter().filter(|count| **count > 0).count() <= 2);
    let is_put = |it: &(&str, &str, Option<&str>)| it.1.starts_with("administer");
    assert!(
        told.iter()
            .filter(|it| is_put(it))
            .all(|it| (it.0, it.2) == ("token:viewer", put))
    );
    told.retain(|it| !is_put(it));
    told.sort_unstable();
    let others = [
        ("token:runner", "other_workspace", runs),
        ("token:runner", "see_keys", list),
        ("token:viewer", "run", cancel),
    ];
    assert_eq!(told, others);
    verify(&host);
}

#[tokio::test]
async fn tokens_that_let_nobody_in_are_told_in_the_chain_of_the_host() {
    let host = TestHost::new().await;
    let revoked = host.token(Role::Viewer).await;
    host.lockstep(&["token", "revoke", "viewer"]).exits(0);
    let server = Served::start(&host, &[]).await;
    // Whoever shows nothing that could be a token is nobody who failed.
    get(&server, RUNS, "something").is_problem(401, "no_token");
    let first = until_told(&host, &server, &revoked).await;
    assert_eq!(
        told(&first),
        [("nobody", "revoked", Some("default/viewer"))]
    );
    let never = format!("lsk_{}", "x".repeat(43));
    host.guard(&never);
    for _ in 0..200 {
        let answer = get(&server, RUNS, &never);
        assert!([401, 429].contains(&answer.status), "{}", answer.status);
    }
    assert_eq!(server.end(), Some(0));
    let all = not_let_in(&host).await;
    let of = |word: &str| {
        let of_word = told(&all[1..])
            .into_iter()
            .filter(|it| it.1.starts_with(word));
        of_word.map(|it| it.2).collect::<Vec<_>>()
    };
    // At most one at once, and one at the end.
    assert!((1..=2).contains(&of("unknown").len()), "{all:?}");
    assert_eq!(all.len(), 1 + of("unknown").len());
    assert!(of("unknown").iter().all(Option::is_none));
    // They were known nowhere, and no workspace hears of them.
    assert_eq!(denied(&host).await, []);
    verify(&host);
}

/// Shows a token that opens nothing, and waits for the audit to say so.
async fn until_told(host: &TestHost, server: &Served<'_>, token: &str) -> Vec<AuditEntry> {
    get(server, RUNS, token).is_problem(401, "bad_token");
    let sql = "SELECT count(*) FROM audit WHERE action = 'authentication.failed'";
    let database = database(host);
    until(|| {
        let count: i64 = database.query_row(sql, (), |row| row.get(0)).unwrap();
        (count > 0).then_some(())
    });
    not_let_in(host).await
}

#[tokio::test]
async fn a_refusal_that_cannot_be_told_stands_and_is_told_when_it_can_be() {
    let host = TestHost::new().await;
    let viewer = host.token(Role::Viewer).await;
    let server = Served::start(&host, &[]).await;
    let database = database(&host);
    database
        .execute_batch(
            "CREATE TRIGGER no_audit BEFORE INSERT ON audit
             BEGIN SELECT RAISE(ABORT, 'the audit cannot be written'); END",
        )
        .unwrap();
    let put = || {
        let path = "/v1/workspaces/default/credentials/KEY";
        server.ask("PUT", path, Some(&viewer), (VALUE, b"a value"))
    };
    put().is_problem(403, "forbidden");
    let line = until(|| {
        let log = server.log();
        let mut lines = log.lines();
        let told = lines.find(|line| line.contains("the audit does not tell it yet"))?;
        Some(told.to_owned())
    });
    assert!(line.contains("ERROR"), "{line}");
    put().is_problem(403, "forbidden");
    database.execute_batch("DROP TRIGGER no_audit").unwrap();
    assert_eq!(server.end(), Some(0));
    let entries = denied(&host).await;
    let route = "PUT /v1/workspaces/{workspace}/credentials/{key}";
    let expected = [("token:viewer", "administer, 2 times", Some(route))];
    assert_eq!(told(&entries), expected);
    verify(&host);
}

#[tokio::test]
async fn calls_that_are_let_in_write_nothing_to_the_audit() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    let before = entries_in_all(&host);
    for path in [RUNS, "/v1/whoami", "/v1/workspaces/default/credentials"] {
        get(&server, path, &admin).is(200);
    }
    get(&server, "/v1/workspaces/default/audit", &admin).is(200);
    assert_eq!(server.end(), Some(0));
    assert_eq!(entries_in_all(&host), before);
}

#[tokio::test]
async fn an_admin_lists_who_was_refused() {
    let host = TestHost::new().await;
    let (admin, viewer) = (
        host.token(Role::Admin).await,
        host.token(Role::Viewer).await,
    );
    let server = Served::start(&host, &[]).await;
    put_value(&server, "KEY", &viewer, "a value").is(403);
    let path = "/v1/workspaces/default/audit?action=access.denied";
    let entry = until(|| {
        let page = get(&server, path, &admin).is(200).json();
        page["entries"].get(0).cloned()
    });
    for (field, expected) in [
        ("chain", json!("default")),
        ("actor", json!("token:viewer")),
        ("detail", json!("administer")),
        (
            "target",
            json!("PUT /v1/workspaces/{workspace}/credentials/{key}"),
        ),
        ("key", Value::Null),
    ] {
        assert_eq!(entry[field], expected, "{field}: {entry}");
    }
}
