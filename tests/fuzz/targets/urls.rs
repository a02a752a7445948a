//! What stands in the URL of a call: the names of its path, and what its query asks for. Each is read here a second time, and
//! is taken if and only if all of it is what the API takes.

#![no_main]

#[expect(dead_code, reason = "queries ask for actions, and not for modes")]
#[path = "../../../crates/store/src/audit/action.rs"]
mod action;
#[path = "../../../crates/store/src/audit/filter.rs"]
mod audit_filter;
#[path = "../../../crates/server/src/audit_query.rs"]
mod audit_query;
#[path = "../../../crates/server/src/force.rs"]
mod force;
mod names;
#[expect(dead_code, reason = "parts are taken from a list, and here is none")]
#[path = "../../../crates/server/src/page.rs"]
mod page;
#[expect(dead_code, reason = "no scope is asked for, and no caller is let in")]
#[path = "../../../crates/server/src/place.rs"]
mod place;
#[expect(
    dead_code,
    reason = "most problems are of what is done, and nothing is"
)]
#[path = "../../../crates/server/src/problem.rs"]
mod problem;
#[path = "../../../crates/server/src/query.rs"]
mod query;
#[path = "../../../crates/store/src/credential/removal.rs"]
mod removal;
#[path = "../../../crates/store/src/run/filter.rs"]
mod run_filter;
#[path = "../../../crates/server/src/run_query.rs"]
mod run_query;
#[expect(dead_code, reason = "nobody makes a token here, or looks one up")]
#[path = "../../../crates/runner/src/token.rs"]
mod token;
mod told;
#[path = "../../../crates/server/src/wire/used_by.rs"]
mod used_by;
mod wire {
    pub(crate) use crate::used_by::UsedBy;
}

// The files of the server have these from the runner, which is not built for fuzzing.
extern crate self as lockstep_runner;
pub(crate) use action::AuditAction;
pub(crate) use audit_filter::{AuditFilter, AuditFrom};
pub(crate) use lockstep_vault::KekId;
pub(crate) use removal::Removal;
pub(crate) use run_filter::{RunFilter, RunStatus};
pub(crate) use token::Token;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::{Debug, Display};
use std::pin::pin;
use std::str::FromStr;
use std::task::{Context, Poll, Waker};

use arbitrary::{Result, Unstructured};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{StatusCode, Uri};
use axum::routing::get;
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use tower_service::Service as _;
use url::form_urlencoded;

use lockstep_step::{CredentialKey, OutcomeKind, RunId, StepName};

use audit_query::AuditQuery;
use force::Force;
use names::{is_key, is_name};
use page::Page;
use place::Place;
use problem::Problem;
use run_query::RunQuery;
use told::check_told;

/// What follows is not a query, but what to make one of.
const PIECES: &[u8] = b"pieces:";
const MOST_PIECES: usize = 12;
/// In place of each `@` of the input.
const CANARY: &str = "Marmot%20Quill%207731";

/// What a query can ask with.
struct Form {
    /// What an input begins with that is one.
    name: &'static str,
    parts: &'static [Part],
    /// Reads it with the server's parser, and holds against it whether all parts are as they are to be.
    check: fn(&Uri, Option<Said>),
}

/// A part of a query: its name, and what may stand there.
struct Part(&'static str, fn(&str) -> bool);

/// What a query says.
type Said = BTreeMap<String, String>;

static FORMS: [Form; 6] = [
    Form {
        name: "runs?",
        parts: &[
            Part("workflow", is_name),
            Part("step", is_name),
            Part("status", is_status),
            Part("since", is::<Timestamp>),
            Part("until", is::<Timestamp>),
            Part("before", is::<RunId>),
            Part("limit", |text| is_limit(text, 100)),
        ],
        check: check_runs,
    },
    Form {
        name: "audit?",
        parts: &[
            Part("key", is_key),
            Part("run", is::<RunId>),
            Part("workflow", is_name),
            Part("actor", |_| true),
            Part("action", is_action),
            Part("since", is::<Timestamp>),
            Part("until", is::<Timestamp>),
            Part("before", is_place),
            Part("after", is_place),
            Part("limit", |text| is_limit(text, 1000)),
        ],
        check: check_audit,
    },
    Form {
        name: "credentials?",
        parts: &[
            Part("after", is_key),
            Part("limit", |text| is_limit(text, 500)),
        ],
        check: check_page::<CredentialKey>,
    },
    Form {
        name: "steps?",
        parts: &[
            Part("after", is_name),
            Part("limit", |text| is_limit(text, 500)),
        ],
        check: check_page::<StepName>,
    },
    Form {
        name: "versions?",
        parts: &[
            Part("after", is::<u64>),
            Part("limit", |text| is_limit(text, 500)),
        ],
        check: check_page::<u64>,
    },
    Form {
        name: "force?",
        parts: &[Part("force", |text| ["true", "false"].contains(&text))],
        check: check_force,
    },
];

fuzz_target!(|data: &[u8]| {
    if let Some(data) = data.strip_prefix(PIECES) {
        if let Ok((form, query)) = made(&mut Unstructured::new(data)) {
            check(form, &query);
        }
        return;
    }
    let text = String::from_utf8_lossy(data).replace('@', CANARY);
    if let Some(part) = text.strip_prefix("path:") {
        check_path(part);
    }
    for form in &FORMS {
        if let Some(query) = text.strip_prefix(form.name) {
            check(form, query);
        }
    }
});

// === Queries of pieces ===

fn made(data: &mut Unstructured<'_>) -> Result<(&'static Form, String)> {
    let form = data.choose(&FORMS)?;
    let mut parts = Vec::new();
    while !data.is_empty() && parts.len() < MOST_PIECES {
        let name = match data.ratio(1, 8)? {
            true => {
                *data.choose(&["", "x", "lim%69t", "Limit", "key", "force", "after", CANARY])?
            }
            false => data.choose(form.parts)?.0,
        };
        parts.push(format!("{name}={}", value(data)?));
    }
    Ok((form, parts.join("&")))
}

fn value(data: &mut Unstructured<'_>) -> Result<String> {
    if data.ratio(1, 4)? {
        let actions = AuditAction::ALL.map(AuditAction::as_str);
        let words = match data.arbitrary()? {
            true => *data.choose(&OutcomeKind::ALL.map(OutcomeKind::as_str))?,
            false => *data.choose(&actions)?,
        };
        return Ok(words.to_owned());
    }
    if data.ratio(1, 4)? {
        return Ok(data.arbitrary::<u64>()?.to_string());
    }
    let values = [
        "",
        "0",
        "1",
        "100",
        "101",
        "500",
        "1001",
        "+7",
        "-1",
        "07",
        "%31",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551616",
        "true",
        "false",
        "True",
        "KEY_1",
        "K%45Y",
        "a-b.c",
        ".a",
        "a+b",
        "a%26b%3Dc",
        "%ff",
        "%00",
        "%F0%9F%98%80",
        "open",
        "lost",
        "forbidden",
        "token:engine",
        "01938a5e-7c1d-7c6b-8f11-2f1c9d8d2a10",
        "01938A5E7C1D7C6B8F112F1C9D8D2A10",
        "{01938a5e-7c1d-7c6b-8f11-2f1c9d8d2a10}",
        "2031-01-01T00:00:00Z",
        "2031-01-01T00:00:00%2B02:00",
        "2031-01-01T00:00:00+02:00",
        "9999-12-30T22:00:00.999999999Z",
        "-009999-01-02T01:59:59Z",
        "2031-01-01T00:00:00Z[Europe/Berlin]",
        "null",
        CANARY,
    ];
    data.choose(&values).map(|it| (*it).to_owned())
}

// === What holds of a query ===

fn check(form: &Form, query: &str) {
    // What is no URI does not come to the API.
    if let Ok(uri) = Uri::try_from(format!("/?{query}")) {
        (form.check)(&uri, said(form, uri.query().unwrap_or_default()));
    }
}

/// What a query says, if all its parts are known, each there once, and as it is to be.
fn said(form: &Form, query: &str) -> Option<Said> {
    let parts: Vec<(Cow<'_, str>, Cow<'_, str>)> =
        form_urlencoded::parse(query.as_bytes()).collect();
    let is_one = |name: &str, text: &str| {
        let mut known = form.parts.iter();
        known.any(|Part(known, is_one)| *known == name && is_one(text))
    };
    let count = parts.len();
    let are = parts.iter().all(|(name, text)| is_one(name, text));
    let said: Said = parts
        .into_iter()
        .map(|(name, text)| (name.into_owned(), text.into_owned()))
        .collect();
    (are && said.len() == count).then_some(said)
}

fn is<T: FromStr>(text: &str) -> bool {
    text.parse::<T>().is_ok()
}

fn is_limit(text: &str, most: u32) -> bool {
    text.parse().is_ok_and(|limit| (1..=most).contains(&limit))
}

fn is_place(text: &str) -> bool {
    is::<u64>(text) && is::<i64>(text)
}

fn is_status(text: &str) -> bool {
    let mut outcomes = OutcomeKind::ALL.into_iter();
    ["open", "lost", "forbidden"].contains(&text) || outcomes.any(|kind| kind.as_str() == text)
}

fn is_action(text: &str) -> bool {
    let mut actions = AuditAction::ALL.into_iter();
    actions.any(|action| action.as_str() == text)
}

/// What is taken, or nothing where it is refused.
fn taken<T>(read: std::result::Result<T, Problem>) -> Option<T> {
    let codes = &["invalid_query"];
    read.inspect_err(|problem| check_told(problem, codes)).ok()
}

/// What is asked for is what the query says of it: the same, whichever way it was written.
fn check_said<T: Display + FromStr<Err: Debug>>(said: &Said, name: &str, taken: Option<&T>) {
    let written = said.get(name).map(|text| {
        let read: T = text.parse().expect("it is one");
        read.to_string()
    });
    assert_eq!(taken.map(T::to_string), written, "{name}");
}

/// What is left out is what the API has then.
fn check_limit(said: &Said, taken: u32, usual: u32) {
    let limit = said
        .get("limit")
        .map_or(usual, |it| it.parse().expect("it is a number"));
    assert_eq!(taken, limit);
}

fn check_runs(uri: &Uri, said: Option<Said>) {
    let taken = taken(query::query::<RunQuery>(uri).and_then(RunQuery::checked));
    assert_eq!(taken.is_some(), said.is_some(), "{uri}");
    let (Some(taken), Some(said)) = (taken, said) else {
        return;
    };
    check_said(&said, "workflow", taken.workflow.as_ref());
    check_said(&said, "step", taken.step.as_ref());
    check_said(&said, "since", taken.since.as_ref());
    check_said(&said, "until", taken.until.as_ref());
    check_said(&said, "before", taken.before.as_ref());
    let status = taken.status.map(RunStatus::as_str);
    assert_eq!(status, said.get("status").map(String::as_str));
    check_limit(&said, taken.limit, 20);
}

fn check_audit(uri: &Uri, said: Option<Said>) {
    let taken = taken(query::query::<AuditQuery>(uri).and_then(AuditQuery::checked));
    let is_one_way = |said: &Said| !(said.contains_key("before") && said.contains_key("after"));
    let said = said.filter(is_one_way);
    assert_eq!(taken.is_some(), said.is_some(), "{uri}");
    let (Some(taken), Some(said)) = (taken, said) else {
        return;
    };
    check_said(&said, "key", taken.key.as_ref());
    check_said(&said, "run", taken.run.as_ref());
    check_said(&said, "workflow", taken.workflow.as_ref());
    check_said(&said, "actor", taken.actor.as_ref());
    check_said(&said, "action", taken.action.as_ref());
    check_said(&said, "since", taken.since.as_ref());
    check_said(&said, "until", taken.until.as_ref());
    let (before, after) = match taken.from {
        AuditFrom::Latest => (None, None),
        AuditFrom::Before(before) => (Some(before), None),
        AuditFrom::After(after) => (None, Some(after)),
    };
    check_said(&said, "before", before.as_ref());
    check_said(&said, "after", after.as_ref());
    check_limit(&said, taken.limit, 100);
}

fn check_page<T: DeserializeOwned + Display + FromStr<Err: Debug>>(uri: &Uri, said: Option<Said>) {
    let read = query::query::<Page<T>>(uri);
    let taken = taken(read.and_then(|page| Ok((page.limit()?, page.after))));
    assert_eq!(taken.is_some(), said.is_some(), "{uri}");
    if let (Some((limit, after)), Some(said)) = (taken, said) {
        check_said(&said, "after", after.as_ref());
        check_limit(&said, limit, 100);
    }
}

fn check_force(uri: &Uri, said: Option<Said>) {
    let removal = taken(query::query::<Force>(uri)).map(|force| force.removal());
    let expected = said.map(|said| match said.get("force").map(String::as_str) {
        Some("true") => Removal::Forced,
        _ => Removal::IfUnused,
    });
    assert_eq!(removal, expected, "{uri}");
}

// === What holds of a path ===

/// A path with this part in the place of each thing that a route can name.
fn check_path(part: &str) {
    if part.contains(['/', '?', '#']) {
        return;
    }
    let Ok(uri) = Uri::try_from(format!("/{part}").repeat(7)) else {
        return;
    };
    let status = match percent_decode_str(part).decode_utf8() {
        _ if part.is_empty() => StatusCode::NOT_FOUND,
        Ok(_) => StatusCode::OK,
        Err(_) => StatusCode::BAD_REQUEST,
    };
    assert_eq!(routed(uri), status, "{part}");
}

fn routed(uri: Uri) -> StatusCode {
    let path = "/{workflow}/{step}/{run}/{name}/{member}/{key}/{id}";
    let mut router: Router = Router::new().route(path, get(check_place));
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = uri;
    let mut answer = pin!(router.call(request));
    match answer
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(Ok(answer)) => answer.status(),
        Poll::Pending => panic!("a path is waited for"),
    }
}

/// Each name is what is written there, decoded once, or is refused.
async fn check_place(place: Place, uri: Uri) {
    let part = uri.path().split('/').nth(1).expect("the path has seven");
    let text = percent_decode_str(part)
        .decode_utf8()
        .expect("it was taken");
    check_named(place.workflow(), &text, is_name(&text));
    check_named(place.step(), &text, is_name(&text));
    check_named(place.member(), &text, is_name(&text));
    check_named(place.key(), &text, is_key(&text));
    check_named(place.kek(), &text, is_kek(&text));
    let is_token = text.len() == 47 && text.starts_with("lsk_");
    check_named(place.token(), &text, is_name(&text) && !is_token);
    match place.run() {
        Ok(run) => assert_eq!(text.parse(), Ok(run)),
        Err(problem) => {
            assert!(!is::<RunId>(&text), "{text}");
            check_told(&problem, &["invalid_run_id"]);
        }
    }
}

/// Of key-encryption keys.
fn is_kek(text: &str) -> bool {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.len() == 17 && text.starts_with('k') && text.bytes().skip(1).all(is_digit)
}

fn check_named<T: Display>(named: std::result::Result<T, Problem>, text: &str, is_one: bool) {
    match named {
        Ok(name) => assert!(is_one && name.to_string() == text, "{name} of {text}"),
        Err(problem) => {
            assert!(!is_one, "{text}");
            check_told(&problem, &["invalid_name", "invalid_key", "invalid_key_id"]);
            // What is so long is in no message of ours by chance.
            assert!(text.len() < 16 || !format!("{problem:?}").contains(text));
        }
    }
}
