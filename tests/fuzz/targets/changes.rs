//! The bodies that set credentials: one, and several at once.

#![no_main]

mod canary;
#[path = "../../../crates/server/src/changes.rs"]
mod changes;
mod members;
#[path = "../../../crates/server/src/object.rs"]
mod object;
#[path = "../../../crates/server/src/parse.rs"]
mod parse;
#[expect(
    dead_code,
    reason = "most problems are of what is done, and nothing is"
)]
#[path = "../../../crates/server/src/problem.rs"]
mod problem;
#[path = "../../../crates/server/src/setting.rs"]
mod setting;
mod told;
#[path = "../../../crates/server/src/wire/used_by.rs"]
mod used_by;
mod wire {
    pub(crate) use crate::used_by::UsedBy;
}

use arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

use lockstep_secret::Secret;
use lockstep_step::{Handling, MAX_DESTINATIONS, SealedPlace};

use canary::{CANARY, with_canary};
use members::Members;
use setting::{Setting, ToSet};
use told::check_told;

/// A body of one credential; without it, one of several.
const ONE: &[u8] = b"one:";
/// What follows is not a body, but what to make one of.
const PIECES: &[u8] = b"pieces:";
const MOST_PIECES: usize = 120;
const CODES: [&str; 4] = [
    "invalid_body",
    "invalid_key",
    "invalid_sealing",
    "too_many_changes",
];

fuzz_target!(|data: &[u8]| {
    if let Some(data) = data.strip_prefix(PIECES) {
        if let Ok(body) = body(&mut Unstructured::new(data)) {
            check_several(body.as_bytes());
        }
    } else if let Some(body) = data.strip_prefix(ONE) {
        check_one(&with_canary(body));
    } else {
        check_several(&with_canary(data));
    }
});

/// A body whose keys are mostly keys, and whose values are all that may stand there.
fn body(data: &mut Unstructured<'_>) -> Result<String> {
    let mut members = Vec::new();
    while !data.is_empty() && members.len() < MOST_PIECES {
        let key = *data.choose(&[
            "A",
            "b",
            "A_1",
            "\\u0041",
            "A-B",
            "",
            "1A",
            "LOCKSTEP_X",
            CANARY,
        ])?;
        let value = *data.choose(&[
            "null",
            " null ",
            "\"v\"",
            "\"\\u00e9\\ud83d\\ude00\"",
            "\"\\ud800\"",
            "\"Marmot Quill 7731\"",
            "1",
            "[\"v\"]",
            "{}",
            r#"{"value": "v"}"#,
            r#"{"value": null}"#,
            r#"{"value": {"value": "v"}}"#,
            r#"{"value": "v", "note": "Marmot Quill 7731", "expires_at": "2031-01-01T00:00:00Z"}"#,
            r#"{"value": "v", "expires_at": "Marmot Quill 7731"}"#,
            r#"{"value": "v", "sealed": true}"#,
            r#"{"value": "v", "sealed": false}"#,
            r#"{"value": "v", "sealed": {"hosts": ["Marmot Quill 7731"]}}"#,
            r#"{"value": "v", "sealed": {"hosts": ["*.example.com:8443"], "places": ["query"]}}"#,
            r#"{"value": "v", "sealed": {"hosts": ["*.co.uk"]}}"#,
            r#"{"value": "v", "sealed": {"hosts": ["a.example"], "places": ["Marmot Quill 7731"]}}"#,
            r#"{"value": "v", "sealed": {"hosts": []}}"#,
            r#"{"value": "v", "sealed": [["a.example"]]}"#,
            r#"{"value": "v", "value": "w"}"#,
            r#"{"value": "v", "Marmot Quill 7731": 1}"#,
        ])?;
        members.push(format!("\"{key}\": {value}"));
    }
    Ok(format!("{{{}}}", members.join(", ")))
}

fn check_one(body: &[u8]) {
    match parse::parse::<Setting<'_>>(body).and_then(Setting::checked) {
        Ok(to_set) => {
            // Deeper than `Value` reads is nothing that a setting has.
            let said: Value = serde_json::from_slice(body).expect("it is JSON");
            check_set(&to_set, &said);
        }
        Err(problem) => check_told(&problem, &CODES),
    }
}

/// Each member is taken, in its order, as what it says; or nothing is.
fn check_several(body: &[u8]) {
    let taken = match changes::changes(body) {
        Ok(taken) => taken,
        Err(problem) => return check_told(&problem, &CODES),
    };
    assert!(taken.len() <= changes::MAX_CHANGES);
    let Members(said) = serde_json::from_slice(body).expect("it is an object");
    assert_eq!(taken.len(), said.len());
    for ((key, to_set), (name, said)) in taken.iter().zip(&said) {
        assert_eq!(key.as_str(), name);
        match to_set {
            None => assert!(said.is_null(), "{said}"),
            Some(to_set) => check_set(to_set, said),
        }
    }
}

fn check_set(to_set: &ToSet, said: &Value) {
    let field = |name| said.get(name).filter(|value| !value.is_null());
    let value = said.as_str().or_else(|| field("value")?.as_str());
    assert_eq!(Some(plaintext(&to_set.value)), value);
    let note = field("note").and_then(Value::as_str);
    assert_eq!(to_set.note.as_deref(), note);
    assert_eq!(to_set.expires_at.is_some(), field("expires_at").is_some());
    match &to_set.handling {
        None => assert_eq!(field("sealed"), None),
        Some(Handling::Reveal) => assert_eq!(field("sealed"), Some(&Value::Bool(false))),
        Some(Handling::Sealed(sealing)) => {
            let hosts = &field("sealed").expect("it is sealed")["hosts"];
            let hosts = hosts.as_array().expect("hosts are a list");
            let count = sealing.destinations().count();
            assert!((1..=hosts.len()).contains(&count), "{sealing:?} {hosts:?}");
            assert!(hosts.len() <= MAX_DESTINATIONS, "{hosts:?}");
            let may_go = |place: &SealedPlace| sealing.allows_in(*place);
            let places = [
                SealedPlace::Header,
                SealedPlace::Query,
                SealedPlace::Basic,
                SealedPlace::Body,
            ];
            assert!(places.iter().any(may_go), "{sealing:?}");
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a made-up value is compared in plaintext"
)]
fn plaintext(value: &Secret) -> &str {
    value.expose()
}
