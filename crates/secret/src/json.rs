//! JSON text, token by token. All functions take text that has been checked to be JSON.

use memchr::memchr;
use serde::de::IgnoredAny;
use zeroize::Zeroizing;

use crate::view::backslash::BACKSLASH;
use crate::view::escape::{Escape, Input};

/// What a piece of JSON text is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Token<'a> {
    /// A string without its quotes, still escaped.
    String(&'a str),
    /// A number, `true`, `false` or `null`.
    Scalar(&'a str),
    /// Brackets, commas, colons and blanks.
    Other(&'a str),
}

/// Words in a key which say that what stands under it is secret.
const SECRET_WORDS: [&str; 10] = [
    "pass",
    "pwd",
    "secret",
    "token",
    "key",
    "cred",
    "auth",
    "private",
    "signature",
    "cert",
];

pub(crate) fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// What a string with its quotes means. Half of a surrogate pair is JSON, but no character: it is replaced.
/// None if `quoted` is no string.
///
/// Serde only checks it: what it decodes passes through memory that nobody wipes.
pub(crate) fn decode(quoted: &str) -> Option<Zeroizing<String>> {
    unescaped(quoted).map(|unescaped| unescaped.text)
}

/// The same, but None if there is half of a pair in it.
pub(crate) fn decode_whole(quoted: &str) -> Option<Zeroizing<String>> {
    let unescaped = unescaped(quoted)?;
    unescaped.is_whole.then_some(unescaped.text)
}

/// What a string means.
struct Unescaped {
    text: Zeroizing<String>,
    /// Whether each escape is of a character.
    is_whole: bool,
}

fn unescaped(quoted: &str) -> Option<Unescaped> {
    let escaped = quoted.strip_prefix('"')?.strip_suffix('"')?;
    is_json(quoted).then(|| unescape(escaped))
}

/// What stands between the quotes of a string. No escape is shorter than what it stands for, so the text never moves.
fn unescape(escaped: &str) -> Unescaped {
    let mut text = Zeroizing::new(String::with_capacity(escaped.len()));
    let mut is_whole = true;
    let mut rest = escaped;
    while let Some(at) = memchr(b'\\', rest.as_bytes()) {
        text.push_str(&rest[..at]);
        let escape = &rest.as_bytes()[at..];
        let length = match (BACKSLASH.parse)(escape, Input::Ended) {
            Escape::Character {
                length,
                text: character,
            } if length > 2 || escape[1] != b'u' => {
                text.push_str(&String::from_utf8_lossy(character.as_bytes()));
                length
            }
            // Half of a pair, which the rule takes for a `u` that is quoted.
            Escape::Character { .. } | Escape::Plain | Escape::Unfinished => {
                text.push(char::REPLACEMENT_CHARACTER);
                is_whole = false;
                "\\ud800".len()
            }
        };
        rest = &rest[at + length..];
    }
    text.push_str(rest);
    Unescaped { text, is_whole }
}

/// The tokens of `json`. Put together, with the quotes around strings, they are `json` again.
pub(crate) fn tokens(json: &str) -> impl Iterator<Item = Token<'_>> {
    let mut rest = json;
    std::iter::from_fn(move || {
        let (token, length) = match rest.as_bytes().first()? {
            b'"' => {
                let end = string_end(rest);
                (Token::String(&rest[1..end]), end + 1)
            }
            b'{' | b'}' | b'[' | b']' | b',' | b':' | b' ' | b'\t' | b'\r' | b'\n' => {
                (Token::Other(&rest[..1]), 1)
            }
            _ => {
                let end = rest
                    .find(|c| "{}[],: \t\r\n\"".contains(c))
                    .unwrap_or(rest.len());
                (Token::Scalar(&rest[..end]), end)
            }
        };
        rest = rest.get(length..).unwrap_or_default();
        Some(token)
    })
}

/// The strings, still escaped, under a key that says that they are secret. None if `json` is not JSON.
pub(crate) fn secret_leaves(json: &str) -> Vec<&str> {
    let mut leaves = Vec::new();
    if !is_json(json) {
        return leaves;
    }
    // For each open bracket: is it an object, and is what stands in it secret?
    let mut open: Vec<(bool, bool)> = Vec::new();
    let mut expects_key = false;
    let mut is_secret = false;
    for token in tokens(json) {
        match token {
            Token::String(key) if expects_key => {
                is_secret |= is_secret_key(key);
                expects_key = false;
            }
            Token::String(leaf) if is_secret => leaves.push(leaf),
            Token::Other(bracket @ ("{" | "[")) => {
                expects_key = bracket == "{";
                open.push((expects_key, is_secret));
            }
            Token::Other("}" | "]") => {
                open.pop();
                expects_key = false;
            }
            Token::Other(",") => {
                (expects_key, is_secret) = open.last().copied().unwrap_or_default();
            }
            Token::String(_) | Token::Scalar(_) | Token::Other(_) => {}
        }
    }
    leaves
}

fn is_secret_key(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| key.contains(word))
}

/// Where the string at the start of `text` ends: the offset of its closing quote.
fn string_end(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_leaves(json: &str, expected: &[&str]) {
        assert_eq!(secret_leaves(json), expected, "{json}");
    }

    #[test]
    fn the_tokens_put_together_are_the_text() {
        for json in [
            r#"{"a" : [1.50, -2e+10, "b\"c\\", null],"":{}}"#,
            "true",
            "\"\"",
            " [ ] ",
        ] {
            let text: String = tokens(json)
                .map(|token| match token {
                    Token::String(text) => format!("\"{text}\""),
                    Token::Scalar(text) | Token::Other(text) => text.to_owned(),
                })
                .collect();
            assert_eq!(text, json);
        }
    }

    #[test]
    fn a_string_is_decoded_as_far_as_it_is_text() {
        for (quoted, expected) in [
            (r#""a\n\u00fc\ud83d\ude00\\""#, Some("a\nü😀\\")),
            (r#""\"\/\b\f\r\t\u0000""#, Some("\"/\u{8}\u{c}\r\t\0")),
            (r#""a\ud800b""#, Some("a\u{fffd}b")),
            (
                r#""\udc00\ud800\n\uD800\ud800\udc00""#,
                Some("\u{fffd}\u{fffd}\n\u{fffd}\u{10000}"),
            ),
            (r#""uxn\\u0041""#, Some("uxn\\u0041")),
            ("\"a\nb\"", None),
            ("\"", None),
            (r#""a\q""#, None),
            (r#""a"b""#, None),
            ("5", None),
        ] {
            assert_eq!(decode(quoted).as_ref().map(|text| text.as_str()), expected);
        }
    }

    #[test]
    fn a_string_with_half_of_a_pair_is_not_whole() {
        for (quoted, expected) in [
            (r#""a\\u\ud83d\ude00\ufffd""#, Some("a\\u😀\u{fffd}")),
            (r#""a\ud800""#, None),
            (r#""\udc00\ud800""#, None),
            (r#""\ud800\n""#, None),
            ("5", None),
        ] {
            let told = decode_whole(quoted);
            assert_eq!(told.as_ref().map(|text| text.as_str()), expected);
        }
    }

    #[test]
    fn a_string_is_secret_under_a_secret_key_only() {
        check_leaves(r#"{"password":"one","name":"two"}"#, &["one"]);
        check_leaves(r#"{"API_Key":"one","comment":"my key"}"#, &["one"]);
        check_leaves(
            r#"{"tokens":["one","two"],"names":["three"]}"#,
            &["one", "two"],
        );
        check_leaves(r#"{"auth":{"user":"one"},"host":"two"}"#, &["one"]);
        check_leaves(r#"[{"secret":"one"},{"id":"two"}]"#, &["one"]);
    }

    #[test]
    fn a_number_is_no_leaf_and_text_that_is_not_json_has_none() {
        check_leaves(r#"{"token":12345678}"#, &[]);
        check_leaves(r#"{"token":"one"#, &[]);
    }
}
