//! Requests as nobody would write them: each route of the document with names, queries, headers and bodies that are mostly
//! almost right.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::Value;

use lockstep_e2e::{Answer, Served, TestHost};
use lockstep_step::Role;

use super::{INLINE, JSON, get, put_value, run};

/// In a path, a query, a header or a value: no answer has it, and no log.
const CANARY: &str = "Marmot%20Quill%207731";
const CANARY_TEXT: &str = "Marmot Quill 7731";
const REQUESTS: u32 = 2_000;

/// A route of the document.
#[derive(Clone, Debug)]
struct Route {
    method: String,
    path: String,
    /// Names of its query.
    query: Vec<String>,
    kinds: Vec<String>,
    /// Fields of its body.
    fields: Vec<String>,
    /// Everything that the document says of its answers.
    said: String,
}

/// A request.
#[derive(Debug)]
struct Asked {
    route: Route,
    path: String,
    lines: String,
    token: Option<usize>,
    kind: String,
    body: String,
}

/// Codes that any route may answer with, as they are of the caller, the path or the connection.
const OF_ALL: [&str; 15] = [
    "no_token",
    "bad_token",
    "too_many_failures",
    "forbidden",
    "not_found",
    "method_not_allowed",
    "invalid_path",
    "invalid_name",
    "invalid_key",
    "invalid_run_id",
    "invalid_query",
    "invalid_body",
    "unsupported_media_type",
    "body_too_slow",
    "incomplete_body",
];

/// Parts of a path: the first of them are there.
const NAMES: [&str; 16] = [
    "daily",
    "default",
    "s",
    "KEY",
    "one",
    "two",
    "..",
    "%2e%2e",
    "%2F",
    "%ff",
    "%00",
    "a%0d%0ab",
    "%F0%9F%98%80",
    "-",
    "A%41",
    CANARY,
];
const WORDS: [&str; 22] = [
    "KEY",
    "daily",
    "s",
    "1",
    "0",
    "-1",
    "500",
    "18446744073709551615",
    "9223372036854775808",
    "true",
    "",
    "completed",
    "open",
    "credential.used",
    "2026-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "-009999-01-01T00:00:00Z",
    "01938a5e-7c1d-7c6b-8f11-2f1c9d8d2a10",
    "%ff",
    "%00",
    "a%26b%3D",
    CANARY,
];
const HEADERS: [&str; 13] = [
    "If-Match",
    "If-None-Match",
    "Prefer",
    "Idempotency-Key",
    "Last-Event-ID",
    "Accept",
    "Accept",
    "traceparent",
    "tracestate",
    "X-Forwarded-For",
    "X-HTTP-Method-Override",
    "Authorization",
    "Cookie",
];
const HEADER_VALUES: [&str; 19] = [
    "*",
    "\"1\"",
    "W/\"1\", \"2\",,",
    "\"01\"",
    "\"",
    "",
    ",",
    "respond-async",
    "return=minimal; a=\"b, c\"",
    "8e03978e-40d5",
    "\"8e03978e\"",
    "0",
    "18446744073709551615",
    "text/event-stream",
    "application/jsonl",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "Bearer lsk_",
    "\u{e9}\u{1f600}",
    CANARY_TEXT,
];
/// Values of fields: most of them are fit for one.
const VALUES: [&str; 31] = [
    "null",
    "true",
    "false",
    "0",
    "1",
    "-1",
    "1e400",
    "18446744073709551616",
    "30.0",
    "\"\"",
    "\"KEY\"",
    "\"one\"",
    "\"viewer\"",
    "\"admin\"",
    "\"typescript\"",
    "\"selected\"",
    "\"all\"",
    "\"GET\"",
    "\"https://api.example.com/a?b=c\"",
    "\"2031-01-01T00:00:00Z\"",
    "\"\\ud800\"",
    "\"\\u0000\"",
    "[]",
    "[\"KEY\"]",
    "[\"api.example.com\", \"*\", \"\"]",
    "[[1]]",
    "{}",
    "{\"a\": [1]}",
    "{\"timeout_ms\": 1000, \"memory_bytes\": 1}",
    "{\"hosts\": [\"*.example.com:8443\"], \"places\": [\"body\"]}",
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
];

fn routes(document: &Value) -> Vec<Route> {
    let mut routes = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, said) in methods.as_object().unwrap() {
            let parameters = said["parameters"].as_array().into_iter().flatten();
            let query = parameters
                .filter(|parameter| parameter["in"] == "query")
                .map(|parameter| parameter["name"].as_str().unwrap().to_owned());
            let content = said["requestBody"]["content"].as_object();
            let mut fields = BTreeSet::new();
            for content in content.into_iter().flatten() {
                collect_fields(document, &content.1["schema"], &mut fields);
            }
            routes.push(Route {
                method: method.to_uppercase(),
                path: path.clone(),
                query: query.collect(),
                kinds: content
                    .into_iter()
                    .flatten()
                    .map(|(kind, _)| kind.clone())
                    .collect(),
                fields: fields.into_iter().collect(),
                said: answers(document, path, method),
            });
        }
    }
    routes
}

/// What the document says of the answers of a route, and of those that it refers to.
fn answers(document: &Value, path: &str, method: &str) -> String {
    let of = |path: &str, method: &str| document["paths"][path][method]["responses"].to_string();
    let mut said = of(path, method);
    if said.contains("as for") {
        said += &of(&path.replace("/workflows/{workflow}", ""), method);
    }
    if said.contains("what a `PUT` of one answers") {
        said += &of("/v1/workspaces/{workspace}/credentials/{key}", "put");
    }
    said
}

fn collect_fields(document: &Value, schema: &Value, fields: &mut BTreeSet<String>) {
    match schema {
        Value::Object(members) => {
            for (name, member) in members {
                if let ("$ref", Some(place)) = (name.as_str(), member.as_str()) {
                    collect_fields(
                        document,
                        &document.pointer(&place[1..]).unwrap().clone(),
                        fields,
                    );
                } else if let ("properties", Some(properties)) = (name.as_str(), member.as_object())
                {
                    fields.extend(properties.keys().cloned());
                } else {
                    collect_fields(document, member, fields);
                }
            }
        }
        Value::Array(schemas) => {
            for schema in schemas {
                collect_fields(document, schema, fields);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn asked(routes: Vec<Route>, run: String) -> impl Strategy<Value = Asked> {
    select(routes).prop_flat_map(move |route| {
        let run = run.clone();
        let parts = route.path.matches('{').count();
        let path = prop::collection::vec(
            prop_oneof![5 => select(&NAMES[..6]), 1 => select(&NAMES[..])],
            parts,
        );
        let names: Vec<String> = route
            .query
            .iter()
            .cloned()
            .chain(["unknown".to_owned()])
            .collect();
        let query = seldom(prop::collection::vec(
            (select(names), select(&WORDS[..])),
            1..3,
        ));
        let header = (select(&HEADERS[..]), select(&HEADER_VALUES[..]));
        let headers = seldom(prop::collection::vec(header, 1..3));
        let mut kinds = route.kinds.clone();
        kinds.extend(["application/json; charset=utf-16", "text/plain", ""].map(str::to_owned));
        let is_usual = |kind: &&String| *kind != "application/wasm";
        let usual = kinds.iter().find(is_usual).unwrap().clone();
        let kind = prop_oneof![4 => Just(usual), 1 => select(kinds)];
        let token = prop_oneof![6 => Just(Some(0)), 1 => Just(Some(1)), 1 => Just(None)];
        let body = body(&route);
        (Just(route), path, query, headers, token, (kind, body)).prop_map(
            move |(route, names, query, headers, token, (kind, body))| Asked {
                path: place(&route, &names, &query, &run),
                lines: headers
                    .iter()
                    .map(|(name, value)| format!("{name}: {value}\r\n"))
                    .collect(),
                route,
                token,
                kind,
                body,
            },
        )
    })
}

/// One time in three; else there is nothing.
fn seldom<T: Clone + Debug + 'static>(
    some: impl Strategy<Value = Vec<T>> + 'static,
) -> impl Strategy<Value = Vec<T>> {
    prop_oneof![2 => Just(Vec::new()), 1 => some]
}

/// An object with some of these fields; or what is none, or no JSON.
fn body(route: &Route) -> BoxedStrategy<String> {
    if route.kinds.iter().any(|kind| kind == "text/javascript") {
        let sources = ["export default () => 1", "export default (", "", "\0asm"];
        return select(sources.to_vec()).prop_map(str::to_owned).boxed();
    }
    let of_field = |field: &String| {
        let fit = match field.as_str() {
            "source" => select(&["\"return 1\"", "\"return input\"", "\"(\"", "\"\""][..]).boxed(),
            "name" | "admin_token" => select(&["\"one\"", "\"two\"", "\"-\""][..]).boxed(),
            "role" => select(&["\"viewer\"", "\"editor\"", "\"root\""][..]).boxed(),
            "language" => Just("\"typescript\"").boxed(),
            "limits" => Just("{}").boxed(),
            "member" | "note" | "input" | "expires_at" => Just("null").boxed(),
            "key" => Just("\"KEY\"").boxed(),
            "keys" | "rules" | "places" | "heads" => Just("[]").boxed(),
            "method" => Just("\"GET\"").boxed(),
            "url" => Just("\"https://api.example.com/a?b=c\"").boxed(),
            "mode" | "permission" | "policy" => {
                select(&["\"all\"", "\"selected\"", "\"deny\""][..]).boxed()
            }
            "sealed" => select(&["false", "{\"hosts\": [\"api.example.com\"]}"][..]).boxed(),
            "require_sealing" => Just("false").boxed(),
            "value" => Just("\"Marmot Quill 7731\"").boxed(),
            _ => select(&VALUES[..]).boxed(),
        };
        let value = prop_oneof![9 => fit, 1 => select(&VALUES[..])];
        let field = field.clone();
        let member = value.prop_map(move |value| format!("\"{field}\": {value}"));
        prop::option::weighted(0.9, member)
    };
    let members: Vec<_> = route.fields.iter().map(of_field).collect();
    let other = (
        select(&["KEY", "OTHER", "no key", "\\u0000"][..]),
        select(&VALUES[..]),
    );
    let other = other.prop_map(|(name, value)| format!("\"{name}\": {value}"));
    let object = (members, prop::option::weighted(0.1, other)).prop_map(|(members, other)| {
        let members: Vec<String> = members.into_iter().flatten().chain(other).collect();
        format!("{{{}}}", members.join(", "))
    });
    let nothing_such = select(
        &[
            "",
            "[]",
            "null",
            "{",
            "return 1",
            "\u{feff}{}",
            "{\"a\": 1} {}",
        ][..],
    );
    let keys = select(
        &[
            r#"{"KEY": "Marmot Quill 7731", "TWO": null}"#,
            r#"{"Marmot Quill 7731": "v"}"#,
        ][..],
    );
    prop_oneof![8 => object, 1 => nothing_such.prop_map(str::to_owned), 1 => keys.prop_map(str::to_owned)].boxed()
}

/// The path with these names in it, the workspace mostly being the one that there is, unless it is to come or go.
fn place(route: &Route, names: &[&str], query: &[(String, &str)], run: &str) -> String {
    let comes_or_goes =
        ["PUT", "DELETE"].contains(&route.method.as_str()) && route.path.ends_with("/{workspace}");
    let mut written = String::new();
    for (at, piece) in route.path.split('{').enumerate() {
        let Some((name, rest)) = piece.split_once('}') else {
            written.push_str(piece);
            continue;
        };
        let chosen = names[at - 1];
        written.push_str(match name {
            "workspace" if chosen != CANARY && !comes_or_goes => "default",
            "workflow" if chosen.starts_with(char::is_alphabetic) => "daily",
            "key" if chosen.starts_with(char::is_alphabetic) => "KEY",
            "run" if chosen.starts_with(char::is_alphabetic) => run,
            "step" if chosen.starts_with(char::is_alphabetic) => "s",
            _ => chosen,
        });
        written.push_str(rest);
    }
    let query: Vec<String> = query
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    if query.is_empty() {
        written
    } else {
        format!("{written}?{}", query.join("&"))
    }
}

/// It is an answer of ours, and one that the document knows of.
fn check(asked: &Asked, answer: &Answer) -> Result<(), String> {
    let text = String::from_utf8_lossy(&answer.body);
    let ensure = |holds: bool, why: &str| if holds { Ok(()) } else { Err(why.to_owned()) };
    ensure(
        (200..500).contains(&answer.status),
        "a status that blames the host",
    )?;
    let repeats = |canary| answer.head.contains(canary) || text.contains(canary);
    ensure(
        !repeats(CANARY) && !repeats(CANARY_TEXT),
        "something is repeated",
    )?;
    if answer.status < 400 {
        return Ok(());
    }
    let is_problem = answer.header("content-type") == Some("application/problem+json");
    ensure(is_problem, "a refusal that is no problem")?;
    let problem = answer.json();
    ensure(
        problem["status"] == answer.status,
        "a status that is another",
    )?;
    let code = problem["code"].as_str().unwrap_or_default();
    let is_known = OF_ALL.contains(&code) || asked.route.said.contains(&format!("`{code}`"));
    ensure(
        is_known,
        &format!("`{code}`, of which the document does not know"),
    )
}

#[tokio::test]
async fn whatever_is_asked_is_answered_as_documented_and_repeated_nowhere() {
    let host = TestHost::new().await;
    let tokens = [
        host.token(Role::Admin).await,
        host.token(Role::Viewer).await,
    ];
    let server = Served::start(&host, &[]).await;
    put_value(&server, "KEY", &tokens[0], "a value of the stranger").is(201);
    host.guard(CANARY);
    host.guard(CANARY_TEXT);
    let ran = run(&server, &tokens[0], "console.log(1)", &Value::Null);
    let ran = ran["run"].as_str().unwrap().to_owned();
    let daily = "/v1/workspaces/default/workflows/daily";
    server
        .ask("PUT", daily, Some(&tokens[0]), super::NOTHING)
        .is(201);
    let document = get(&server, "/openapi.json", &tokens[0]).json();
    let routes = routes(&document);
    let requests = asked(routes.clone(), ran);
    // The same requests each time.
    let mut choices = TestRunner::deterministic();
    let (mut wrong, mut done) = (BTreeMap::new(), BTreeSet::new());
    for _ in 0..REQUESTS {
        let asked = requests.new_tree(&mut choices).unwrap().current();
        let token = asked.token.map(|at| tokens[at].as_str());
        let whom = (asked.route.method.as_str(), asked.path.as_str(), token);
        let body = (asked.kind.as_str(), asked.body.as_bytes());
        let answer = server.ask_with(&asked.lines, whom, body);
        let route = (asked.route.method.clone(), asked.route.path.clone());
        if answer.status < 300 {
            done.insert(route.clone());
        }
        if let Err(why) = check(&asked, &answer) {
            let Asked {
                path,
                lines,
                kind,
                body,
                ..
            } = &asked;
            let answered = String::from_utf8_lossy(&answer.body);
            let told = format!(
                "{path} {lines:?} {kind:?} {body}: {} {answered}",
                answer.status
            );
            wrong.insert((route, why), told);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    // Not all of it was refused at the door.
    let is_done = |route: &&Route| done.contains(&(route.method.clone(), route.path.clone()));
    let refused: Vec<_> = routes
        .iter()
        .filter(|route| !is_done(route))
        .map(|it| (&it.method, &it.path))
        .collect();
    assert!(refused.len() < routes.len() / 8, "{refused:#?}");
    // And it goes on.
    run(&server, &tokens[0], "return 1", &Value::Null);
    let log = server.log();
    assert!(!log.contains("panicked"), "{log}");
    server
        .ask("POST", INLINE, Some(&tokens[1]), (JSON, b"{}"))
        .is_problem(403, "forbidden");
}
