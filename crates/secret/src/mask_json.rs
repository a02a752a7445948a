//! Masking JSON so that it stays JSON.

use memchr::memchr3;
use zeroize::Zeroizing;

use crate::glance::Glance;
use crate::json::{Token, decode, is_json, tokens};
use crate::{Masked, Masker};

/// Masks `json` token by token, and then as a whole where that is not enough. If that does not leave JSON, nothing of it
/// does.
pub(crate) fn mask_json(masker: &Masker, json: &str) -> Masked<String> {
    if !is_json(json) {
        return Masked::by_masker(quoted(&masker.config().replacement));
    }
    if is_clean(masker, json) {
        return Masked::by_masker(json.to_owned());
    }
    mask_tokens(masker, json)
}

/// Whether a glance shows that nothing is to be masked, neither in a token nor in the whole.
fn is_clean(masker: &Masker, json: &str) -> bool {
    let mut glance = Glance::new(masker.patterns_within(json.len()));
    is_clean_text(&mut glance, json)
        && tokens(json).all(|token| match token {
            Token::String(text) | Token::Scalar(text) => is_clean_text(&mut glance, text),
            Token::Other(_) => true,
        })
}

/// Text with escapes, which the views read in several ways, is left to the exact search.
fn is_clean_text(glance: &mut Glance, text: &str) -> bool {
    memchr3(b'\\', b'%', b'&', text.as_bytes()).is_none() && glance.is_clean(text.as_bytes())
}

fn mask_tokens(masker: &Masker, json: &str) -> Masked<String> {
    let mut glance = Glance::new(masker.patterns());
    let mut masked = String::with_capacity(json.len());
    let mut as_written = String::with_capacity(json.len());
    for token in tokens(json) {
        match token {
            Token::String(text) if is_clean_text(&mut glance, text) => {
                for json in [&mut as_written, &mut masked] {
                    json.push('"');
                    json.push_str(text);
                    json.push('"');
                }
            }
            Token::String(text) => {
                let safe = format!("\"{}\"", masker.mask(text).as_str());
                as_written.push_str(&safe);
                push_string(masker, text, &safe, &mut masked);
            }
            Token::Scalar(text) => {
                let safe = masker.mask(text).into_inner();
                as_written.push_str(&safe);
                push_scalar(masker, text, &safe, &mut masked);
            }
            Token::Other(text) => {
                as_written.push_str(text);
                masked.push_str(text);
            }
        }
    }
    // Not where each value stands in a token as it is written: what was put in for it would be matched again.
    if masked != as_written || masker.mask(json).as_str() != as_written {
        masked = masker.mask(&masked).into_inner();
    }
    if !is_json(&masked) {
        masked = quoted(&masker.config().replacement);
    }
    Masked::by_masker(masked)
}

/// Adds the text between two quotes, of which `as_written` is the masked spelling. If it must be decoded to be masked, it is
/// written anew. What is decoded is masked already, but where what stands for a value has broken an escape.
fn push_string(masker: &Masker, escaped: &str, as_written: &str, masked: &mut String) {
    let Some(text) = decode(as_written) else {
        let quoted_text = Zeroizing::new(format!("\"{escaped}\""));
        let text = decode(&quoted_text).unwrap_or_default();
        masked.push_str(&quoted(masker.mask(&text).as_str()));
        return;
    };
    let safe = mask_around(masker, &text);
    if safe == *text {
        masked.push_str(as_written);
    } else {
        masked.push_str(&quoted(&safe));
    }
}

/// Masks what stands between the values that are masked already.
fn mask_around(masker: &Masker, text: &str) -> String {
    let replacement = &masker.config().replacement;
    if replacement.is_empty() {
        return masker.mask(text).into_inner();
    }
    let parts: Vec<String> = text
        .split(replacement.as_str())
        .map(|part| masker.mask(part).into_inner())
        .collect();
    parts.join(replacement)
}

/// A number that a value stands in becomes a string.
fn push_scalar(masker: &Masker, text: &str, safe: &str, masked: &mut String) {
    if safe == text {
        masked.push_str(text);
    } else {
        masked.push_str(&quoted(&masker.config().replacement));
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{MaskerConfig, Secret};

    /// Text with values of [`masker`], parts of them, and what views undo.
    fn text() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("tok-1f93"),
            Just("tok-1f9"),
            Just("b2s"),
            Just("dG9rLTFmOTM"),
            Just("12345678"),
            Just("1234"),
            Just("AKIAABCDEFGHIJKLMNOP"),
            Just("AKIA"),
            Just("+"),
            Just(" "),
            Just("'"),
            Just("^"),
            Just("$"),
            Just("x"),
            Just("é"),
        ];
        proptest::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
    }

    fn masker() -> Masker {
        let masker = Masker::new(MaskerConfig::default());
        for value in ["tok-1f93", "12345678", "b2 s\"x"] {
            masker.register(&Secret::new(value.to_owned())).unwrap();
        }
        masker
    }

    proptest! {
        #[test]
        fn what_is_clean_at_a_glance_is_clean_in_parts(
            key in text(),
            value in text(),
            number in prop_oneof![Just(12_345_678), Just(1_234), 0..99_999_999],
        ) {
            let json = serde_json::json!({ key: value, "n": [number, null] }).to_string();
            let masker = masker();
            if is_clean(&masker, &json) {
                prop_assert_eq!(mask_tokens(&masker, &json).into_inner(), json);
            }
        }
    }

    #[test]
    fn an_output_without_values_is_clean_at_a_glance() {
        let json = r#"{"n":2,"list":[true,"a b",null],"text":"it's all well"}"#;
        assert!(is_clean(&masker(), json));
    }
}
