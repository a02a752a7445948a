//! Any text as a script in JavaScript and in TypeScript: refused with a reason that can be printed, or made into code that
//! parses and whose positions are in the text.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oxc_sourcemap::SourceMap;

#[path = "../../../crates/sandbox/src/invalid.rs"]
mod invalid;
#[path = "../../../crates/sandbox/src/source/mod.rs"]
mod source;

use invalid::InvalidStep;
use source::{Language, Script};

const LONGEST_MESSAGE_BYTES: usize = 5 << 10;

fuzz_target!(|data: &[u8]| {
    if let Some(script) = parse("step.js", Language::JavaScript, data) {
        let text = String::from_utf8_lossy(data);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        assert_eq!(
            script.code.len(),
            text.len(),
            "JavaScript is handed on as it is"
        );
        assert!(script.map.is_empty());
        check_kept(&script);
    }
    if let Some(script) = parse("step.ts", Language::TypeScript, data) {
        let again = source::parse("step.js", Language::JavaScript, script.code.as_bytes());
        if let Err(InvalidStep { message }) = again {
            assert!(!is_broken(&message), "{message}\n--- of\n{}", script.code);
        }
        check_positions(&script, data);
        check_kept(&script);
    }
});

fn parse(name: &str, language: Language, data: &[u8]) -> Option<Script> {
    match source::parse(name, language, data) {
        Ok(script) => Some(script),
        Err(InvalidStep { message }) => {
            assert!(message.len() <= LONGEST_MESSAGE_BYTES);
            let shown = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
            assert!(message.chars().all(shown), "{message:?}");
            None
        }
    }
}

/// Whether code has no syntax at all. Some rules (of exports, of names that are declared twice) the parser holds to in
/// JavaScript alone: where TypeScript breaks one the engine refuses it. And what TypeScript becomes may be nested deeper.
fn is_broken(message: &str) -> bool {
    message.contains(": unexpected token") || message.contains(": expected ")
}

/// Each position of the code is one of the text, and they are in order.
fn check_positions(script: &Script, data: &[u8]) {
    let mappings = std::str::from_utf8(&script.map).expect("a map is text");
    // A map has no more names than bytes.
    let names = vec![r#""""#; mappings.len()].join(",");
    let json =
        format!(r#"{{"version":3,"sources":["a"],"names":[{names}],"mappings":"{mappings}"}}"#);
    let map = SourceMap::from_json_string(&json).expect("a map can be read");
    let (code, text) = (
        lengths(&script.code),
        lengths(&String::from_utf8_lossy(data)),
    );
    let mut last = (0, 0);
    for token in map.get_tokens() {
        let to = (token.get_dst_line(), token.get_dst_col());
        let from = (token.get_src_line(), token.get_src_col());
        for ((line, column), lengths) in [(to, &code), (from, &text)] {
            let length = lengths.get(line as usize);
            assert!(
                length.is_some_and(|length| column <= *length),
                "{to:?} from {from:?}"
            );
        }
        assert!(last <= to, "{last:?} before {to:?}");
        last = to;
    }
}

/// The length of each line, in units of UTF-16.
fn lengths(text: &str) -> Vec<u32> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = text.replace("\r\n", "\n");
    let lines = lines.split(['\n', '\r', '\u{2028}', '\u{2029}']);
    lines
        .map(|line| line.encode_utf16().count() as u32)
        .collect()
}

fn check_kept(script: &Script) {
    assert!(script.keys.is_sorted());
    let bytes = script.to_bytes();
    assert!(Script::is_script(&bytes));
    assert_eq!(Script::from_bytes(&bytes).as_ref(), Ok(script));
}
