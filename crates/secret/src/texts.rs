//! Which texts of a value are secret: the value, its lines, what stands in its quotes, and the parts that are secrets
//! of their own.

use memchr::memmem;

use crate::forms::Spelled;
use crate::json;
use crate::view::escape::{Input, decode};
use crate::view::squeeze::is_blank;
use crate::view::{backslash, percent};
use crate::wiped::Wiped;

/// A shorter text would be found everywhere.
const SHORTEST_BYTES: usize = 4;
/// A shorter line of a value stands in other texts too.
const SHORTEST_LINE_BYTES: usize = 8;
/// A shorter string of a JSON value is no secret.
const SHORTEST_LEAF_BYTES: usize = 8;
/// A shorter password, or part around an `&`, would match by accident.
const SHORTEST_PART_BYTES: usize = 6;
/// Values in quotes are longer.
const QUOTED_FROM_BYTES: usize = 9;
/// The value with other line breaks gets every form only up to here: each is a copy of the value in all spellings.
const LONGEST_REBROKEN_BYTES: usize = 8 * 1024;
/// A URL in a JSON document in a JSON string: what is nested deeper is not taken apart.
const DEEPEST: usize = 3;

/// Texts with the ways in which they are spelled.
pub(crate) type Texts = Vec<(Wiped<u8>, Spelled)>;

/// All texts of `value`, which has no blanks around it.
pub(crate) fn texts_of(value: &[u8]) -> Texts {
    let mut texts = Texts::new();
    add(&mut texts, value, 0);
    texts
}

/// `text` without blanks around it.
pub(crate) fn trim(text: &[u8]) -> &[u8] {
    let Some(start) = text.iter().position(|&byte| !is_blank(byte)) else {
        return &[];
    };
    let end = text
        .iter()
        .rposition(|&byte| !is_blank(byte))
        .map_or(start, |last| last + 1);
    &text[start..end]
}

/// Adds a text, and what can be taken out of it.
fn add(texts: &mut Texts, text: &[u8], depth: usize) {
    texts.push((Wiped::from(text), Spelled::EveryWay));
    if depth == DEEPEST {
        return;
    }
    if let Some(inner) = inside_quotes(text) {
        add_part(texts, inner, SHORTEST_BYTES, depth);
    }
    if text.iter().any(|byte| is_line_end(*byte)) {
        add_lines(texts, text);
        add_with_other_breaks(texts, text);
    } else {
        add_around_ampersand(texts, text);
    }
    add_password(texts, text, depth);
    add_leaves(texts, text, depth);
    add_unescaped(texts, text);
}

fn add_part(texts: &mut Texts, part: &[u8], shortest: usize, depth: usize) {
    let part = trim(part);
    if part.len() >= shortest {
        add(texts, part, depth + 1);
    }
}

fn inside_quotes(text: &[u8]) -> Option<&[u8]> {
    match text {
        [first @ (b'"' | b'\'' | b'`'), inner @ .., last]
            if first == last && text.len() >= QUOTED_FROM_BYTES =>
        {
            Some(inner)
        }
        _ => None,
    }
}

fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

fn add_lines(texts: &mut Texts, text: &[u8]) {
    for line in text.split(|byte| is_line_end(*byte)).map(trim) {
        if line.len() >= SHORTEST_LINE_BYTES && is_telling(line) && !is_armor(line) {
            texts.push((Wiped::from(line), Spelled::EveryWay));
        }
    }
}

/// A line of punctuation alone stands in every log.
fn is_telling(line: &[u8]) -> bool {
    line.iter()
        .any(|byte| byte.is_ascii_alphanumeric() || !byte.is_ascii())
}

/// `-----BEGIN …-----` and `-----END …-----` are no secrets.
fn is_armor(line: &[u8]) -> bool {
    (line.starts_with(b"-----BEGIN ") || line.starts_with(b"-----END ")) && line.ends_with(b"-----")
}

/// Tools join lines, and change their ends.
fn add_with_other_breaks(texts: &mut Texts, text: &[u8]) {
    let spelled = if text.len() <= LONGEST_REBROKEN_BYTES {
        Spelled::EveryWay
    } else {
        Spelled::Raw
    };
    for line_break in [" ", "", "\n", "\r\n"] {
        let mut rebroken = Wiped::with_capacity(2 * text.len());
        let mut rest = text;
        while let Some(at) = rest.iter().position(|byte| is_line_end(*byte)) {
            rebroken.extend_from_slice(&rest[..at]);
            rebroken.extend_from_slice(line_break.as_bytes());
            rest = &rest[at
                + if rest[at..].starts_with(b"\r\n") {
                    2
                } else {
                    1
                }..];
        }
        rebroken.extend_from_slice(rest);
        if *rebroken != *text && rebroken.len() >= SHORTEST_BYTES {
            texts.push((rebroken, spelled));
        }
    }
}

/// PowerShell colours what stands before and after an ampersand apart, and after `&+` one letter more.
fn add_around_ampersand(texts: &mut Texts, text: &[u8]) {
    let Some(last) = memchr::memrchr(b'&', text) else {
        return;
    };
    let (fronts, backs) = match memmem::find(text, b"&+") {
        Some(at) => ([at, at + 2], [at + 2, at + 3]),
        None => ([last, last + 1], [last + 1, last + 1]),
    };
    let fronts = fronts.map(|end| &text[..end]);
    let backs = backs.map(|start| text.get(start..).unwrap_or_default());
    for part in fronts.into_iter().chain(backs).map(trim) {
        if part.len() >= SHORTEST_PART_BYTES {
            texts.push((Wiped::from(part), Spelled::EveryWay));
        }
    }
}

/// The password of a URL, as it stands and decoded.
fn add_password(texts: &mut Texts, text: &[u8], depth: usize) {
    let Some(password) = password_of(text) else {
        return;
    };
    add_part(texts, password, SHORTEST_PART_BYTES, depth);
    let decoded = decode(percent::PERCENT, password, Input::Ended);
    if *decoded != *password {
        add_part(texts, &decoded, SHORTEST_PART_BYTES, depth);
    }
}

fn password_of(text: &[u8]) -> Option<&[u8]> {
    let first_colon = memchr::memchr(b':', text)?;
    let scheme = first_colon + memmem::find(&text[first_colon..], b"://")?;
    let is_scheme = text[0].is_ascii_alphabetic()
        && text[..scheme]
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    let rest = &text[scheme + 3..];
    let authority = rest
        .split(|byte| matches!(byte, b'/' | b'?' | b'#'))
        .next()
        .filter(|_| is_scheme)?;
    let user_info = &authority[..memchr::memrchr(b'@', authority)?];
    let colon = memchr::memchr(b':', user_info)?;
    Some(&user_info[colon + 1..])
}

/// The strings of a JSON document whose key says that they are secret.
fn add_leaves(texts: &mut Texts, text: &[u8], depth: usize) {
    let Some(json) = str::from_utf8(text)
        .ok()
        .filter(|text| text.starts_with(['{', '[']))
    else {
        return;
    };
    for leaf in json::secret_leaves(json) {
        let leaf = decode(backslash::BACKSLASH, leaf.as_bytes(), Input::Ended);
        add_part(texts, &leaf, SHORTEST_LEAF_BYTES, depth);
    }
}

/// What a value with backslashes means, if it was registered as it is written.
fn add_unescaped(texts: &mut Texts, text: &[u8]) {
    if memchr::memchr(b'\\', text).is_some() {
        let unescaped = decode(backslash::BACKSLASH, text, Input::Ended);
        let unescaped = trim(&unescaped);
        if unescaped.len() >= SHORTEST_PART_BYTES {
            texts.push((Wiped::from(unescaped), Spelled::Raw));
        }
    }
}
