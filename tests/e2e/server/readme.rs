//! What the README says of the API is what the API does.

use std::fs;

use serde_json::{Value, json};

use lockstep_e2e::{Served, TestHost, repository};
use lockstep_step::{Right, Role};

use super::{CREDENTIALS, INLINE, JSON, put_value};

fn section() -> String {
    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    let (_, section) = readme.split_once("## Serve it over HTTP").unwrap();
    section.split("\n## ").next().unwrap().to_owned()
}

#[tokio::test]
async fn the_answers_of_the_readme_are_those_of_the_server() {
    let host = TestHost::new().await;
    let (admin, runner) = (
        host.token(Role::Admin).await,
        host.token(Role::Runner).await,
    );
    let server = Served::start(&host, &[]).await;
    let section = section();
    let lines: Vec<&str> = section.lines().collect();
    let put = put_value(&server, "SLACK_BOT_TOKEN", &admin, "xoxb-my-token").is(201);
    assert!(lines.contains(&str::from_utf8(&put.body).unwrap()));
    // The body that is given to curl, as a shell reads it.
    let said = lines
        .iter()
        .find_map(|line| line.trim().strip_prefix("-d '"));
    let body = said.unwrap().split('\'').next().unwrap();
    let ran = server.ask("POST", INLINE, Some(&runner), (JSON, body.as_bytes()));
    let ran = String::from_utf8(ran.is(200).body).unwrap();
    let told = lines
        .iter()
        .find(|line| line.starts_with("{\"run\""))
        .unwrap();
    // What differs from run to run is left out there.
    let (_, told) = told.split_once("\"outcome\"").unwrap();
    let (_, ran) = ran.split_once("\"outcome\"").unwrap();
    let told = told.strip_suffix("{…}}").unwrap();
    assert!(ran.starts_with(told), "{ran}");
}

#[tokio::test]
async fn the_bodies_of_the_readme_are_taken() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    let section = section();
    let body = |begin: &str| {
        let (_, rest) = section.split_once(begin).unwrap();
        rest.split('\'').nth(1).unwrap()
    };
    let put = body("$URL/credentials/CRM_KEY -d");
    let mut put: Value = serde_json::from_str(put).unwrap();
    // The day in the README comes once.
    put["expires_at"] = json!("2999-01-31T00:00:00Z");
    let path = format!("{CREDENTIALS}/CRM_KEY");
    let put = put.to_string();
    let put = server.ask("PUT", &path, Some(&admin), (JSON, put.as_bytes()));
    assert_eq!(put.is(201).json()["sealed"], true);
    let patch = body("$URL/credentials \\\n");
    let patch = server.ask("PATCH", CREDENTIALS, Some(&admin), (JSON, patch.as_bytes()));
    let results = patch.is(200).json()["results"].clone();
    let results: Vec<_> = results.as_array().unwrap().iter().collect();
    assert_eq!(results.len(), 3);
    assert_eq!(results[2]["result"], "absent");
}

#[tokio::test]
async fn a_workspace_is_added_as_the_readme_says() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    let section = section();
    let (_, rest) = section.split_once("--data '").unwrap();
    let (body, rest) = rest.split_once("' http://127.0.0.1:7070").unwrap();
    let (path, rest) = rest.split_once('\n').unwrap();
    let added = server.ask("PUT", path, Some(&admin), (JSON, body.as_bytes()));
    let added = String::from_utf8(added.is(201).body).unwrap();
    let (told, end) = rest.lines().next().unwrap().split_once('…').unwrap();
    assert!(added.starts_with(told) && added.ends_with(end), "{added}");
}

#[test]
fn the_table_of_the_readme_is_that_of_the_code() {
    let rights = [
        ("set and delete credentials", Right::Administer),
        ("register steps", Right::Edit),
        ("run steps", Right::Run),
        ("see steps and the keys of credentials", Right::SeeKeys),
        ("see runs and their logs", Right::SeeRuns),
    ];
    let section = section();
    for (words, right) in rights {
        let cells = Role::ALL.map(|role| if role.has(right) { "yes" } else { "no" });
        let row = format!("| {words} | {} |", cells.join(" | "));
        assert!(section.contains(&row), "{row}");
    }
}
