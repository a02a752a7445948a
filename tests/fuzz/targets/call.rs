//! A call of the HTTP API: the header with the token, the names of a path, and the bodies that ask for runs.

#![no_main]

#[path = "../../../crates/server/src/authorization.rs"]
mod authorization;
mod canary;
#[path = "../../../crates/server/src/inline.rs"]
mod inline;
mod names;
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
#[path = "../../../crates/server/src/wire/run_bodies.rs"]
mod run_bodies;
#[path = "../../../crates/server/src/run_limits.rs"]
mod run_limits;
#[expect(dead_code, reason = "nobody makes a token here, or looks one up")]
#[path = "../../../crates/runner/src/token.rs"]
mod token;
mod told;
#[path = "../../../crates/server/src/wire/used_by.rs"]
mod used_by;
#[path = "../../../crates/server/src/whole.rs"]
mod whole;
mod wire {
    pub(crate) use crate::run_bodies::Language;
    pub(crate) use crate::used_by::UsedBy;
}

use std::fmt::{Debug, Display};
use std::str::FromStr;
use std::time::Duration;

use arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use serde::de::DeserializeOwned;
use serde_json::Value;

use lockstep_secret::Secret;
use lockstep_step::{
    CredentialKey, Digest, Limits, MemberName, RunId, StepName, TokenName, WorkflowName,
    WorkspaceName,
};

use canary::{CANARY, with_canary};
use inline::Code;
use names::{is_key, is_name};
use run_bodies::{InlineRun, StepRun};
use run_limits::RunLimits;
use token::Token;
use told::check_told;

const AUTHORIZATION: &[u8] = b"authorization:";
const NAME: &[u8] = b"name:";
const STEP_RUN: &[u8] = b"run:";
const INLINE_RUN: &[u8] = b"inline:";
/// What follows is not a body, but what to make one of.
const PIECES: &[u8] = b"pieces:";
const MOST_PIECES: usize = 12;

const FIELDS: [&str; 5] = ["source", "language", "wasm", "input", "limits"];
const LIMITS: [&str; 11] = [
    "timeout_ms",
    "memory_bytes",
    "log_bytes",
    "output_bytes",
    "requests",
    "concurrent_requests",
    "first_byte_timeout_ms",
    "request_header_bytes",
    "request_body_bytes",
    "response_body_bytes",
    "transfer_bytes",
];

fuzz_target!(|data: &[u8]| {
    let text = |data| String::from_utf8_lossy(data).into_owned();
    if let Some(header) = data.strip_prefix(AUTHORIZATION) {
        check_header(&text(header));
    } else if let Some(name) = data.strip_prefix(NAME) {
        check_names(&text(name));
    } else if let Some(body) = data.strip_prefix(STEP_RUN) {
        check_step_run(&with_canary(body));
    } else if let Some(body) = data.strip_prefix(INLINE_RUN) {
        check_inline_run(&with_canary(body));
    } else if let Some(data) = data.strip_prefix(PIECES)
        && let Ok(body) = body(&mut Unstructured::new(data))
    {
        check_step_run(body.as_bytes());
        check_inline_run(body.as_bytes());
    }
});

/// What is shown is a part of the header, behind the word and one space at least, and nothing is taken for a token that
/// has another scheme or another form.
fn check_header(header: &str) {
    let is_bearer = header
        .get(..7)
        .is_some_and(|word| word.eq_ignore_ascii_case("bearer "));
    let shown = authorization::bearer(header);
    assert_eq!(shown.is_some(), is_bearer, "{header:?}");
    let Some(shown) = shown else {
        return;
    };
    assert_eq!(shown, header[7..].trim());
    let token = Token::parse(Secret::new(shown.to_owned())).ok();
    let is_token = shown.len() == 47 && shown.starts_with("lsk_");
    assert_eq!(token.is_some(), is_token, "{shown:?}");
    if let Some(token) = token {
        assert_eq!(token.digest(), Digest::of(shown.as_bytes()));
        assert_eq!(format!("{token:?}"), "[token]");
    }
}

fn check_names(name: &str) {
    check_name::<WorkspaceName>(name, is_name(name));
    check_name::<WorkflowName>(name, is_name(name));
    check_name::<StepName>(name, is_name(name));
    check_name::<TokenName>(name, is_name(name));
    check_name::<MemberName>(name, is_name(name));
    check_name::<CredentialKey>(name, is_key(name));
    // Upper case and other spellings of a UUID are read, and told as one is written.
    if let Ok(run) = name.parse::<RunId>() {
        assert_eq!(run.to_string().parse(), Ok(run));
    }
}

/// A name that is taken is told as it was written; of one that is not nothing is repeated.
fn check_name<T: FromStr<Err: Display> + Display + Debug>(name: &str, is_one: bool) {
    let taken = name.parse::<T>().ok().map(|taken| taken.to_string());
    assert_eq!(taken.as_deref(), is_one.then_some(name));
    if !is_one {
        let refused = format!("{CANARY} {name}").parse::<T>();
        let told = refused.expect_err("it has a space").to_string();
        assert!(!told.contains(CANARY), "{told}");
    }
}

// === Bodies ===

fn body(data: &mut Unstructured<'_>) -> Result<String> {
    let (mut fields, mut limits) = (Vec::new(), Vec::new());
    while !data.is_empty() && fields.len() + limits.len() < MOST_PIECES {
        if data.ratio(1, 3)? {
            let field = *data.choose(&["source", "language", "wasm", "input", "x", CANARY])?;
            let value = *data.choose(&[
                "null",
                "1",
                "\"javascript\"",
                "\"typescript\"",
                "\"JavaScript\"",
                "{\"typescript\": null}",
                "\"\\ud83d\\ude00\"",
                "\"Marmot Quill 7731\"",
                "\"AGFzbQ==\"",
                "\"AGFzbR==\"",
                "\"AGFz\"",
                "\"AGF\\u007a\"",
                "[[1.50], {\"a\": \"Marmot Quill 7731\"}]",
            ])?;
            fields.push(format!("\"{field}\": {value}"));
        } else {
            let limit = *data.choose(&LIMITS)?;
            limits.push(format!("\"{limit}\": {}", number(data)?));
        }
    }
    if !limits.is_empty() {
        fields.push(format!("\"limits\": {{{}}}", limits.join(", ")));
    }
    Ok(format!("{{{}}}", fields.join(", ")))
}

fn number(data: &mut Unstructured<'_>) -> Result<String> {
    match data.int_in_range(0..=3)? {
        0 => data.arbitrary::<u64>().map(|number| number.to_string()),
        1 => data.arbitrary::<u16>().map(|number| number.to_string()),
        2 => data.arbitrary::<f64>().map(|number| format!("{number:e}")),
        _ => data
            .choose(&[
                "null",
                "0",
                "-1",
                "1.0",
                "6e5",
                "\"1\"",
                "true",
                "1073741825",
                "65",
                "[]",
            ])
            .map(|number| (*number).to_owned()),
    }
}

fn check_step_run(body: &[u8]) {
    let Some((run, said)) = taken::<StepRun>(body, &["input", "limits"]) else {
        return;
    };
    check_input(run.input.as_deref().map(|it| it.get()), &said["input"]);
    check_limits(run.limits, &said["limits"]);
}

fn check_inline_run(body: &[u8]) {
    let Some((run, said)) = taken::<InlineRun>(body, &FIELDS) else {
        return;
    };
    check_input(run.input.as_deref().map(|it| it.get()), &said["input"]);
    check_limits(run.limits, &said["limits"]);
    let code = inline::code(run.source, run.language, run.wasm);
    let code = code.inspect_err(|problem| check_told(problem, &["invalid_body"]));
    let field = |name| said[name].as_str();
    let expected = match (field("source"), field("wasm"), field("language")) {
        (Some(source), None, None | Some("javascript")) => Some(Code::JavaScript(source.into())),
        (Some(source), None, Some("typescript")) => Some(Code::TypeScript(source.into())),
        (None, Some(wasm), None) => decoded(wasm).map(Code::WebAssembly),
        _ => None,
    };
    assert_eq!(code.ok(), expected);
    for field in ["source", "wasm", "language"] {
        assert!(said[field].is_null() || said[field].is_string(), "{field}");
    }
}

/// Base64 (RFC 4648, section 4), bit by bit: with its padding, and no bit that says nothing.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let padding = text.len() - text.trim_end_matches('=').len();
    if !text.len().is_multiple_of(4) || padding > 2 {
        return None;
    }
    let mut bits = Vec::new();
    for byte in text.bytes().take(text.len() - padding) {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits.extend((0..6).rev().map(|at| digit >> at & 1));
    }
    let (bytes, rest) = bits.as_chunks::<8>();
    let byte = |bits: &[u8; 8]| bits.iter().fold(0, |byte, bit| byte << 1 | bit);
    (!rest.contains(&1)).then(|| bytes.iter().map(byte).collect())
}

/// What is taken is an object of known fields.
fn taken<T: DeserializeOwned>(body: &[u8], known: &[&str]) -> Option<(T, Value)> {
    let read = parse::parse::<T>(body);
    let taken = read.inspect_err(|problem| check_told(problem, &["invalid_body"]));
    // Deeper than `Value` reads is an input only, which is not looked into.
    let said: Value = serde_json::from_slice(body).ok()?;
    let taken = taken.ok()?;
    let fields = said.as_object().expect("it is an object");
    for field in fields.keys() {
        assert!(known.contains(&field.as_str()), "{field}");
    }
    Some((taken, said))
}

/// An input goes to the step as it was written.
fn check_input(taken: Option<&str>, said: &Value) {
    let input = taken.unwrap_or("null");
    assert_eq!(
        serde_json::from_str::<Value>(input).ok().as_ref(),
        Some(said)
    );
}

/// Each limit is what is said, and no more than the API allows; or the default, where nothing is said.
fn check_limits(asked: RunLimits, said: &Value) {
    for name in said.as_object().into_iter().flat_map(|said| said.keys()) {
        assert!(LIMITS.contains(&name.as_str()), "{name}");
    }
    let limits = match asked.checked() {
        Ok(limits) => limits,
        Err(problem) => return check_told(&problem, &["limit_too_large", "limit_too_small"]),
    };
    let most = [
        600_000,
        u64::MAX,
        16 << 20,
        16 << 20,
        10_000,
        64,
        600_000,
        64 << 10,
        1 << 30,
        1 << 30,
        16 << 30,
    ];
    let each = most
        .into_iter()
        .zip(listed(limits))
        .zip(listed(Limits::default()));
    for (name, ((most, taken), default)) in LIMITS.iter().zip(each) {
        assert!(taken <= most, "{name}: {taken}");
        match &said[name] {
            Value::Null => assert_eq!(taken, default, "{name}"),
            Value::Number(said) => assert!(is(taken, said), "{name}: {taken} for {said}"),
            said => panic!("{name}: {taken} for {said}"),
        }
    }
    assert!(limits.concurrent_requests > 0);
    assert_eq!(limits.input_bytes, Limits::default().input_bytes);
}

/// In the order of their names.
fn listed(limits: Limits) -> [u64; 11] {
    let milliseconds = |time: Duration| time.as_millis().try_into().expect("it was read as one");
    [
        milliseconds(limits.timeout),
        limits.memory_bytes,
        limits.log_bytes,
        limits.output_bytes,
        limits.requests.into(),
        limits.concurrent_requests.into(),
        milliseconds(limits.first_byte_timeout),
        limits.request_header_bytes.into(),
        limits.request_body_bytes,
        limits.response_body_bytes,
        limits.transfer_bytes,
    ]
}

fn is(taken: u64, said: &serde_json::Number) -> bool {
    match said.as_u64() {
        Some(said) => taken == said,
        // As text, as no number of this size is exact as both.
        None => said
            .as_f64()
            .is_some_and(|said| format!("{:.0}", said.abs()) == taken.to_string()),
    }
}
