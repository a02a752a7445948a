//! Sections 1 and 2 of MASKING.md.

use std::collections::BTreeSet;

use serde_json::Value;

use super::views::{View, view};

#[derive(Default)]
pub(crate) struct Forms {
    pub(crate) shared: BTreeSet<Vec<u8>>,
    pub(crate) squeezed: BTreeSet<Vec<u8>>,
    pub(crate) unquoted: BTreeSet<Vec<u8>>,
    pub(crate) cores: BTreeSet<Vec<u8>>,
}

impl Forms {
    /// The forms that are looked for in a view.
    pub(crate) fn of(&self, view: View) -> Vec<&Vec<u8>> {
        match view {
            View::Squeezed | View::BackslashSqueezed => self.squeezed.iter().collect(),
            View::Unquoted => self.unquoted.iter().collect(),
            View::Form => self
                .shared
                .iter()
                .filter(|form| form.contains(&b' '))
                .collect(),
            _ => self.shared.iter().collect(),
        }
    }
}

pub(crate) fn forms_of(values: &[&str]) -> Forms {
    let mut forms = Forms::default();
    for value in values {
        let value = trim(value.as_bytes());
        if value.len() >= 4 {
            add_text(&mut forms, value, 0);
        }
    }
    // R7: the values without quotes are forms like all others.
    forms.shared.extend(forms.unquoted.iter().cloned());
    for form in &forms.shared {
        let squeezed = text_of(View::Squeezed, form);
        if squeezed.len() >= 12 && !b" \t\r\n\x0b\x0c".contains(&squeezed[0]) {
            forms.squeezed.insert(squeezed);
        }
    }
    // And so are the squeezed ones: the masker has one automaton.
    forms.shared.extend(forms.squeezed.iter().cloned());
    forms
}

fn add_text(forms: &mut Forms, text: &[u8], depth: usize) {
    add_spellings(forms, text);
    if depth == 3 {
        return;
    }
    let mut parts: Vec<(usize, Vec<u8>)> = Vec::new();
    if text.len() > 8 && text[0] == text[text.len() - 1] && b"\"'`".contains(&text[0]) {
        parts.push((4, text[1..text.len() - 1].to_vec()));
    }
    let whole = String::from_utf8_lossy(text).into_owned();
    if let Ok(json @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str::<Value>(&whole) {
        collect_leaves(&json, false, &mut parts);
    }
    if let Some(password) = password(text) {
        parts.push((6, text_of(View::Percent, &password)));
        parts.push((6, password));
    }
    for (shortest, part) in parts {
        let part = trim(&part);
        if part.len() >= shortest {
            add_text(forms, part, depth + 1);
        }
    }
    if text.contains(&b'\n') || text.contains(&b'\r') {
        add_lines(forms, text);
    } else {
        for part in around_ampersand(text) {
            let part = trim(&part).to_vec();
            if part.len() >= 6 {
                add_spellings(forms, &part);
            }
        }
    }
    if text.contains(&b'\\') {
        let unescaped = text_of(View::Backslash, text);
        let unescaped = trim(&unescaped);
        if unescaped.len() >= 6 {
            add_raw(forms, unescaped);
        }
    }
}

fn add_lines(forms: &mut Forms, text: &[u8]) {
    for line in text.split(|byte| b"\r\n".contains(byte)) {
        let line = trim(line);
        let armor = (line.starts_with(b"-----BEGIN ") || line.starts_with(b"-----END "))
            && line.ends_with(b"-----");
        if line.len() >= 8
            && !armor
            && line
                .iter()
                .any(|byte| byte.is_ascii_alphanumeric() || *byte >= 0x80)
        {
            add_spellings(forms, line);
        }
    }
    let unix = replace(&replace(text, b"\r\n", b"\n"), b"\r", b"\n");
    for line_break in [&b" "[..], b"", b"\n", b"\r\n"] {
        let rebroken = replace(&unix, b"\n", line_break);
        if rebroken.len() < 4 {
            continue;
        }
        if text.len() <= 8192 {
            add_spellings(forms, &rebroken);
        } else {
            add_raw(forms, &rebroken);
        }
    }
}

fn add_raw(forms: &mut Forms, text: &[u8]) {
    forms.shared.insert(text.to_vec());
    let unquoted = text_of(View::Unquoted, text);
    if unquoted.len() >= 8 {
        forms.unquoted.insert(unquoted);
    }
}

fn add_spellings(forms: &mut Forms, text: &[u8]) {
    add_raw(forms, text);
    if text.len() < 6 {
        return;
    }
    let whole = base64(text);
    forms.shared.insert(url_safe(&whole));
    forms.shared.insert(whole);
    forms.shared.insert(
        text.iter()
            .flat_map(|byte| format!("{byte:02x}").into_bytes())
            .collect(),
    );
    forms.shared.insert(
        text.iter()
            .flat_map(|byte| format!("{byte:02X}").into_bytes())
            .collect(),
    );
    if let Ok(text) = str::from_utf8(text) {
        for to_bytes in [u16::to_le_bytes, u16::to_be_bytes] {
            let form: Vec<u8> = text.encode_utf16().flat_map(to_bytes).collect();
            if form.len() >= 6 {
                forms.shared.insert(form);
            }
        }
    }
    if text.len() < 8 {
        return;
    }
    for k in 0..3 {
        let inner = core(text, k);
        if (12..=8192).contains(&text.len()) {
            for k in 0..3 {
                add_core(forms, core(&inner, k));
            }
        }
        add_core(forms, url_safe(&inner));
        add_core(forms, inner);
    }
}

fn add_core(forms: &mut Forms, core: Vec<u8>) {
    forms.cores.insert(core.clone());
    forms.shared.insert(core);
}

/// Base64 by the bit.
fn base64(text: &[u8]) -> Vec<u8> {
    let mut out = sextets(text);
    while !out.len().is_multiple_of(4) {
        out.push(b'=');
    }
    out
}

fn core(text: &[u8], k: usize) -> Vec<u8> {
    let padded: Vec<u8> = [&vec![0; k][..], text, &[0, 0, 0]].concat();
    sextets(&padded)[(8 * k).div_ceil(6)..8 * (k + text.len()) / 6].to_vec()
}

fn sextets(text: &[u8]) -> Vec<u8> {
    let bits: Vec<u8> = text
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1))
        .collect();
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    bits.chunks(6)
        .map(|bits| {
            alphabet[(0..6).fold(0, |number, at| {
                number * 2 + usize::from(*bits.get(at).unwrap_or(&0))
            })]
        })
        .collect()
}

fn url_safe(text: &[u8]) -> Vec<u8> {
    replace(&replace(text, b"+", b"-"), b"/", b"_")
}

fn collect_leaves(json: &Value, secret: bool, parts: &mut Vec<(usize, Vec<u8>)>) {
    let words = [
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
    match json {
        Value::Object(members) => {
            for (key, value) in members {
                let says_so = words.iter().any(|word| key.to_lowercase().contains(word));
                collect_leaves(value, secret || says_so, parts);
            }
        }
        Value::Array(values) => values
            .iter()
            .for_each(|value| collect_leaves(value, secret, parts)),
        Value::String(leaf) if secret => parts.push((8, leaf.clone().into_bytes())),
        _ => {}
    }
}

fn password(text: &[u8]) -> Option<Vec<u8>> {
    let text = String::from_utf8_lossy(text).into_owned();
    let (scheme, rest) = text.split_once("://")?;
    let mut letters = scheme.chars();
    if !letters.next()?.is_ascii_alphabetic()
        || !letters.all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    {
        return None;
    }
    let authority = rest.split(['/', '?', '#']).next()?;
    let (user_info, _) = authority.rsplit_once('@')?;
    Some(user_info.split_once(':')?.1.as_bytes().to_vec())
}

fn around_ampersand(text: &[u8]) -> Vec<Vec<u8>> {
    if let Some(at) = text.windows(2).position(|pair| pair == b"&+") {
        let after = &text[at + 2..];
        let shorter = after.get(1..).unwrap_or_default();
        return vec![
            text[..at].to_vec(),
            text[..at + 2].to_vec(),
            after.to_vec(),
            shorter.to_vec(),
        ];
    }
    match text.iter().rposition(|&byte| byte == b'&') {
        Some(at) => vec![
            text[..at].to_vec(),
            text[..=at].to_vec(),
            text[at + 1..].to_vec(),
        ],
        None => Vec::new(),
    }
}

fn text_of(which: View, text: &[u8]) -> Vec<u8> {
    view(which, text).iter().map(|item| item.byte).collect()
}

fn trim(text: &[u8]) -> &[u8] {
    let blank = |byte: &u8| b" \t\r\n\x0b\x0c".contains(byte);
    let start = text
        .iter()
        .position(|byte| !blank(byte))
        .unwrap_or(text.len());
    let end = text
        .iter()
        .rposition(|byte| !blank(byte))
        .map_or(start, |last| last + 1);
    &text[start..end]
}

fn replace(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with(from) {
            out.extend_from_slice(to);
            at += from.len();
        } else {
            out.push(text[at]);
            at += 1;
        }
    }
    out
}
