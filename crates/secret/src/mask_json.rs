//! Masking JSON so that it stays JSON.

use zeroize::Zeroizing;

use crate::json::{Token, is_json, tokens};
use crate::{Masked, Masker};

/// Masks `json` token by token, and then as a whole. If that does not leave JSON, nothing of it does.
pub(crate) fn mask_json(masker: &Masker, json: &str) -> Masked<String> {
    let whole = || quoted(&masker.config().replacement);
    if !is_json(json) {
        return Masked::by_masker(whole());
    }
    let mut masked = String::with_capacity(json.len());
    for token in tokens(json) {
        match token {
            Token::String(text) => push_string(masker, text, &mut masked),
            Token::Scalar(text) => push_scalar(masker, text, &mut masked),
            Token::Other(text) => masked.push_str(text),
        }
    }
    let masked = masker.mask(&masked).into_inner();
    Masked::by_masker(if is_json(&masked) { masked } else { whole() })
}

/// Masks the text between two quotes. If it must be decoded for that, it is written anew.
fn push_string(masker: &Masker, escaped: &str, masked: &mut String) {
    let as_written = format!("\"{}\"", masker.mask(escaped).as_str());
    let text = serde_json::from_str(&as_written)
        .ok()
        .map(Zeroizing::<String>::new);
    match text.map(|text| (masker.mask(&text).into_inner(), text)) {
        Some((safe, text)) if safe == *text => masked.push_str(&as_written),
        Some((safe, _)) => masked.push_str(&quoted(&safe)),
        None => {
            let quoted_text = Zeroizing::new(format!("\"{escaped}\""));
            let text: Zeroizing<String> =
                Zeroizing::new(serde_json::from_str(&quoted_text).unwrap_or_default());
            masked.push_str(&quoted(masker.mask(&text).as_str()));
        }
    }
}

/// A number that a value stands in becomes a string.
fn push_scalar(masker: &Masker, text: &str, masked: &mut String) {
    let safe = masker.mask(text).into_inner();
    if safe == text {
        masked.push_str(text);
    } else {
        masked.push_str(&quoted(&masker.config().replacement));
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
