//! Tokens, members, workflows and the workspace over HTTP.

use serde_json::{Value, json};

use lockstep_e2e::{Answer, Served, TestHost};
use lockstep_step::Role;

use super::{JSON, NOTHING, RUNS, get};

const W: &str = "/v1/workspaces/default";

fn say(server: &Served<'_>, method: &str, path: &str, token: &str, body: &Value) -> Answer {
    let body = body.to_string();
    let path = format!("{W}{path}");
    server.ask(method, &path, Some(token), (JSON, body.as_bytes()))
}

#[tokio::test]
async fn a_token_that_was_made_over_http_is_shown_once_and_says_who_it_is() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    let wanted = json!({"name": "engine", "role": "runner", "expires_at": "2099-01-01T00:00:00Z"});
    let made = say(&server, "POST", "/tokens", &admin, &wanted).is(201);
    let engine = made.json()["token"].as_str().unwrap().to_owned();
    assert!(engine.starts_with("lsk_") && engine.len() == 47, "{engine}");
    // It is shown here, and nowhere after.
    host.search();
    host.guard(&engine);
    let who = get(&server, "/v1/whoami", &engine).is(200).json();
    let expected = json!({"caller": "token:engine", "token": "engine", "member": null, "role": "runner",
        "workspace": "default", "expires_at": "2099-01-01T00:00:00Z"});
    assert_eq!(who, expected);
    say(&server, "POST", "/tokens", &admin, &wanted).is_problem(409, "already_exists");
    let nobodys = json!({"name": "other"});
    say(&server, "POST", "/tokens", &admin, &nobodys).is_problem(400, "role_missing");
    let of_nobody = json!({"name": "other", "member": "nobody"});
    say(&server, "POST", "/tokens", &admin, &of_nobody).is_problem(404, "not_found");
    let path = format!("{W}/tokens/engine");
    server.ask("DELETE", &path, Some(&admin), NOTHING).is(204);
    get(&server, RUNS, &engine).is_problem(401, "bad_token");
    let listed = get(&server, &format!("{W}/tokens"), &admin).is(200).json();
    let engine = listed["tokens"].as_array().unwrap().iter();
    let engine = engine.clone().find(|it| it["name"] == "engine").unwrap();
    assert_eq!(engine["revoked_by"], "token:admin");
}

#[tokio::test]
async fn a_workflow_is_added_once_and_its_rules_are_not_repeated_where_they_are_none() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    let path = "/workflows/billing";
    say(&server, "PUT", path, &admin, &Value::Null).is(201);
    say(&server, "PUT", path, &admin, &Value::Null).is(200);
    let full = format!("{W}{path}");
    let mut again = server.say("PUT", &full, Some(&admin), "If-None-Match: *\r\n", b"");
    server.hear(&mut again).is_problem(412, "already_exists");
    let rules = format!("{path}/egress");
    let only = json!({"mode": "only", "rules": ["GET api.example.com/v1"]});
    let set = say(&server, "PUT", &rules, &admin, &only).is(200).json();
    assert_eq!(
        (&set["mode"], &set["rules"]),
        (&only["mode"], &only["rules"])
    );
    assert_eq!(set["set_by"], "token:admin");
    let value = "a value in the place of a rule";
    host.guard(value);
    for rule in [value.to_owned(), format!("a.test~({value}")] {
        let wrong = json!({"mode": "only", "rules": ["a.test", rule]});
        let problem = say(&server, "PUT", &rules, &admin, &wrong).is_problem(400, "invalid_rule");
        assert!(
            problem["detail"].as_str().unwrap().starts_with("rule 2 "),
            "{problem}"
        );
    }
    for no_change in [
        json!({"mode": value}),
        json!({"mode": "all", "rules": ["a.test"]}),
    ] {
        say(&server, "PUT", &rules, &admin, &no_change).is_problem(400, "invalid_body");
    }
    let kept = get(&server, &format!("{W}{rules}"), &admin).is(200).json();
    assert_eq!(kept, set);
    let asked = json!({"method": "POST", "url": "https://api.example.com/v1"});
    let explain = format!("{rules}/explain");
    let told = say(&server, "POST", &explain, &admin, &asked)
        .is(200)
        .json();
    assert_eq!(told["allowed"], false);
    server.ask("DELETE", &full, Some(&admin), NOTHING).is(204);
    get(&server, &full, &admin).is_problem(404, "not_found");
    let default = format!("{W}/workflows/default");
    let kept = server.ask("DELETE", &default, Some(&admin), NOTHING);
    kept.is_problem(409, "permanent");
}

#[tokio::test]
async fn a_workspace_that_requires_sealing_says_so_and_refuses_what_is_not() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    let require = json!({"require_sealing": true});
    let set = say(&server, "PATCH", "", &admin, &require).is(200).json();
    assert_eq!(set["require_sealing"], true);
    assert_eq!(set["require_sealing_set_by"], "token:admin");
    super::put_value(&server, "REVEALED", &admin, "some value").is_problem(409, "sealing_required");
    let listed = get(&server, "/v1/workspaces", &admin).is(200).json();
    assert_eq!(listed["workspaces"], json!([set]));
}
