//! Masking JSON so that it stays JSON.

use zeroize::Zeroizing;

use crate::json::{Token, decode, is_json, tokens};
use crate::{Masked, Masker};

/// Masks `json` token by token, and then as a whole where that is not enough. If that does not leave JSON, nothing of it
/// does.
pub(crate) fn mask_json(masker: &Masker, json: &str) -> Masked<String> {
    let whole = || quoted(&masker.config().replacement);
    if !is_json(json) {
        return Masked::by_masker(whole());
    }
    let mut masked = String::with_capacity(json.len());
    let mut as_written = String::with_capacity(json.len());
    for token in tokens(json) {
        match token {
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
    Masked::by_masker(if is_json(&masked) { masked } else { whole() })
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
