//! The spellings of MASKING.md, found again: independent of the masker, and simple enough to be believed.

use base64::Engine;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use memchr::memmem;

/// The spelling of `value` that stands in `text`, if any does. Values of less than 8 bytes are only looked for raw.
#[must_use]
pub fn spelling_in(text: &[u8], value: &str) -> Option<&'static str> {
    spellings(value)
        .into_iter()
        .find(|(_, form)| memmem::find(text, form).is_some())
        .map(|(name, _)| name)
}

fn spellings(value: &str) -> Vec<(&'static str, Vec<u8>)> {
    let value = value.trim();
    let mut forms = vec![("raw", value.as_bytes().to_vec())];
    if value.len() < 8 {
        return forms;
    }
    let mut add = |name, form: String| forms.push((name, form.into_bytes()));
    for (name, engine) in [("base64", &STANDARD), ("base64url", &URL_SAFE)] {
        for shift in 0..3 {
            let once = core_of(engine, value.as_bytes(), shift);
            if value.len() >= 12 {
                for outer in 0..3 {
                    add("base64 of base64", core_of(engine, once.as_bytes(), outer));
                }
            }
            add(name, once);
        }
    }
    let each = |spell: &dyn Fn(u8) -> String| value.bytes().map(spell).collect::<String>();
    add("hex", each(&|byte| format!("{byte:02x}")));
    add("upper-case hex", each(&|byte| format!("{byte:02X}")));
    add("percent, all bytes", each(&|byte| format!("%{byte:02X}")));
    add("percent, lower case", each(&|byte| format!("%{byte:02x}")));
    add("percent, where needed", each(&percent));
    add("percent, form", each(&percent).replace("%20", "+"));
    add("JSON", json(value));
    add("JSON, slashes", json(value).replace('/', "\\/"));
    add("JSON in JSON", json(&json(value)));
    add(
        "JSON, all escaped",
        value
            .encode_utf16()
            .map(|unit| format!("\\u{unit:04x}"))
            .collect(),
    );
    add("XML", xml(value));
    add("shell", value.replace('\'', "'\\''"));
    add("lines joined", value.lines().collect());
    for line in value
        .lines()
        .map(str::trim)
        .filter(|line| line.len() >= 8 && !line.starts_with("-----"))
    {
        add("a line", line.to_owned());
    }
    forms.push((
        "UTF-16LE",
        value.encode_utf16().flat_map(u16::to_le_bytes).collect(),
    ));
    forms.push((
        "UTF-16BE",
        value.encode_utf16().flat_map(u16::to_be_bytes).collect(),
    ));
    forms
}

/// The characters of base64 that depend on `value` alone when `shift` bytes stand before it.
fn core_of(engine: &GeneralPurpose, value: &[u8], shift: usize) -> String {
    let mut padded = vec![0; shift];
    padded.extend(value);
    let whole_bits = 8 * padded.len();
    let encoded = engine.encode(&padded);
    encoded[(8 * shift).div_ceil(6)..whole_bits / 6].to_owned()
}

fn percent(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}

fn json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn xml(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}
