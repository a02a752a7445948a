//! JSON: what is masked stays JSON and loses its values, what has no value stays as it is. And the file of values that
//! `lockstep mask` reads.

#![no_main]

#[expect(dead_code, reason = "the masker's target asks the model for more")]
#[path = "../../../crates/secret/tests/model/mod.rs"]
mod model;
#[path = "../../../crates/cli/src/secrets_file.rs"]
mod secrets_file;
mod text;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;
use serde_json::Value;

use lockstep_secret::{Masker, MaskerConfig, Secret};

use model::{forms_of, hidden};
use text::Most;

/// What follows is JSON, or not, that is masked.
const JSON: &[u8] = b"json:";
/// What follows is a file of values.
const SECRETS: &[u8] = b"secrets:";

fuzz_target!(|data: &[u8]| {
    if let Some(json) = data.strip_prefix(JSON) {
        check_json(&FIXED, &String::from_utf8_lossy(json));
    } else if let Some(file) = data.strip_prefix(SECRETS) {
        check_secrets(&String::from_utf8_lossy(file));
    } else if let Ok((values, json)) = plan(&mut Unstructured::new(data)) {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        check_json(&values, &json);
    }
});

const FIXED: [&str; 4] = ["Marmot-Quill-7731", "nabcdefgh", "12345.5e7", "true"];
const DEEPEST: usize = 5;
const MOST_MEMBERS: u8 = 3;
/// Of one string.
const MOST: Most = Most {
    pieces: 2,
    bytes: 400,
};
const LONGEST_JSON_BYTES: usize = 800;
const MOST_VALUES: usize = 6;

fn check_json(values: &[&str], json: &str) {
    let masker = masker(values);
    let masked = masker.mask_json(json).into_inner();
    assert!(is_json(&masked), "{masked:?} is not JSON, of {json:?}");
    if !is_json(json) {
        assert_eq!(masked, "\"***\"", "{json:?}");
        return;
    }
    let texts = texts(json);
    let forms = forms_of(values);
    if !texts
        .iter()
        .any(|text| hidden(&forms, text.as_bytes()).contains(&true))
    {
        assert_eq!(masked, json, "nothing is secret, with {values:?}");
    }
    for text in self::texts(&masked) {
        for value in values
            .iter()
            .map(|value| trim(value))
            .filter(|value| is_looked_for(value))
        {
            assert!(
                !text.contains(value),
                "{value:?} is left in {masked:?}, of {json:?}"
            );
        }
    }
}

/// The values of a file are read as they are, and none of them is left when the file itself is masked. An error tells a
/// place, and no more.
fn check_secrets(file: &str) {
    let expected = serde_json::from_str::<Vec<String>>(file);
    match (secrets_file::parse(&Secret::new(file.to_owned())), expected) {
        (Ok(secrets), Ok(expected)) => {
            assert!(
                secrets
                    .iter()
                    .map(expose)
                    .eq(expected.iter().map(String::as_str))
            );
            let values: Vec<&str> = expected
                .iter()
                .take(MOST_VALUES)
                .map(String::as_str)
                .collect();
            check_json(&values, file);
        }
        (Err(error), Err(expected)) => {
            let place = format!("line {}, column {}", expected.line(), expected.column());
            assert_eq!(
                error.to_string(),
                format!("not a JSON array of strings: {place}")
            );
        }
        (secrets, expected) => panic!("{secrets:?} and {expected:?} of {file:?}"),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the fuzzer compares what was read"
)]
fn expose(secret: &Secret) -> &str {
    secret.expose()
}

fn masker(values: &[&str]) -> Masker {
    let masker = Masker::new(MaskerConfig {
        token_shapes: false,
        ..MaskerConfig::default()
    });
    for value in values {
        let registered = masker.register(&Secret::new((*value).to_owned()));
        assert!(registered.is_ok(), "{registered:?}");
    }
    masker
}

/// What the sandbox asks of inputs and outputs.
fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// A masked text has stars in it, so only values without any are sure to be gone.
fn is_looked_for(value: &str) -> bool {
    value.len() >= Masker::SHORTEST_VALUE_BYTES && !value.contains('*')
}

fn trim(value: &str) -> &str {
    value.trim_matches([' ', '\t', '\r', '\n', '\x0b', '\x0c'])
}

/// Every text in which a value may stand: the document, its strings as written and as meant, its numbers and words.
fn texts(json: &str) -> BTreeSet<String> {
    let mut texts = BTreeSet::from([json.to_owned()]);
    let mut outside = String::new();
    let mut rest = json;
    while let Some((before, string)) = rest.split_once('"') {
        outside.push_str(before);
        outside.push(' ');
        let end = end_of_string(string);
        let written = &string[..end];
        texts.extend(serde_json::from_str::<String>(&format!("\"{written}\"")));
        texts.insert(written.to_owned());
        rest = &string[end + 1..];
    }
    outside.push_str(rest);
    texts.extend(
        outside
            .split(|c: char| "{}[],:".contains(c) || c.is_ascii_whitespace())
            .map(str::to_owned),
    );
    texts
}

fn end_of_string(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' if !is_escaped => return at,
            b'\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
    }
    text.len()
}

// === documents ===

fn plan(bytes: &mut Unstructured<'_>) -> Result<(Vec<String>, String)> {
    let mut values = text::values(bytes)?;
    if bytes.ratio(1, 3)? {
        values.push(
            (*bytes.choose(&["12345678", "-1.5e+10", "null", "false", "\"key\":", "[1,2]"])?)
                .to_owned(),
        );
    }
    let mut json = String::new();
    let names: Vec<&str> = values.iter().map(String::as_str).collect();
    write_node(bytes, &names, DEEPEST, &mut json)?;
    Ok((values, json))
}

fn write_node(
    bytes: &mut Unstructured<'_>,
    values: &[&str],
    depth: usize,
    json: &mut String,
) -> Result<()> {
    let kind = bytes.int_in_range(0..=9)?;
    if depth == 0 || json.len() > LONGEST_JSON_BYTES || bytes.is_empty() {
        json.push('0');
        return Ok(());
    }
    match kind {
        0 => json.push_str(bytes.choose(&["null", "true", "false", "1e999", "-0.0", "[]", "{}"])?),
        1 => {
            let _ = write!(json, "{}", bytes.arbitrary::<i32>()?);
        }
        // A value as it is: JSON if it is a number or a word.
        2 => json.push_str(bytes.choose(values)?),
        3 | 4 => write_members(bytes, values, depth, json, ('{', '}'))?,
        5 => write_members(bytes, values, depth, json, ('[', ']'))?,
        _ => write_string(bytes, values, json)?,
    }
    Ok(())
}

fn write_members(
    bytes: &mut Unstructured<'_>,
    values: &[&str],
    depth: usize,
    json: &mut String,
    (open, close): (char, char),
) -> Result<()> {
    json.push(open);
    for at in 0..bytes.int_in_range(0..=MOST_MEMBERS)? {
        json.push_str(if at == 0 {
            ""
        } else {
            bytes.choose(&[",", ", ", "\n\t,"])?
        });
        if open == '{' {
            write_string(bytes, values, json)?;
            json.push_str(bytes.choose(&[":", ": ", "\r\n:"])?);
        }
        write_node(bytes, values, depth - 1, json)?;
    }
    json.push(close);
    Ok(())
}

fn write_string(bytes: &mut Unstructured<'_>, values: &[&str], json: &mut String) -> Result<()> {
    let how = bytes.int_in_range(0..=3)?;
    let text = String::from_utf8_lossy(&text::text(bytes, values, MOST)?).into_owned();
    match how {
        // As it is: escapes in it are JSON's, and it may end the string.
        0 => {
            let _ = write!(json, "\"{text}\"");
        }
        1 => {
            json.push('"');
            for unit in text.encode_utf16() {
                let _ = write!(json, "\\u{unit:04x}");
            }
            json.push('"');
        }
        _ => json.push_str(&Value::from(text).to_string()),
    }
    Ok(())
}
