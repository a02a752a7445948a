//! Every route, as every role and as nobody, from one table.

use std::collections::BTreeSet;

use serde_json::Value;

use lockstep_e2e::{Served, TestHost};
use lockstep_step::Role;

use super::{JSON, NOTHING, VALUE};

/// A route, what is asked of it, and what an admin, an editor, a runner and a viewer are answered, in this order. `None`
/// for a route that is for everybody.
type Row = (
    &'static str,
    &'static str,
    (&'static str, &'static [u8]),
    Option<[u16; 4]>,
);

const W: &str = "/v1/workspaces/{workspace}";
const SCRIPT: &[u8] = b"export default () => 1";
const CHANGES: &[u8] = br#"{"TOO": "a value of the table"}"#;
const RUN: &[u8] = br#"{"source": "return 1"}"#;

/// In the order in which they are asked: what is shown was set before, and is deleted at last.
const TABLE: [Row; 66] = [
    ("get", "/healthz", NOTHING, None),
    ("get", "/readyz", NOTHING, None),
    ("get", "/openapi.json", NOTHING, None),
    ("get", "/docs", NOTHING, None),
    ("get", "/docs/style.css", NOTHING, None),
    ("get", "/docs/script.js", NOTHING, None),
    ("get", "/metrics", NOTHING, Some([200, 200, 200, 200])),
    (
        "put",
        "{W}/credentials/{key}",
        (VALUE, b"a value of the table"),
        Some([201, 403, 403, 403]),
    ),
    (
        "get",
        "{W}/credentials/{key}",
        NOTHING,
        Some([200, 200, 403, 200]),
    ),
    (
        "get",
        "{W}/credentials",
        NOTHING,
        Some([200, 200, 403, 200]),
    ),
    (
        "get",
        "{W}/credentials/{key}/usage",
        NOTHING,
        Some([200, 200, 403, 200]),
    ),
    (
        "delete",
        "{W}/credentials/{key}",
        NOTHING,
        Some([204, 403, 403, 403]),
    ),
    (
        "put",
        "{W}/workflows/{workflow}/credentials/{key}",
        (VALUE, b"a value of the table"),
        Some([201, 403, 403, 403]),
    ),
    (
        "get",
        "{W}/workflows/{workflow}/credentials/{key}",
        NOTHING,
        Some([200, 200, 403, 200]),
    ),
    (
        "get",
        "{W}/workflows/{workflow}/credentials",
        NOTHING,
        Some([200, 200, 403, 200]),
    ),
    (
        "get",
        "{W}/workflows/{workflow}/credentials/{key}/usage",
        NOTHING,
        Some([200, 200, 403, 200]),
    ),
    (
        "get",
        "{W}/workflows/{workflow}/credentials/effective",
        NOTHING,
        Some([200, 200, 403, 200]),
    ),
    (
        "delete",
        "{W}/workflows/{workflow}/credentials/{key}",
        NOTHING,
        Some([204, 403, 403, 403]),
    ),
    (
        "patch",
        "{W}/credentials",
        (JSON, CHANGES),
        Some([200, 403, 403, 403]),
    ),
    (
        "patch",
        "{W}/workflows/{workflow}/credentials",
        (JSON, CHANGES),
        Some([200, 403, 403, 403]),
    ),
    (
        "put",
        "{W}/workflows/{workflow}/credential-permissions",
        (JSON, br#"{"mode": "all"}"#),
        Some([200, 403, 403, 403]),
    ),
    (
        "get",
        "{W}/workflows/{workflow}/credential-permissions",
        NOTHING,
        Some([200, 200, 403, 200]),
    ),
    (
        "put",
        "{W}/workflows/{workflow}/steps/{step}",
        ("text/javascript", SCRIPT),
        Some([201, 200, 403, 403]),
    ),
    (
        "get",
        "{W}/workflows/{workflow}/steps/{step}",
        NOTHING,
        Some([200, 200, 403, 200]),
    ),
    (
        "get",
        "{W}/workflows/{workflow}/steps",
        NOTHING,
        Some([200, 200, 403, 200]),
    ),
    (
        "get",
        "{W}/workflows/{workflow}/steps/{step}/versions",
        NOTHING,
        Some([200, 200, 403, 200]),
    ),
    (
        "post",
        "{W}/workflows/{workflow}/steps/{step}/runs",
        (JSON, b"{}"),
        Some([200, 200, 200, 403]),
    ),
    // An editor may, and finds it gone.
    (
        "delete",
        "{W}/workflows/{workflow}/steps/{step}",
        NOTHING,
        Some([204, 404, 403, 403]),
    ),
    (
        "post",
        "{W}/workflows/{workflow}/runs",
        (JSON, RUN),
        Some([200, 200, 200, 403]),
    ),
    ("get", "{W}/runs", NOTHING, Some([200, 200, 200, 200])),
    ("get", "{W}/runs/{run}", NOTHING, Some([200, 200, 200, 200])),
    (
        "get",
        "{W}/runs/{run}/logs",
        NOTHING,
        Some([200, 200, 200, 200]),
    ),
    ("get", "/v1/whoami", NOTHING, Some([200, 200, 200, 200])),
    ("get", "/v1/workspaces", NOTHING, Some([200, 200, 403, 200])),
    ("get", "{W}", NOTHING, Some([200, 200, 403, 200])),
    (
        "patch",
        "{W}",
        (JSON, br#"{"require_sealing": false}"#),
        Some([200, 403, 403, 403]),
    ),
    ("get", "{W}/workflows", NOTHING, Some([200, 200, 403, 200])),
    (
        "put",
        "{W}/workflows/{workflow}",
        NOTHING,
        Some([200, 200, 403, 403]),
    ),
    (
        "get",
        "{W}/workflows/{workflow}",
        NOTHING,
        Some([200, 200, 403, 200]),
    ),
    (
        "get",
        "{W}/workflows/{workflow}/egress",
        NOTHING,
        Some([200, 200, 403, 200]),
    ),
    (
        "put",
        "{W}/workflows/{workflow}/egress",
        (JSON, br#"{"mode": "all"}"#),
        Some([200, 403, 403, 403]),
    ),
    (
        "post",
        "{W}/workflows/{workflow}/egress/explain",
        (JSON, br#"{"method": "GET", "url": "https://127.0.0.1"}"#),
        Some([200, 200, 403, 403]),
    ),
    (
        "delete",
        "{W}/workflows/{workflow}",
        NOTHING,
        Some([409, 409, 403, 403]),
    ),
    (
        "post",
        "{W}/members",
        (JSON, br#"{"name": "of-the-table", "role": "viewer"}"#),
        Some([201, 403, 403, 403]),
    ),
    ("get", "{W}/members", NOTHING, Some([200, 403, 403, 403])),
    (
        "patch",
        "{W}/members/{member}",
        (JSON, br#"{"role": "editor"}"#),
        Some([200, 403, 403, 403]),
    ),
    (
        "delete",
        "{W}/members/{member}",
        NOTHING,
        Some([204, 403, 403, 403]),
    ),
    ("get", "{W}/tokens", NOTHING, Some([200, 403, 403, 403])),
    (
        "delete",
        "{W}/tokens/{name}",
        NOTHING,
        Some([404, 403, 403, 403]),
    ),
    (
        "post",
        "{W}/tokens",
        (JSON, br#"{"name": "of-the-table", "role": "viewer"}"#),
        Some([201, 403, 403, 403]),
    ),
    // It is over.
    (
        "post",
        "{W}/runs/{run}/cancel",
        NOTHING,
        Some([409, 409, 409, 403]),
    ),
    ("get", "{W}/audit", NOTHING, Some([200, 403, 403, 403])),
    ("get", "{W}/audit/head", NOTHING, Some([200, 403, 403, 403])),
    (
        "post",
        "{W}/audit/verify",
        NOTHING,
        Some([200, 403, 403, 403]),
    ),
    // It is there, and stays.
    ("put", "{W}", NOTHING, Some([409, 403, 403, 403])),
    ("delete", "{W}", NOTHING, Some([409, 403, 403, 403])),
    ("get", "/v1/host/audit", NOTHING, Some([200, 403, 403, 403])),
    (
        "get",
        "/v1/host/audit/head",
        NOTHING,
        Some([200, 403, 403, 403]),
    ),
    (
        "post",
        "/v1/host/audit/verify",
        NOTHING,
        Some([200, 403, 403, 403]),
    ),
    ("get", "/v1/host/keys", NOTHING, Some([200, 403, 403, 403])),
    (
        "post",
        "/v1/host/keys/rotate",
        NOTHING,
        Some([201, 403, 403, 403]),
    ),
    (
        "post",
        "/v1/host/keys/rewrap",
        NOTHING,
        Some([200, 403, 403, 403]),
    ),
    (
        "delete",
        "/v1/host/keys/{id}",
        NOTHING,
        Some([404, 403, 403, 403]),
    ),
    (
        "get",
        "/v1/host/backup",
        NOTHING,
        Some([200, 403, 403, 403]),
    ),
    (
        "post",
        "/v1/host/restore",
        NOTHING,
        Some([409, 403, 403, 403]),
    ),
    (
        "get",
        "/v1/host/restore",
        NOTHING,
        Some([404, 403, 403, 403]),
    ),
];

/// Whether it is about the host itself, for which the tokens of `default` speak.
fn is_of_host(row: &Row) -> bool {
    let (method, path, _, _) = row;
    match *path {
        "/metrics" => true,
        "{W}" => ["put", "delete"].contains(method),
        path => path.starts_with("/v1/host/"),
    }
}

fn template(row: &Row) -> String {
    row.1.replace("{W}", W)
}

fn path(row: &Row, workspace: &str, run: &str) -> String {
    template(row)
        .replace("{workspace}", workspace)
        .replace("{workflow}", "default")
        .replace("{key}", "OF_THE_TABLE")
        .replace("{step}", "of-the-table")
        .replace("{run}", run)
        .replace("{member}", "of-the-table")
        .replace("{name}", "of-the-table")
        .replace("{id}", "k0123456789abcdef")
}

#[tokio::test]
async fn every_route_answers_each_role_and_nobody_as_the_table_says() {
    let host = TestHost::new().await;
    host.guard("a value of the table");
    let mut tokens = Vec::new();
    for role in Role::ALL {
        tokens.push(host.token(role).await);
    }
    let server = Served::start(&host, &[]).await;
    let run = super::run(&server, &tokens[0], "return 1", &Value::Null)["run"].clone();
    let run = run.as_str().unwrap();
    for row in &TABLE {
        let (method, _, body, expected) = row;
        let (method, path) = (method.to_uppercase(), path(row, "default", run));
        let Some(expected) = expected else {
            server.ask(&method, &path, None, *body).is(200);
            continue;
        };
        let nobody = server.ask(&method, &path, None, *body);
        assert_eq!(nobody.header("www-authenticate"), Some("Bearer"));
        nobody.is_problem(401, "no_token");
        for (token, status) in tokens.iter().zip(expected) {
            let answer = server.ask(&method, &path, Some(token), *body);
            if *status == 403 {
                answer.is_problem(403, "forbidden");
            } else {
                answer.is(*status);
            }
        }
    }
}

#[tokio::test]
async fn the_workspace_of_others_is_one_that_does_not_exist() {
    let host = TestHost::new().await;
    let acme = "acme".parse().unwrap();
    host.runner.add_workspace(&host.admin, &acme).await.unwrap();
    let theirs = host.token_in(acme, Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    let run = "01938a5e-7c1d-7c6b-8f11-2f1c9d8d2a10";
    let is_of_a_workspace = |row: &&Row| row.1.starts_with("{W}");
    for row in TABLE.iter().filter(is_of_a_workspace) {
        let (method, _, body, _) = row;
        let ask = |workspace| {
            let path = path(row, workspace, run);
            server.ask(&method.to_uppercase(), &path, Some(&theirs), *body)
        };
        let of_others = ask("default").is_problem(404, "not_found");
        assert_eq!(of_others, ask("nowhere").is_problem(404, "not_found"));
    }
}

#[tokio::test]
async fn to_an_admin_of_another_workspace_there_is_nothing_of_the_host() {
    let host = TestHost::new().await;
    let acme = "acme".parse().unwrap();
    host.runner.add_workspace(&host.admin, &acme).await.unwrap();
    let theirs = host.token_in(acme, Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    let of_host: Vec<&Row> = TABLE.iter().filter(|row| is_of_host(row)).collect();
    assert_eq!(of_host.len(), 13);
    for row in of_host {
        let (method, _, body, _) = row;
        let ask = |path: &str| {
            let asked = server.ask(&method.to_uppercase(), path, Some(&theirs), *body);
            asked.is_problem(404, "not_found")
        };
        // Nor do they hear of their own.
        for workspace in ["acme", "default", "nowhere"] {
            assert_eq!(ask(&path(row, workspace, "")), ask("/v1/nothing"));
        }
    }
}

#[tokio::test]
async fn who_speaks_for_the_host_is_not_let_into_other_workspaces() {
    let host = TestHost::new().await;
    let acme = "acme".parse().unwrap();
    host.runner.add_workspace(&host.admin, &acme).await.unwrap();
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    let run = "01938a5e-7c1d-7c6b-8f11-2f1c9d8d2a10";
    let is_inside = |row: &&Row| row.1.starts_with("{W}") && !is_of_host(row);
    for row in TABLE.iter().filter(is_inside) {
        let (method, _, body, _) = row;
        let asked = server.ask(
            &method.to_uppercase(),
            &path(row, "acme", run),
            Some(&admin),
            *body,
        );
        asked.is_problem(404, "not_found");
    }
}

#[tokio::test]
async fn the_table_has_every_route_of_the_document() {
    let host = TestHost::new().await;
    let server = Served::start(&host, &[]).await;
    let document = server.ask("GET", "/openapi.json", None, NOTHING).json();
    let mut documented = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let is_open = operation["security"].is_null();
            documented.insert((method.clone(), path.clone(), is_open));
        }
    }
    let row = |row: &Row| (row.0.to_owned(), template(row), row.3.is_none());
    let in_table: BTreeSet<_> = TABLE.iter().map(row).collect();
    assert_eq!(in_table, documented);
}
