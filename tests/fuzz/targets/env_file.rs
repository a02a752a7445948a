//! `.env` files: any text, and files that were written from entries and so must be read as these.

#![no_main]

#[path = "../../../crates/cli/src/env_file.rs"]
mod env_file;

use std::collections::HashMap;

use arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;

use env_file::{Entry, EnvFileError, parse};

/// What follows is not a file, but what to write one from.
const ENTRIES: &[u8] = b"entries:";

fuzz_target!(|data: &[u8]| {
    if let Some(data) = data.strip_prefix(ENTRIES) {
        if let Ok(lines) = lines(&mut Unstructured::new(data)) {
            check_written(&lines);
        }
    } else if let Ok(text) = std::str::from_utf8(data) {
        check_text(text);
    }
});

const MOST_LINES: usize = 12;
const LONGEST_VALUE_BYTES: u8 = 24;
/// It cannot be in a message by accident.
const CANARY: &str = "zQ7canary";

// === any text ===

/// What is read of any text can be written down and is read again; an error names a line that has it.
fn check_text(text: &str) {
    match parse(text) {
        Ok(entries) => {
            let pairs = pairs(&entries);
            let written: String = pairs
                .iter()
                .map(|(key, value)| format!("{key}={}\n", double_quoted(value)))
                .collect();
            let again = parse(&written).unwrap_or_else(|error| panic!("{error}: {written}"));
            assert_eq!(self::pairs(&again), pairs);
        }
        Err(error) => check_error(text, &error),
    }
}

fn check_error(text: &str, error: &EnvFileError) {
    let lines: Vec<&str> = text.split('\n').collect();
    let line_of = |line: usize| lines[line - 1];
    match error {
        EnvFileError::NoEquals { line } => {
            check_before(&lines, *line, false);
            assert!(!line_of(*line).contains('='), "{error} in {text:?}");
        }
        EnvFileError::Key { line, .. } => check_before(&lines, *line, false),
        EnvFileError::Empty { line, key } => {
            check_before(&lines, *line, false);
            assert!(
                is_key_of(key.as_str(), line_of(*line)),
                "{error} in {text:?}"
            );
        }
        EnvFileError::Duplicate { line, first, key } => {
            check_before(&lines, *line, false);
            assert!(
                first < line && is_key_of(key.as_str(), line_of(*first)),
                "{error} in {text:?}"
            );
            assert!(
                is_key_of(key.as_str(), line_of(*line)),
                "{error} in {text:?}"
            );
        }
        EnvFileError::Unclosed { line } => check_before(&lines, *line, false),
        EnvFileError::Escape { line } => {
            check_before(&lines, *line, true);
            assert!(line_of(*line).contains('\\'), "{error} in {text:?}");
        }
        EnvFileError::AfterQuotes { line } => {
            check_before(&lines, *line, true);
            assert!(line_of(*line).contains(['"', '\'']), "{error} in {text:?}");
        }
    }
}

/// The lines before the wrong one are a file without fault, or one that ends `within_quotes`.
fn check_before(lines: &[&str], wrong: usize, within_quotes: bool) {
    let before = lines[..wrong - 1].join("\n");
    match parse(&before) {
        Ok(_) => {}
        Err(EnvFileError::Unclosed { .. }) if within_quotes => {}
        Err(error) => {
            panic!("line {wrong} is said to be the first wrong one, but {error}: {lines:?}")
        }
    }
}

/// Whether a line gives `key` a value. The first one may have a byte order mark.
fn is_key_of(key: &str, line: &str) -> bool {
    let before = line.split('=').next().unwrap_or_default();
    before.trim_start_matches('\u{feff}').trim().ends_with(key)
}

// === written files ===

/// A line, or several, of a file, and what it says.
#[derive(Debug)]
struct Line {
    text: String,
    says: Says,
}

#[derive(Debug)]
enum Says {
    Nothing,
    Entry(String, String),
    /// It is wrong, in the line with this offset from its first.
    Wrong(usize),
}

/// The file is read as the entries that it was written from, or its first wrong line is named, without its value.
fn check_written(lines: &[Line]) {
    let text: String = lines.iter().map(|line| line.text.as_str()).collect();
    let mut expected = Vec::new();
    let mut first_lines = HashMap::new();
    let mut number = 1;
    let mut wrong = None;
    for line in lines {
        match &line.says {
            Says::Nothing => {}
            Says::Entry(key, value) => {
                if first_lines.insert(key, number).is_some() {
                    wrong = Some(number);
                    break;
                }
                expected.push((key.clone(), value.clone()));
            }
            Says::Wrong(offset) => {
                wrong = Some(number + offset);
                break;
            }
        }
        number += line.text.matches('\n').count();
    }
    match (parse(&text), wrong) {
        (Ok(entries), None) => assert_eq!(pairs(&entries), expected, "{text:?}"),
        (Err(error), Some(number)) => {
            let message = format!("{error} {error:?}");
            assert!(
                message.contains(&format!("line {number} ")),
                "not line {number}: {message} in {text:?}"
            );
            assert!(!message.contains(CANARY), "{message}");
            check_error(&text, &error);
        }
        (Ok(_), Some(number)) => panic!("line {number} is not refused: {text:?}"),
        (Err(error), None) => panic!("{error}: {text:?}"),
    }
}

fn lines(bytes: &mut Unstructured<'_>) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    while !bytes.is_empty() && lines.len() < MOST_LINES {
        lines.push(line(bytes)?);
    }
    Ok(lines)
}

fn line(bytes: &mut Unstructured<'_>) -> Result<Line> {
    let end = *bytes.choose(&["\n", "\r\n"])?;
    let says_nothing = |text: String| Line {
        text: text + end,
        says: Says::Nothing,
    };
    match bytes.int_in_range(0..=11)? {
        0 => Ok(says_nothing(String::new())),
        1 => Ok(says_nothing(format!(" \t# {CANARY}='\""))),
        2 => wrong(bytes, end),
        _ => entry(bytes, end),
    }
}

fn entry(bytes: &mut Unstructured<'_>, end: &str) -> Result<Line> {
    let key = format!(
        "{}{}",
        bytes.choose(&["A", "b_", "_", "export", "K1"])?,
        bytes.int_in_range(0..=20)?
    );
    let before = bytes.choose(&["", "export ", " ", "\texport\t"])?;
    let equals = bytes.choose(&["=", " =", "= ", "\t=\t"])?;
    let value = value(bytes)?;
    let (written, read) = match bytes.int_in_range(0..=2)? {
        0 => unquoted(&value),
        // A line end of the file within quotes is one of Unix; so is what is read of it.
        1 => (
            format!("'{}'", value.replace('\'', "_")),
            value.replace('\'', "_").replace("\r\n", "\n"),
        ),
        _ => (double_quoted(&value), value),
    };
    let after = bytes.choose(&["", " ", " # a comment's", "\t#\""])?;
    Ok(Line {
        text: format!("{before}{key}{equals}{written}{after}{end}"),
        says: Says::Entry(key, read),
    })
}

/// A value that may stand without quotes, made of one that may not.
fn unquoted(value: &str) -> (String, String) {
    let value: String = value
        .chars()
        .filter(|c| !c.is_whitespace() && !"'\"#".contains(*c))
        .collect();
    let value = format!("v{value}");
    (value.clone(), value)
}

fn wrong(bytes: &mut Unstructured<'_>, end: &str) -> Result<Line> {
    let (text, offset) = match bytes.int_in_range(0..=6)? {
        0 => (format!("{CANARY} {end}"), 0),
        1 => (format!("={CANARY}{end}"), 0),
        2 => (format!("1{CANARY}={CANARY}{end}"), 0),
        3 => (format!("E='{CANARY}'{CANARY}{end}"), 0),
        4 => (format!("E='{CANARY}\n{CANARY}'x{CANARY}{end}"), 1),
        5 => (format!("E=\"\n{CANARY}\n{CANARY}\\q{CANARY}\"{end}"), 2),
        _ => (format!("E= # {CANARY}{end}"), 0),
    };
    Ok(Line {
        text,
        says: Says::Wrong(offset),
    })
}

fn value(bytes: &mut Unstructured<'_>) -> Result<String> {
    let length = bytes.int_in_range(0..=LONGEST_VALUE_BYTES)?;
    let text = bytes.bytes(bytes.len().min(length.into()))?;
    Ok(format!("{CANARY}{}", String::from_utf8_lossy(text)))
}

fn double_quoted(value: &str) -> String {
    let mut text = String::from("\"");
    for c in value.chars() {
        match c {
            '\r' => text.push_str("\\r"),
            '"' | '\\' => text.extend(['\\', c]),
            _ => text.push(c),
        }
    }
    text + "\""
}

#[expect(
    clippy::disallowed_methods,
    reason = "the fuzzer compares what was read"
)]
fn pairs(entries: &[Entry]) -> Vec<(String, String)> {
    let pair = |entry: &Entry| (entry.key.to_string(), entry.value.expose().to_owned());
    entries.iter().map(pair).collect()
}
