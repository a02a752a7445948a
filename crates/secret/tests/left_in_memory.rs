//! What masking leaves in memory: nothing of a value.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, and reads its own memory"
)]

#[expect(
    unreachable_pub,
    reason = "the tests of the whole host have it in a library"
)]
#[path = "../../../tests/support/memory.rs"]
mod memory;

use lockstep_secret::{Masker, MaskerConfig, Secret, Zeroizing};
use memory::Canary;

/// A value that is found in the midst of the escape `\u0041`, and leaves `\***`: the string must be written anew.
const BREAKS_AN_ESCAPE: &str = "u0041bcdefg";

#[test]
fn nothing_of_a_value_is_left_of_json_strings_that_are_decoded_to_be_masked() {
    let canary = Canary::new();
    // Freed memory is soon written over, but not at each length.
    let fillers: Vec<String> = (0..100).map(|count| "x".repeat(count * count)).collect();
    let masked = mask_behind(&fillers, &canary);
    let expected: Vec<String> = fillers
        .iter()
        .map(|filler| format!(r#""Abcdefg{filler} ***""#))
        .collect();
    assert_eq!(masked, format!("[{}]", expected.join(",")));
    canary
        .needles("the value")
        .assert_absent("after it was masked");
}

/// Masks JSON strings that hold the canary, one behind each filler.
fn mask_behind(fillers: &[String], canary: &Canary) -> String {
    let masker = Masker::new(MaskerConfig::default());
    let secret = canary.value();
    for value in [&Secret::new(BREAKS_AN_ESCAPE.to_owned()), &secret] {
        masker.register(value).unwrap();
    }
    let most_bytes: usize = fillers.iter().map(|filler| filler.len() + 100).sum();
    let mut json = Zeroizing::new(String::with_capacity(most_bytes));
    for (index, filler) in fillers.iter().enumerate() {
        let bracket = if index == 0 { "[" } else { "," };
        #[expect(
            clippy::disallowed_methods,
            reason = "the guest's text that holds it is wiped, as the sandbox does"
        )]
        let value = secret.expose();
        for part in [bracket, "\"\\", BREAKS_AN_ESCAPE, filler, " ", value, "\""] {
            json.push_str(part);
        }
    }
    json.push(']');
    masker.mask_json(&json).into_inner()
}

#[test]
fn nothing_of_a_value_is_left_of_the_json_that_it_came_in() {
    let canary = Canary::new();
    let secret = canary.value();
    for count in 0..100 {
        let filler = "x".repeat(count * count);
        let mut json = Zeroizing::new(String::with_capacity(filler.len() + 200));
        #[expect(
            clippy::disallowed_methods,
            reason = "the body that it comes in is wiped, as the server does"
        )]
        let value = secret.expose();
        // An escape, so that it is written anew.
        for part in ["\"\\n", &filler, value, "\""] {
            json.push_str(part);
        }
        let read = Secret::from_json_string(&json).unwrap();
        assert_eq!(read.len(), 1 + filler.len() + value.len());
    }
    drop(secret);
    canary
        .needles("the value")
        .assert_absent("after it was read from JSON");
}
