//! Steps over HTTP: lists, versions, removal, and changes for a version.

use serde_json::{Value, json};

use lockstep_e2e::{Answer, Served, TestHost};
use lockstep_step::Role;

use super::{JSON, NOTHING, get};

const STEPS: &str = "/v1/workspaces/default/workflows/default/steps";

fn put(server: &Served<'_>, token: &str, step: &str, condition: &str, source: &str) -> Answer {
    let path = format!("{STEPS}/{step}");
    let length = source.len();
    let head = format!("Content-Type: text/javascript\r\nContent-Length: {length}\r\n{condition}");
    let mut connection = server.say("PUT", &path, Some(token), &head, source.as_bytes());
    server.hear(&mut connection)
}

fn source(number: u32) -> String {
    format!("export default () => {number}")
}

#[tokio::test]
async fn steps_and_their_versions_are_listed_and_removed() {
    let host = TestHost::new().await;
    let editor = host.token(Role::Editor).await;
    let server = Served::start(&host, &[]).await;
    for step in ["b", "a", "c"] {
        let added = put(&server, &editor, step, "", &source(1)).is(201);
        assert_eq!(added.header("etag"), Some("\"1\""));
    }
    for number in [2, 3] {
        put(&server, &editor, "a", "", &source(number)).is(200);
    }
    let list = |query: &str| {
        get(&server, &format!("{STEPS}{query}"), &editor)
            .is(200)
            .json()
    };
    let names = |listed: &Value| {
        let steps = listed["steps"].as_array().unwrap().iter();
        steps.map(|it| it["step"].clone()).collect::<Vec<_>>()
    };
    let first = list("?limit=2");
    assert_eq!(
        (names(&first), &first["next"]),
        (vec![json!("a"), json!("b")], &json!("b"))
    );
    assert_eq!(first["steps"][0]["version"], 3);
    let rest = list("?after=b");
    assert_eq!(
        (names(&rest), &rest["next"]),
        (vec![json!("c")], &Value::Null)
    );
    let path = format!("{STEPS}/a/versions");
    let versions = get(&server, &format!("{path}?limit=2"), &editor)
        .is(200)
        .json();
    let told: Vec<_> = versions["versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["version"].clone())
        .collect();
    assert_eq!(
        (told, &versions["next"]),
        (vec![json!(3), json!(2)], &json!(2))
    );
    let shown = get(&server, &format!("{STEPS}/a"), &editor).is(200);
    assert_eq!(shown.header("etag"), Some("\"3\""));
    assert_eq!(versions["versions"][0]["digest"], shown.json()["digest"]);
    let first = get(&server, &format!("{path}?after=2"), &editor).json();
    assert_eq!(
        (&first["versions"][0]["version"], &first["next"]),
        (&json!(1), &Value::Null)
    );
    get(&server, &format!("{STEPS}/z/versions"), &editor).is_problem(404, "not_found");
    get(&server, &format!("{path}?after={}", u64::MAX), &editor).is(200);
    get(&server, &format!("{path}?after=x"), &editor).is_problem(400, "invalid_query");
    let step = format!("{STEPS}/a");
    server.ask("DELETE", &step, Some(&editor), NOTHING).is(204);
    server
        .ask("DELETE", &step, Some(&editor), NOTHING)
        .is_problem(404, "not_found");
    server
        .ask(
            "POST",
            &format!("{step}/runs"),
            Some(&editor),
            (JSON, b"{}"),
        )
        .is_problem(404, "not_found");
    assert_eq!(names(&list("")), [json!("b"), json!("c")]);
}

#[tokio::test]
async fn a_step_is_registered_for_a_version() {
    let host = TestHost::new().await;
    let editor = host.token(Role::Editor).await;
    let server = Served::start(&host, &[]).await;
    let put = |condition: &str, number| put(&server, &editor, "a", condition, &source(number));
    put("If-None-Match: *\r\n", 1).is(201);
    let problem = put("If-None-Match: *\r\n", 1).is_problem(412, "version_conflict");
    assert_eq!(problem["version"], 1);
    put("If-Match: \"1\"\r\n", 2).is(200);
    let problem = put("If-Match: \"1\"\r\n", 3).is_problem(412, "version_conflict");
    assert_eq!(problem["version"], 2);
    let path = format!("{STEPS}/a");
    let head = "If-Match: \"1\"\r\n";
    let mut connection = server.say("DELETE", &path, Some(&editor), head, b"");
    let problem = server
        .hear(&mut connection)
        .is_problem(412, "version_conflict");
    assert_eq!(problem["version"], 2);
    get(&server, &path, &editor).is(200);
}
