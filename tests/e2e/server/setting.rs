//! Credentials that are set by JSON, for a version, and seen whole but for their values.

use std::thread;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use lockstep_e2e::{Answer, Served, TestHost};
use lockstep_step::Role;

use super::{CREDENTIALS, INLINE, JSON, NOTHING, VALUE, get, put_value, run};

fn ask(
    server: &Served<'_>,
    (method, path): (&str, &str),
    token: &str,
    headers: &str,
    (kind, body): (&str, &[u8]),
) -> Answer {
    let length = body.len();
    let head = format!("Content-Type: {kind}\r\nContent-Length: {length}\r\n{headers}");
    let mut connection = server.say(method, path, Some(token), &head, body);
    server.hear(&mut connection)
}

fn put_json(server: &Served<'_>, key: &str, token: &str, body: &str) -> Answer {
    let path = format!("{CREDENTIALS}/{key}");
    server.ask("PUT", &path, Some(token), (JSON, body.as_bytes()))
}

#[tokio::test]
async fn a_json_body_says_more_than_the_value_and_all_of_it_is_shown() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    host.guard("the first value of KEY 4711");
    let end = Timestamp::now() + SignedDuration::from_hours(10 * 24);
    let body = json!({
        "value": "the first value of KEY 4711",
        "note": "from the wiki",
        "sealed": {"hosts": ["api.test", "*.api.test:8443"], "places": ["header", "basic"]},
        "expires_at": end,
    });
    let put = put_json(&server, "KEY", &admin, &body.to_string()).is(201);
    assert_eq!(put.header("etag"), Some("\"1\""));
    let expected = json!({"key": "KEY", "version": 1, "result": "created", "masking": "masked", "sealed": true, "expires_at": end});
    assert_eq!(put.json(), expected);
    let path = format!("{CREDENTIALS}/KEY");
    let shown = get(&server, &path, &admin).is(200);
    assert_eq!(shown.header("etag"), Some("\"1\""));
    let shown = shown.json();
    for (field, expected) in [
        ("key", json!("KEY")),
        ("scope", json!("workspace")),
        ("workflow", Value::Null),
        ("version", json!(1)),
        ("size", json!(27)),
        ("maskable", json!(true)),
        ("sealed", json!(true)),
        ("hosts", json!(["api.test", "*.api.test:8443"])),
        ("places", json!(["header", "basic"])),
        ("note", json!("from the wiki")),
        ("created_by", json!("token:admin")),
        ("rotated_by", json!("token:admin")),
        ("expiry", json!("soon")),
        ("last_used", Value::Null),
        (
            "used_by",
            json!({"workflows": [], "steps": [], "dynamic": []}),
        ),
    ] {
        assert_eq!(shown[field], expected, "{field}");
    }
    let told: Timestamp = shown["expires_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(told.as_microsecond(), end.as_microsecond());
    // What is said of a value goes with it, and what is said of the credential stays.
    let rotated = put_value(&server, "KEY", &admin, "another value of KEY").is(200);
    assert_eq!(rotated.header("etag"), Some("\"2\""));
    let previous = &rotated.json()["previous_expires_at"];
    assert_eq!(previous, &shown["expires_at"]);
    let shown = get(&server, &path, &admin).json();
    assert_eq!(
        (&shown["expiry"], &shown["expires_at"]),
        (&json!("never"), &Value::Null)
    );
    assert_eq!(
        (&shown["sealed"], &shown["note"]),
        (&json!(true), &json!("from the wiki"))
    );
    let body = r#"{"value": "a third value of KEY", "sealed": false, "note": ""}"#;
    put_json(&server, "KEY", &admin, body).is(200);
    let shown = get(&server, &path, &admin).json();
    assert_eq!(
        (&shown["sealed"], &shown["note"]),
        (&json!(false), &Value::Null)
    );
}

#[tokio::test]
async fn escapes_in_a_json_value_are_what_they_stand_for() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    let value = "é\"\\\n\u{1f600}-canary";
    host.guard(value);
    let body = r#"{"value":"\u00e9\"\\\n\ud83d\ude00-canary"}"#;
    put_json(&server, "KEY", &admin, body).is(201);
    let source = "return { same: credential('KEY') === '\\u00e9\"\\\\\\n\\u{1f600}-can' + 'ary' }";
    let ran = run(&server, &admin, source, &Value::Null);
    assert_eq!(ran["output"], json!({"same": true}));
    let shown = get(&server, &format!("{CREDENTIALS}/KEY"), &admin).json();
    assert_eq!(shown["size"], value.len());
    assert_eq!(shown["last_used"]["run"], ran["run"]);
    assert_eq!(shown["last_used"]["version"], 1);
}

/// Bodies with a value in the wrong place, and how each is refused.
fn refused(value: &str) -> Vec<(String, &'static str)> {
    let past = "2020-01-01T00:00:00Z";
    vec![
        (value.to_owned(), "invalid_body"),
        (json!(value).to_string(), "invalid_body"),
        (json!({value: value}).to_string(), "invalid_body"),
        (
            json!({"value": value, value: 1}).to_string(),
            "invalid_body",
        ),
        (json!({"value": [value]}).to_string(), "invalid_body"),
        (json!({"value": null}).to_string(), "invalid_body"),
        (json!({"note": value}).to_string(), "invalid_body"),
        (
            format!(r#"{{"value":"{value}","value":"{value}"}}"#),
            "invalid_body",
        ),
        (format!(r#"{{"value":"\ud800{value}"}}"#), "invalid_body"),
        (format!(r#"{{"value":"{value}"#), "invalid_body"),
        (
            json!({"value": value, "expires_at": value}).to_string(),
            "invalid_body",
        ),
        (
            json!({"value": value, "sealed": value}).to_string(),
            "invalid_body",
        ),
        (
            json!({"value": value, "expires_at": past}).to_string(),
            "invalid_expiry",
        ),
        (
            json!({"value": value, "note": "two\nlines"}).to_string(),
            "invalid_note",
        ),
        (
            json!({"value": value, "note": "x".repeat(1025)}).to_string(),
            "invalid_note",
        ),
        (
            json!({"value": value, "sealed": true}).to_string(),
            "invalid_sealing",
        ),
        (
            json!({"value": value, "sealed": {"hosts": []}}).to_string(),
            "invalid_sealing",
        ),
        (
            json!({"value": value, "sealed": {"hosts": [format!("https://{value}")]}}).to_string(),
            "invalid_sealing",
        ),
        (
            json!({"value": value, "sealed": {"hosts": ["*.com"]}}).to_string(),
            "invalid_sealing",
        ),
        (
            json!({"value": value, "sealed": {"hosts": ["a.test"], "places": [value]}}).to_string(),
            "invalid_sealing",
        ),
        (json!({"value": ""}).to_string(), "value_empty"),
    ]
}

#[tokio::test]
async fn a_json_body_that_cannot_be_taken_is_refused_by_a_code_and_not_repeated() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    let value = "a.value.in.the-wrong-place-123";
    host.guard(value);
    for (body, code) in refused(value) {
        put_json(&server, "KEY", &admin, &body).is_problem(400, code);
    }
    let large = json!({"value": "x".repeat(65537)}).to_string();
    let problem = put_json(&server, "KEY", &admin, &large).is_problem(413, "value_too_large");
    assert_eq!(
        (&problem["size"], &problem["limit"]),
        (&json!(65537), &json!(65536))
    );
    let larger = format!("{{\"value\":\"{}\"}}", " ".repeat(500_000));
    put_json(&server, "KEY", &admin, &larger).is_problem(413, "body_too_large");
    let path = format!("{CREDENTIALS}/KEY");
    get(&server, &path, &admin).is_problem(404, "credential_not_found");
    // The largest that is taken, of which each byte is written as six.
    let largest = format!("{{\"value\":\"{}\"}}", "\\u0001".repeat(65536));
    put_json(&server, "KEY", &admin, &largest).is(201);
}

#[tokio::test]
async fn a_put_for_a_version_is_refused_with_the_one_that_is_there() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    let path = format!("{CREDENTIALS}/KEY");
    let put = |condition: &str| {
        let body: (&str, &[u8]) = (VALUE, b"some value of KEY");
        ask(&server, ("PUT", &path), &admin, condition, body)
    };
    let conflict = |answer: Answer| answer.is_problem(412, "version_conflict")["version"].clone();
    assert_eq!(conflict(put("If-Match: \"1\"\r\n")), Value::Null);
    assert_eq!(conflict(put("If-Match: *\r\n")), Value::Null);
    put("If-None-Match: *\r\n").is(201);
    assert_eq!(conflict(put("If-None-Match: *\r\n")), 1);
    put("If-Match: \"7\", \"1\"\r\n").is(200);
    let problem = put("If-Match: \"1\"\r\n").is_problem(412, "version_conflict");
    assert_eq!(problem["version"], 2);
    let detail = "credential `KEY` is at version 2, and the change is not for that";
    assert_eq!(problem["detail"], detail);
    assert_eq!(conflict(put("If-Match: W/\"2\"\r\n")), 2);
    assert_eq!(conflict(put("If-None-Match: W/\"2\"\r\n")), 2);
    put("If-Match: 2\r\n").is_problem(400, "invalid_condition");
    let delete = |condition: &str| ask(&server, ("DELETE", &path), &admin, condition, NOTHING);
    assert_eq!(conflict(delete("If-Match: \"1\"\r\n")), 2);
    // Of many who saw the same version one is first.
    let statuses: Vec<u16> = thread::scope(|scope| {
        let racing: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| put("If-Match: \"2\"\r\n").status))
            .collect();
        racing.into_iter().map(|it| it.join().unwrap()).collect()
    });
    let of = |status| statuses.iter().filter(|it| **it == status).count();
    assert_eq!((of(200), of(412)), (1, 7), "{statuses:?}");
    delete("If-Match: \"3\"\r\n").is(204);
    put("If-None-Match: *\r\n").is(201);
}

#[tokio::test]
async fn credentials_of_a_scope_are_listed_in_parts() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    for key in ["A", "B", "C"] {
        put_value(&server, key, &admin, "some value").is(201);
    }
    let list = |query: &str| {
        let listed = get(&server, &format!("{CREDENTIALS}{query}"), &admin)
            .is(200)
            .json();
        let keys = listed["credentials"].as_array().unwrap().iter();
        let keys: Vec<_> = keys
            .map(|it| it["key"].as_str().unwrap().to_owned())
            .collect();
        (keys, listed["next"].clone())
    };
    let keys = |keys: &[&str]| keys.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
    assert_eq!(list("?limit=2"), (keys(&["A", "B"]), json!("B")));
    let rest = keys(&["C", "CANARY", "CANARY_LINES"]);
    assert_eq!(list("?after=B&limit=3"), (rest.clone(), Value::Null));
    assert_eq!(list("?after=B"), (rest, Value::Null));
    for query in ["?limit=0", "?limit=501", "?after=9", "?before=A"] {
        let answer = get(&server, &format!("{CREDENTIALS}{query}"), &admin);
        answer.is_problem(400, "invalid_query");
    }
}

#[tokio::test]
async fn with_another_key_nothing_is_set_or_opened() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let other = TestHost::new().await;
    let right = std::fs::read(host.key_file()).unwrap();
    std::fs::copy(other.key_file(), host.key_file()).unwrap();
    let server = Served::start(&host, &[]).await;
    put_value(&server, "KEY", &admin, "a value").is_problem(503, "key_unavailable");
    put_json(&server, "KEY", &admin, r#"{"value": "a value"}"#).is_problem(503, "key_unavailable");
    let asks = json!({"source": "return credential('CANARY')"}).to_string();
    let asked = server.ask("POST", INLINE, Some(&admin), (JSON, asks.as_bytes()));
    asked.is_problem(503, "key_unavailable");
    get(&server, &format!("{CREDENTIALS}/CANARY"), &admin).is(200);
    std::fs::write(host.key_file(), right).unwrap();
}
