//! Section 3 of MASKING.md. Each view takes the items of the one before and gives new ones.

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Item {
    pub(crate) byte: u8,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum View {
    Raw,
    Percent,
    PercentTwice,
    Form,
    Backslash,
    BackslashTwice,
    BackslashThrice,
    Entity,
    EntityTwice,
    Squeezed,
    BackslashSqueezed,
    Unquoted,
}

impl View {
    pub(crate) const ALL: [Self; 12] = [
        Self::Raw,
        Self::Percent,
        Self::PercentTwice,
        Self::Form,
        Self::Backslash,
        Self::BackslashTwice,
        Self::BackslashThrice,
        Self::Entity,
        Self::EntityTwice,
        Self::Squeezed,
        Self::BackslashSqueezed,
        Self::Unquoted,
    ];
}

pub(crate) fn view(which: View, input: &[u8]) -> Vec<Item> {
    let raw: Vec<Item> = input
        .iter()
        .enumerate()
        .map(|(at, &byte)| Item {
            byte,
            start: at,
            end: at + 1,
        })
        .collect();
    match which {
        View::Raw => raw,
        View::Percent => unescape(&raw, percent),
        View::PercentTwice => unescape(&view(View::Percent, input), percent),
        View::Form => unescape(&raw, form),
        View::Backslash => unescape(&raw, backslash),
        View::BackslashTwice => unescape(&view(View::Backslash, input), backslash),
        View::BackslashThrice => unescape(&view(View::BackslashTwice, input), backslash),
        View::Entity => unescape(&raw, entity),
        View::EntityTwice => unescape(&view(View::Entity, input), entity),
        View::Squeezed => squeeze(&raw),
        View::BackslashSqueezed => squeeze(&view(View::Backslash, input)),
        View::Unquoted => raw
            .into_iter()
            .filter(|item| !b"'\"\\`^$".contains(&item.byte))
            .collect(),
    }
}

/// How long an escape is, and what it stands for.
type Escape = (usize, Vec<u8>);

/// Reads escapes from left to right. `escape` tells the length of one at the start of a text, and what it stands for.
fn unescape(items: &[Item], escape: fn(&[u8]) -> Option<Escape>) -> Vec<Item> {
    let text: Vec<u8> = items.iter().map(|item| item.byte).collect();
    let mut out = Vec::new();
    let mut at = 0;
    while at < items.len() {
        if let Some((length, bytes)) = escape(&text[at..]) {
            let (start, end) = (items[at].start, items[at + length - 1].end);
            out.extend(bytes.into_iter().map(|byte| Item { byte, start, end }));
            at += length;
        } else {
            out.push(items[at]);
            at += 1;
        }
    }
    out
}

fn percent(text: &[u8]) -> Option<Escape> {
    if text[0] != b'%' {
        return None;
    }
    Some((3, vec![u8::try_from(hex(text.get(1..3)?)?).ok()?]))
}

fn form(text: &[u8]) -> Option<Escape> {
    if text[0] == b'+' {
        Some((1, vec![b' ']))
    } else {
        percent(text)
    }
}

fn entity(text: &[u8]) -> Option<Escape> {
    if text[0] != b'&' {
        return None;
    }
    let end = text.iter().take(32).position(|&byte| byte == b';')?;
    let name = str::from_utf8(&text[1..end]).ok()?;
    let code = match name {
        "amp" => 0x26,
        "lt" => 0x3c,
        "gt" => 0x3e,
        "quot" => 0x22,
        "apos" => 0x27,
        _ => {
            let number = name.strip_prefix('#')?;
            match number.strip_prefix(['x', 'X']) {
                Some(digits) => hex(digits.as_bytes())?,
                None if number.bytes().all(|byte| byte.is_ascii_digit()) => number.parse().ok()?,
                None => return None,
            }
        }
    };
    Some((end + 1, char::from_u32(code)?.to_string().into_bytes()))
}

fn backslash(text: &[u8]) -> Option<Escape> {
    if text[0] != b'\\' {
        return None;
    }
    let second = *text.get(1)?;
    let short = match second {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'f' => 12,
        b'v' => 11,
        b'a' => 7,
        b'e' | b'E' => 27,
        other => other,
    };
    Some(long_backslash(text, second).unwrap_or((2, vec![short])))
}

fn long_backslash(text: &[u8], second: u8) -> Option<Escape> {
    let character = |code| char::from_u32(code).map(|c| c.to_string().into_bytes());
    match second {
        b'x' => Some((4, vec![u8::try_from(hex(text.get(2..4)?)?).ok()?])),
        b'0'..=b'3' => {
            let digits = str::from_utf8(text.get(1..4)?).ok()?;
            if digits.starts_with('+') {
                return None;
            }
            Some((4, vec![u8::from_str_radix(digits, 8).ok()?]))
        }
        b'U' => Some((10, character(hex(text.get(2..10)?)?)?)),
        b'u' if text.get(2) == Some(&b'{') => {
            let close = text.iter().take(10).position(|&byte| byte == b'}')?;
            Some((close + 1, character(hex(&text[3..close])?)?))
        }
        b'u' => {
            let high = hex(text.get(2..6)?)?;
            if let Some(text) = character(high) {
                return Some((6, text));
            }
            let low = text.get(6..12).filter(|text| text.starts_with(b"\\u"))?;
            let units = [
                u16::try_from(high).ok()?,
                u16::try_from(hex(&low[2..])?).ok()?,
            ];
            Some((12, String::from_utf16(&units).ok()?.into_bytes()))
        }
        _ => None,
    }
}

fn hex(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let digits = str::from_utf8(digits).ok()?.trim_start_matches('0');
    if digits.is_empty() {
        Some(0)
    } else {
        u32::from_str_radix(digits, 16).ok()
    }
}

/// Drops terminal sequences, then every run of blanks with a line break in it.
fn squeeze(items: &[Item]) -> Vec<Item> {
    let text: Vec<u8> = items.iter().map(|item| item.byte).collect();
    let mut kept = Vec::new();
    let mut at = 0;
    while at < items.len() {
        match sequence(&text[at..]) {
            Some(length) => at += length,
            None => {
                kept.push(items[at]);
                at += 1;
            }
        }
    }
    let blank = |item: &Item| b" \t\r\n\x0b\x0c".contains(&item.byte);
    let mut out = Vec::new();
    for run in kept.chunk_by(|one, other| blank(one) == blank(other)) {
        if !blank(&run[0]) || !run.iter().any(|item| b"\r\n\x0b\x0c".contains(&item.byte)) {
            out.extend_from_slice(run);
        }
    }
    out
}

/// The length of a terminal sequence at the start of `text`.
fn sequence(text: &[u8]) -> Option<usize> {
    match text {
        [0x1b, b'[', rest @ ..] => {
            let parameters = rest
                .iter()
                .take_while(|byte| (0x30..=0x3f).contains(*byte))
                .count();
            let between = rest[parameters..]
                .iter()
                .take_while(|byte| (0x20..=0x2f).contains(*byte))
                .count();
            let last = rest.get(parameters + between)?;
            (0x40..=0x7e)
                .contains(last)
                .then_some(2 + parameters + between + 1)
        }
        [0x1b, b']', rest @ ..] => {
            let length = rest.iter().take_while(|byte| **byte >= 0x20).count();
            match rest[length..] {
                [0x07, ..] => Some(2 + length + 1),
                [0x1b, b'\\', ..] => Some(2 + length + 2),
                _ => None,
            }
        }
        _ => None,
    }
}
