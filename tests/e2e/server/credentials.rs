//! Credentials over HTTP: set, rotated, used, deleted, and never told.

use serde_json::{Value, json};

use lockstep_e2e::{Answer, Served, TestHost};
use lockstep_step::Role;

use super::{CREDENTIALS, INLINE, JSON, NOTHING, RUNS, VALUE, get, put_value, run};

const TELLS: &str = "export default (input, ctx) => {
  const value = ctx.credential('TOKEN'); console.log('got', value); return { value, length: value.length } }";

/// The text of a log, of which each line is a piece.
fn text(logs: &Answer) -> String {
    let body = str::from_utf8(&logs.body).unwrap();
    let piece = |line| serde_json::from_str::<Value>(line).unwrap();
    let text = |line| piece(line)["text"].as_str().unwrap().to_owned();
    body.lines().map(text).collect()
}

#[tokio::test]
async fn a_credential_is_set_rotated_and_used_and_nobody_is_told_its_value() {
    let host = TestHost::new().await;
    let (admin, runner) = (
        host.token(Role::Admin).await,
        host.token(Role::Runner).await,
    );
    let server = Served::start(&host, &[]).await;
    let values = ["first-value-of-TOKEN-4711", "another second value 0815!"];
    for (at, value) in values.into_iter().enumerate() {
        host.guard(value);
        let (status, result) = if at == 0 {
            (201, "created")
        } else {
            (200, "rotated")
        };
        let put = put_value(&server, "TOKEN", &admin, value).is(status).json();
        let expected = json!({"key": "TOKEN", "version": at + 1, "result": result, "masking": "masked", "sealed": false});
        assert_eq!(put, expected);
        let ran = run(&server, &runner, TELLS, &Value::Null);
        let output = json!({"value": "***", "length": value.len()});
        assert_eq!(
            (&ran["outcome"], &ran["output"]),
            (&json!("completed"), &output)
        );
        assert_eq!(ran["receipt"]["credentials"][0]["version"], at + 1);
        let id = ran["run"].as_str().unwrap();
        let record = get(&server, &format!("{RUNS}/{id}"), &runner)
            .is(200)
            .json();
        assert_eq!(
            (&record["status"], &record["output"]),
            (&json!("completed"), &output)
        );
        assert_eq!(record["caller"], "token:runner");
        let logs = get(&server, &format!("{RUNS}/{id}/logs"), &runner).is(200);
        assert_eq!(logs.header("content-type"), Some("application/x-ndjson"));
        assert_eq!(text(&logs), "got ***\n");
    }
    let shown = get(&server, &format!("{CREDENTIALS}/TOKEN"), &admin)
        .is(200)
        .json();
    assert_eq!(
        (&shown["version"], &shown["created_by"]),
        (&json!(2), &json!("token:admin"))
    );
    assert_eq!(server.end(), Some(0));
}

#[tokio::test]
async fn what_is_no_credential_is_refused_by_a_code_and_not_repeated() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    let value = "a value in the wrong place 123";
    host.guard(value);
    put_value(&server, "9KEY", &admin, value).is_problem(400, "invalid_key");
    let in_path = value.replace(' ', "%20");
    get(&server, &format!("{CREDENTIALS}/{in_path}"), &admin).is_problem(400, "invalid_key");
    // What is traced has the route and not the path, as the harness sees.
    let log = server.log();
    assert!(
        log.contains("path=\"/v1/workspaces/{workspace}/credentials/{key}\""),
        "{log}"
    );
    put_value(&server, "KEY", &admin, "").is_problem(400, "value_empty");
    let path = format!("{CREDENTIALS}/KEY");
    let ask = |kind, body: &[u8]| server.ask("PUT", &path, Some(&admin), (kind, body));
    ask("text/plain", value.as_bytes()).is_problem(415, "unsupported_media_type");
    let mut not_utf8 = value.as_bytes().to_vec();
    not_utf8.push(0xff);
    ask(VALUE, &not_utf8).is_problem(400, "value_not_utf8");
    get(&server, &path, &admin).is_problem(404, "credential_not_found");
    for body in [
        value.to_owned(),
        json!({"source": "return 1", value: 1}).to_string(),
        json!({"source": "return 1", "limits": {"timeout_ms": value}}).to_string(),
        json!({"source": "return 1", "limits": [1000]}).to_string(),
        json!([value]).to_string(),
        json!({"source": "return 1", "language": value}).to_string(),
    ] {
        let answer = server.ask("POST", INLINE, Some(&admin), (JSON, body.as_bytes()));
        answer.is_problem(400, "invalid_body");
    }
}

#[tokio::test]
async fn a_key_in_a_path_is_decoded_and_one_that_is_none_is_not_repeated() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    put_value(&server, "%54OKEN", &admin, "some value").is(201);
    let shown = get(&server, &format!("{CREDENTIALS}/T%4fKEN"), &admin).is(200);
    assert_eq!(shown.json()["key"], "TOKEN");
    let long = "K".repeat(129);
    host.guard(&long);
    for key in [
        "A%2FB",
        "..%2F..%2Ftokens",
        "A%00",
        "A%20B",
        "A-B",
        "%F0%9F%98%80",
        "A%0d%0aB",
        &long,
    ] {
        put_value(&server, key, &admin, "some value").is_problem(400, "invalid_key");
        for more in ["", "/usage"] {
            let path = format!("{CREDENTIALS}/{key}{more}");
            get(&server, &path, &admin).is_problem(400, "invalid_key");
        }
    }
    // No text at all.
    put_value(&server, "A%ff", &admin, "some value").is_problem(400, "invalid_path");
    put_value(&server, &long[1..], &admin, "some value").is(201);
}

#[tokio::test]
async fn a_value_that_is_too_large_is_refused_before_it_is_read() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    let path = format!("{CREDENTIALS}/LARGE");
    // The body is announced, and never comes.
    let head = format!("Content-Type: {VALUE}\r\nContent-Length: 65537\r\n");
    let mut connection = server.say("PUT", &path, Some(&admin), &head, b"");
    let problem = server
        .hear(&mut connection)
        .is_problem(413, "value_too_large");
    assert_eq!(
        (&problem["size"], &problem["limit"]),
        (&json!(65537), &json!(65536))
    );
    // Not announced: it is refused as soon as it is seen.
    let head = format!("Content-Type: {VALUE}\r\nTransfer-Encoding: chunked\r\n");
    let chunk = format!("10001\r\n{}\r\n", "x".repeat(65537));
    let mut connection = server.say("PUT", &path, Some(&admin), &head, chunk.as_bytes());
    let problem = server
        .hear(&mut connection)
        .is_problem(413, "value_too_large");
    assert_eq!(problem["limit"], 65536);
    let largest = "y".repeat(65536);
    put_value(&server, "LARGE", &admin, &largest).is(201);
}

#[tokio::test]
async fn a_credential_that_a_step_names_is_deleted_with_force_only() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let server = Served::start(&host, &[]).await;
    host.guard("a value that is in use");
    put_value(&server, "USED", &admin, "a value that is in use").is(201);
    let step = "/v1/workspaces/default/workflows/default/steps/uses";
    let source = b"export default () => credential('USED').length";
    let put = server.ask("PUT", step, Some(&admin), ("text/typescript", source));
    assert_eq!(put.is(201).json()["references"], json!(["USED"]));
    let path = format!("{CREDENTIALS}/USED");
    let shown = get(&server, &path, &admin).json();
    let used_by = json!([{"workflow": "default", "step": "uses"}]);
    assert_eq!(shown["used_by"]["steps"], used_by);
    let delete = |query| server.ask("DELETE", &format!("{path}{query}"), Some(&admin), NOTHING);
    delete("").is_problem(409, "credential_in_use");
    delete("?force=perhaps").is_problem(400, "invalid_query");
    delete("?force=true").is(204);
    delete("?force=true").is_problem(404, "credential_not_found");
    let ran = server.ask("POST", &format!("{step}/runs"), Some(&admin), (JSON, b"{}"));
    assert_eq!(ran.is(200).json()["outcome"], "missing_credential");
}

#[tokio::test]
async fn without_its_key_the_host_does_what_needs_no_credential() {
    let host = TestHost::new().await;
    let admin = host.token(Role::Admin).await;
    let away = host.scratch().join("key-of-before");
    std::fs::rename(host.key_file(), &away).unwrap();
    let server = Served::start(&host, &[]).await;
    put_value(&server, "NEW", &admin, "a value").is_problem(503, "key_unavailable");
    let asks = json!({"source": "return credential('CANARY')"}).to_string();
    let asked = server.ask("POST", INLINE, Some(&admin), (JSON, asks.as_bytes()));
    asked.is_problem(503, "key_unavailable");
    assert_eq!(run(&server, &admin, "return 1", &Value::Null)["output"], 1);
    get(&server, &format!("{CREDENTIALS}/CANARY"), &admin).is(200);
    std::fs::rename(away, host.key_file()).unwrap();
}
