//! A call of the HTTP API: the header with the token, the names of a path, and the bodies that ask for runs.

#![no_main]

#[path = "../../../crates/server/src/authorization.rs"]
mod authorization;
#[path = "../../../crates/server/src/object.rs"]
mod object;
#[expect(dead_code, reason = "what is asked for is not done")]
#[path = "../../../crates/server/src/wire/run_bodies.rs"]
mod run_bodies;
#[path = "../../../crates/server/src/whole.rs"]
mod whole;

use std::fmt::{Debug, Display};
use std::str::FromStr;

use libfuzzer_sys::fuzz_target;
use serde::de::DeserializeOwned;
use serde_json::Value;

use lockstep_step::{CredentialKey, RunId, StepName, TokenName, WorkflowName, WorkspaceName};

use object::Object;
use run_bodies::{InlineRun, StepRun};

const AUTHORIZATION: &[u8] = b"authorization:";
const NAME: &[u8] = b"name:";
const STEP_RUN: &[u8] = b"run:";
const INLINE_RUN: &[u8] = b"inline:";

/// Names are no longer than this.
const LONGEST_NAME_BYTES: usize = 128;
/// No name has a space.
const CANARY: &str = "Marmot Quill 7731 ";

fuzz_target!(|data: &[u8]| {
    let text = |data| String::from_utf8_lossy(data).into_owned();
    if let Some(header) = data.strip_prefix(AUTHORIZATION) {
        check_header(&text(header));
    } else if let Some(name) = data.strip_prefix(NAME) {
        check_names(&text(name));
    } else if let Some(body) = data.strip_prefix(STEP_RUN) {
        check_body::<StepRun>(body, &["input", "limits"]);
    } else if let Some(body) = data.strip_prefix(INLINE_RUN) {
        check_body::<InlineRun>(body, &["source", "language", "wasm", "input", "limits"]);
    }
});

/// What is shown is a part of the header, behind the word and one space at least, and nothing is taken for a token that
/// has another scheme.
fn check_header(header: &str) {
    let is_bearer = header
        .get(..7)
        .is_some_and(|word| word.eq_ignore_ascii_case("bearer "));
    let shown = authorization::bearer(header);
    assert_eq!(shown.is_some(), is_bearer, "{header:?}");
    if let Some(shown) = shown {
        assert_eq!(shown, header[7..].trim());
    }
}

fn check_names(name: &str) {
    check_name::<WorkspaceName>(name);
    check_name::<WorkflowName>(name);
    check_name::<StepName>(name);
    check_name::<TokenName>(name);
    check_name::<CredentialKey>(name);
    // Upper case and other spellings of a UUID are read, and told as one is written.
    if let Ok(run) = name.parse::<RunId>() {
        assert_eq!(run.to_string().parse(), Ok(run));
    }
}

/// A name that is taken is told as it was written and fits into a path; of one that is not nothing is repeated.
fn check_name<T: FromStr<Err: Display> + Display + Debug>(name: &str) {
    match name.parse::<T>() {
        Ok(taken) => {
            assert_eq!(taken.to_string(), name);
            assert!(
                !name.is_empty() && name.len() <= LONGEST_NAME_BYTES,
                "{name:?}"
            );
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            assert!(name.bytes().all(is_plain) && name != "..", "{name:?}");
        }
        Err(_) => {
            let refused = format!("{CANARY}{name}").parse::<T>();
            let told = refused.expect_err("it has a space").to_string();
            assert!(!told.contains(CANARY), "{told}");
        }
    }
}

/// What is taken is an object of known fields, each there once, and so are its limits.
fn check_body<T: DeserializeOwned>(body: &[u8], known: &[&str]) {
    let Ok(Object(_)) = serde_json::from_slice::<Object<T>>(body) else {
        return;
    };
    // Deeper than `Value` reads is an input only, which is not looked into.
    let Ok(value) = serde_json::from_slice::<Value>(body) else {
        return;
    };
    let fields = value.as_object().expect("it is an object");
    for (field, value) in fields {
        assert!(known.contains(&field.as_str()), "{field}");
        match field.as_str() {
            "limits" => {
                for (name, limit) in value.as_object().expect("limits are an object") {
                    assert!(limit.is_null() || limit.is_number(), "{name} {limit}");
                }
            }
            "source" | "wasm" => assert!(value.is_null() || value.is_string()),
            "language" => {
                let known = [Value::Null, "javascript".into(), "typescript".into()];
                assert!(known.contains(value), "{value}");
            }
            _ => {}
        }
    }
}
