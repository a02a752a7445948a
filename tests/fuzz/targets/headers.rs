//! The headers of a call that steer it: a line of the input for each.

#![no_main]

mod canary;
#[path = "../../../crates/server/src/condition.rs"]
mod condition;
#[path = "../../../crates/server/src/idempotency.rs"]
mod idempotency;
#[path = "../../../crates/server/src/last_event.rs"]
mod last_event;
#[path = "../../../crates/server/src/list_header.rs"]
mod list_header;
#[path = "../../../crates/server/src/media.rs"]
mod media;
#[path = "../../../crates/server/src/prefer.rs"]
mod prefer;
#[expect(
    dead_code,
    reason = "most problems are of what is done, and nothing is"
)]
#[path = "../../../crates/server/src/problem.rs"]
mod problem;
mod told;
#[path = "../../../crates/server/src/trace_headers.rs"]
mod trace_headers;
#[path = "../../../crates/server/src/wire/used_by.rs"]
mod used_by;
mod wire {
    pub(crate) use crate::used_by::UsedBy;
}

use axum::http::header::{ACCEPT, IF_MATCH, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use libfuzzer_sys::fuzz_target;

use lockstep_step::{TraceContext, Versions};

use canary::with_canary;
use told::check_told;

const LONGEST_KEY_BYTES: usize = 255;

fuzz_target!(|data: &[u8]| {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n') {
        add(&mut headers, line);
    }
    check_condition(&headers);
    check_idempotency(&headers);
    check_last_event(&headers);
    check_preference(&headers);
    check_media(&headers);
    check_trace(&headers);
});

fn add(headers: &mut HeaderMap, line: &[u8]) {
    let Some(colon) = line.iter().position(|byte| *byte == b':') else {
        return;
    };
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    if let (Ok(name), Ok(value)) = (
        HeaderName::from_bytes(name),
        HeaderValue::from_bytes(&with_canary(value)),
    ) {
        headers.append(name, value);
    }
}

/// What is there is a condition or is refused; a version is listed only where its own tag stands; and whoever compares
/// strongly finds no more than who compares weakly.
fn check_condition(headers: &HeaderMap) {
    for name in [IF_MATCH, IF_NONE_MATCH] {
        let mut both = HeaderMap::new();
        for value in headers.get_all(&name) {
            both.append(IF_MATCH, value.clone());
            both.append(IF_NONE_MATCH, value.clone());
        }
        let condition = match condition::condition(&both) {
            Ok(condition) => condition,
            Err(problem) => {
                check_told(&problem, &["invalid_condition"]);
                continue;
            }
        };
        let there = headers.contains_key(&name);
        assert_eq!(condition.is_one_of.is_some(), there);
        assert_eq!(condition.is_none_of.is_some(), there);
        let lines: Vec<&str> = headers
            .get_all(&name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .collect();
        match (condition.is_one_of, condition.is_none_of) {
            (None, None) => {}
            (Some(Versions::Any), Some(Versions::Any)) => {
                assert!(lines.iter().any(|line| line.trim() == "*"), "{lines:?}");
            }
            (Some(Versions::These(strong)), Some(Versions::These(weak))) => {
                assert!(strong.is_subset(&weak), "{lines:?}");
                for version in weak {
                    let tag = format!("\"{version}\"");
                    let stands = lines.iter().any(|line| line.contains(&tag));
                    assert!(stands, "{version} of {lines:?}");
                }
            }
            other => panic!("{other:?} of {lines:?}"),
        }
    }
    let tagged = condition::tagged(Response::default(), headers.len() as u64);
    assert!(tagged.headers().contains_key("etag"));
}

/// A key is one that a client can send, and it is the whole header.
fn check_idempotency(headers: &HeaderMap) {
    let sent = || headers.get_all("idempotency-key").iter();
    match idempotency::key(headers) {
        Ok(None) => assert_eq!(sent().count(), 0),
        Ok(Some(key)) => {
            assert_eq!(sent().count(), 1);
            let text = key.as_str();
            assert!((1..=LONGEST_KEY_BYTES).contains(&text.len()), "{text}");
            let is_of_key = |byte: u8| byte.is_ascii_graphic() && byte != b'"';
            assert!(text.bytes().all(is_of_key), "{text}");
            let header = sent().next().and_then(|value| value.to_str().ok());
            let header = header.expect("it was read").trim();
            assert!(header == text || header == format!("\"{text}\""), "{text}");
            let asked = |path| idempotency::request(key.clone(), "POST", path, b"").request;
            assert_ne!(asked("/a"), asked("/b"));
        }
        Err(problem) => check_told(&problem, &["invalid_idempotency_key"]),
    }
}

/// A client goes on behind an event that its header names as we do.
fn check_last_event(headers: &HeaderMap) {
    let mut sent = headers.get_all("last-event-id").iter();
    match last_event::next(headers) {
        Ok(0) => assert!(sent.next().is_none()),
        Ok(next) => {
            let value = sent.next().expect("it is there");
            assert_eq!(value.as_bytes(), (next - 1).to_string().as_bytes());
            assert!(sent.next().is_none());
        }
        Err(problem) => check_told(&problem, &["invalid_event_id"]),
    }
}

/// A preference is found where its name stands, and wherever it is added.
fn check_preference(headers: &HeaderMap) {
    let prefers = prefer::is_async(headers);
    let is_named = headers.get_all("prefer").iter().any(|value| {
        let text = value.to_str().unwrap_or_default();
        text.to_ascii_lowercase().contains(prefer::RESPOND_ASYNC)
    });
    assert!(is_named || !prefers);
    let mut added = headers.clone();
    added.append("prefer", HeaderValue::from_static("a=b, Respond-Async ; c"));
    assert!(prefer::is_async(&added));
}

fn check_media(headers: &HeaderMap) {
    if let Some(kind) = media::of_body(headers) {
        assert!(!kind.contains(';') && kind == kind.trim(), "{kind}");
        assert_eq!(kind, kind.to_ascii_lowercase());
    }
    const EVENTS: &str = "text/event-stream";
    let accepts = media::accepts(headers, EVENTS);
    let mut added = headers.clone();
    added.append(ACCEPT, HeaderValue::from_static("*/*;q=0.1"));
    assert_eq!(media::accepts(&added, EVENTS), accepts);
    added.append(
        ACCEPT,
        HeaderValue::from_static("a/b, text/Event-Stream;q=1"),
    );
    assert!(media::accepts(&added, EVENTS));
}

/// A trace that is joined is told on as it came.
fn check_trace(headers: &HeaderMap) {
    let Some(context) = trace_headers::told(headers) else {
        return;
    };
    assert!(context.trace() != 0 && context.parent() != 0);
    let told = context.to_string();
    let state = context.state().unwrap_or_default();
    assert_eq!(
        TraceContext::parse(&told).map(|it| it.with_state(state)),
        Some(context.clone())
    );
    assert!(HeaderValue::from_str(&told).is_ok() && HeaderValue::from_str(state).is_ok());
    assert!(told.len() == 55 && state.len() <= 512, "{told} {state}");
}
