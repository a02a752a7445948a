//! Members: a token of one may do what the member may at that moment, and no more.

use serde_json::{Value, json};

use lockstep_e2e::{Served, TestHost};

use super::{CREDENTIALS, RUNS, get, put_value, run};

/// Makes a token with these arguments, which is a canary from now on.
fn token(host: &TestHost, arguments: &[&str]) -> String {
    let created = host.lockstep(&[&["token", "create"], arguments].concat());
    let token = created.stdout.trim().to_owned();
    created.exits(0);
    // It is shown here, and nowhere after.
    host.search();
    host.guard(&token);
    token
}

/// What is told of a token in the list of its workspace.
fn listed(host: &TestHost, name: &str) -> Value {
    let tokens = host.lockstep(&["token", "list", "--json"]).exits(0).json();
    let mut tokens = tokens["tokens"].as_array().unwrap().iter();
    tokens.find(|token| token["name"] == name).unwrap().clone()
}

#[tokio::test]
async fn the_token_of_a_member_follows_the_members_role_from_one_call_to_the_next() {
    let host = TestHost::new().await;
    host.guard("a value of a member");
    let server = Served::start(&host, &[]).await;
    host.lockstep(&["member", "add", "bob", "--role", "admin"])
        .exits(0);
    let laptop = token(&host, &["laptop", "--member", "bob"]);
    put_value(&server, "MEMBERS", &laptop, "a value of a member").is(201);
    let shown = get(&server, &format!("{CREDENTIALS}/MEMBERS"), &laptop);
    assert_eq!(
        shown.is(200).json()["created_by"],
        "member:bob/token:laptop"
    );
    let ran = run(&server, &laptop, "return 1", &Value::Null);
    let record = format!("{RUNS}/{}", ran["run"].as_str().unwrap());
    assert_eq!(
        get(&server, &record, &laptop).json()["caller"],
        "member:bob/token:laptop"
    );
    host.lockstep(&["member", "set", "bob", "--role", "viewer"])
        .exits(0);
    put_value(&server, "MEMBERS", &laptop, "a value of a member").is_problem(403, "forbidden");
    get(&server, CREDENTIALS, &laptop).is(200);
    host.lockstep(&["member", "remove", "bob"]).exits(0);
    get(&server, CREDENTIALS, &laptop).is_problem(401, "bad_token");
    // Another bob is another person.
    host.lockstep(&["member", "add", "bob", "--role", "admin"])
        .exits(0);
    get(&server, CREDENTIALS, &laptop).is_problem(401, "bad_token");
    let laptop = listed(&host, "laptop");
    assert_eq!(laptop["member"], "bob");
    assert!(laptop["revoked_at"].is_string(), "{laptop}");
}

#[tokio::test]
async fn a_token_with_a_role_of_its_own_does_less_than_its_member_and_never_more() {
    let host = TestHost::new().await;
    host.guard("a value of a member");
    let server = Served::start(&host, &[]).await;
    host.lockstep(&["member", "add", "eve", "--role", "editor"])
        .exits(0);
    let beyond = ["token", "create", "x", "--member", "eve", "--role", "admin"];
    let refused = host.lockstep(&[&beyond[..], &["--json"]].concat()).exits(2);
    let problem: Value = serde_json::from_str(&refused.stderr).unwrap();
    assert_eq!(problem["error"]["code"], "role_beyond_member", "{problem}");
    let unknown = ["token", "create", "x", "--member", "evee"];
    let unknown = host.lockstep(&unknown).exits(2);
    assert!(
        unknown.stderr.contains("`evee` does not exist"),
        "{unknown:?}"
    );
    let ci = token(&host, &["ci", "--member", "eve", "--role", "runner"]);
    run(&server, &ci, "return 1", &Value::Null);
    get(&server, CREDENTIALS, &ci).is_problem(403, "forbidden");
    // More for the member is no more for the token; a role that leaves nothing of it leaves nothing.
    host.lockstep(&["member", "set", "eve", "--role", "admin"])
        .exits(0);
    get(&server, CREDENTIALS, &ci).is_problem(403, "forbidden");
    host.lockstep(&["member", "set", "eve", "--role", "viewer"])
        .exits(0);
    get(&server, RUNS, &ci).is_problem(401, "bad_token");
    assert_eq!(listed(&host, "ci")["role"], Value::Null);
    let members = host.lockstep(&["member", "list", "--json"]).exits(0).json();
    let eve = &members["members"][0];
    assert_eq!(
        (&eve["name"], &eve["role"], &eve["tokens"]),
        (&json!("eve"), &json!("viewer"), &json!(1))
    );
}
