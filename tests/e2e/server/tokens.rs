//! Tokens: shown once, good until they are revoked or have expired.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::time::sleep;

use lockstep_e2e::{Served, TestHost};
use lockstep_runner::TokenRequest;
use lockstep_step::{Role, WorkspaceName};

use super::{JSON, NOTHING, RUNS, get};

const TOKENS: &str = "/v1/workspaces/default/tokens";

#[tokio::test]
async fn the_first_start_shows_a_token_and_no_other_does() {
    let host = TestHost::new().await;
    let server = Served::start(&host, &[]).await;
    let token = server.first_token.clone().unwrap();
    get(&server, RUNS, &token).is(200);
    assert_eq!(server.end(), Some(0));
    let server = Served::start(&host, &[]).await;
    assert_eq!(server.first_token, None);
    get(&server, RUNS, &token).is(200);
}

#[tokio::test]
async fn the_command_makes_lists_and_revokes_tokens_that_the_server_knows_at_once() {
    let host = TestHost::new().await;
    let server = Served::start(&host, &[]).await;
    let made = host.lockstep(&[
        "token",
        "create",
        "engine",
        "--role",
        "runner",
        "--expires-in",
        "90d",
    ]);
    let made = made.exits(0);
    let token = made.stdout.trim_end();
    assert!(token.starts_with("lsk_") && token.len() == 47, "{token}");
    get(&server, RUNS, token).is(200);
    host.lockstep(&["token", "create", "engine", "--role", "admin"])
        .exits(2);
    host.lockstep(&["token", "create", "other", "--role", "owner"])
        .exits(2);
    let tokens = host.lockstep(&["token", "list", "--json"]).exits(0).json();
    let engine = &tokens["tokens"][0];
    assert_eq!(
        (&engine["name"], &engine["role"]),
        (&json!("engine"), &json!("runner"))
    );
    assert!(engine["last_used_at"].is_string() && engine["expires_at"].is_string());
    host.lockstep(&["token", "revoke", "engine"]).exits(0);
    let refused = get(&server, RUNS, token);
    let challenge = "Bearer error=\"invalid_token\"";
    assert_eq!(refused.header("www-authenticate"), Some(challenge));
    refused.is_problem(401, "bad_token");
}

#[tokio::test]
async fn a_token_that_has_expired_or_never_was_opens_nothing() {
    let host = TestHost::new().await;
    let server = Served::start(&host, &[]).await;
    let workspace = WorkspaceName::default_name();
    let end = Timestamp::now() + SignedDuration::from_secs(2);
    let request = TokenRequest {
        name: "old".parse().unwrap(),
        role: Some(Role::Admin),
        member: None,
        expires_at: Some(end),
    };
    let old = host.runner.create_token(&host.admin, &workspace, request);
    #[expect(
        clippy::disallowed_methods,
        reason = "the test shows the token, as a client would"
    )]
    let old = old.await.unwrap().expose().to_owned();
    get(&server, RUNS, &old).is(200);
    let left = end.duration_since(Timestamp::now());
    sleep(left.try_into().unwrap_or_default()).await;
    get(&server, RUNS, &old).is_problem(401, "bad_token");
    let never = format!("lsk_{}", "x".repeat(43));
    get(&server, RUNS, &never).is_problem(401, "bad_token");
    get(&server, RUNS, "something").is_problem(401, "no_token");
}

#[tokio::test]
async fn who_shows_many_unknown_tokens_is_put_off_and_who_shows_a_good_one_is_not() {
    let host = TestHost::new().await;
    let (used, fresh) = (
        host.token(Role::Admin).await,
        host.token(Role::Viewer).await,
    );
    let server = Served::start(&host, &[]).await;
    get(&server, RUNS, &used).is(200);
    let never = |number: u32| format!("lsk_{number:x>43}");
    for number in 0..20 {
        get(&server, RUNS, &never(number)).is_problem(401, "bad_token");
    }
    let put_off = get(&server, RUNS, &never(20));
    let seconds: u32 = put_off.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=7).contains(&seconds), "{seconds}");
    put_off.is_problem(429, "too_many_failures");
    // All come from one address.
    get(&server, RUNS, &used).is(200);
    get(&server, RUNS, &fresh).is(200);
    // So many at once that not each of them is looked up; a token that is known is, all the same.
    for number in 0..300 {
        get(&server, RUNS, &never(number)).is_problem(429, "too_many_failures");
    }
    get(&server, RUNS, &fresh).is(200);
    host.lockstep(&["token", "revoke", "viewer"]).exits(0);
    get(&server, RUNS, &fresh).is_problem(401, "bad_token");
    get(&server, RUNS, &fresh).is_problem(429, "too_many_failures");
}

#[tokio::test]
async fn a_token_in_place_of_its_name_is_not_repeated_and_one_that_has_ended_is_not_made() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    // The harness looks for the token in the answer and in the log.
    let path = format!("{TOKENS}/{admin}");
    server
        .ask("DELETE", &path, Some(&admin), NOTHING)
        .is_problem(400, "invalid_name");
    let make = |name: &str, end: Timestamp| {
        let body = json!({"name": name, "role": "viewer", "expires_at": end}).to_string();
        server.ask("POST", TOKENS, Some(&admin), (JSON, body.as_bytes()))
    };
    let now = Timestamp::now();
    make("over", now).is_problem(400, "invalid_expiry");
    make("good", now + SignedDuration::from_hours(1)).is(201);
}
