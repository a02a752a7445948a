//! Backslash escapes of JSON, C, shells and their like: `\n`, `\x41`, `\101`, `\u0041`, `\u{41}`, `\U00000041`.

use super::escape::{Escape, Input, Rule, Text, hexadecimal};

/// Every escape that starts with a backslash. `\c` for any other `c` is `c`.
pub(crate) const BACKSLASH: Rule = Rule {
    is_trigger: |byte| byte == b'\\',
    parse,
};

/// `\ud83d\ude00`: no escape is longer.
pub(crate) const LONGEST_BYTES: usize = 12;

fn parse(bytes: &[u8], input: Input) -> Escape {
    let Some(&second) = bytes.get(1) else {
        return if input == Input::Open {
            Escape::Unfinished
        } else {
            Escape::Plain
        };
    };
    let long = match second {
        b'x' => digits(bytes, 2, 2, byte),
        b'0'..=b'3' => octal(bytes),
        b'u' if bytes.get(2) == Some(&b'{') => braced(bytes),
        b'u' => utf16(bytes),
        b'U' => digits(bytes, 2, 8, Text::character),
        _ => Escape::Plain,
    };
    match long {
        Escape::Unfinished if input == Input::Open => Escape::Unfinished,
        Escape::Character { .. } => long,
        // Not one of the long escapes, or a broken one: the backslash only quotes the byte after it.
        Escape::Plain | Escape::Unfinished => Escape::Character {
            length: 2,
            text: Text::byte(short(second)),
        },
    }
}

/// What a backslash and `second` spell, unless it may be the start of a longer escape.
#[inline]
pub(crate) const fn of_two(second: u8) -> Option<u8> {
    match second {
        b'x' | b'0'..=b'3' | b'u' | b'U' => None,
        _ => Some(short(second)),
    }
}

const fn short(second: u8) -> u8 {
    match second {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 0x08,
        b'f' => 0x0c,
        b'v' => 0x0b,
        b'a' => 0x07,
        b'e' | b'E' => 0x1b,
        other => other,
    }
}

/// `count` hexadecimal digits from `start` on.
fn digits(bytes: &[u8], start: usize, count: usize, text: fn(u32) -> Option<Text>) -> Escape {
    let end = bytes.len().min(start + count);
    match hexadecimal(&bytes[start..end]) {
        None => Escape::Plain,
        Some(_) if end < start + count => Escape::Unfinished,
        Some(code) => text(code).map_or(Escape::Plain, |text| Escape::Character {
            length: end,
            text,
        }),
    }
}

fn byte(code: u32) -> Option<Text> {
    u8::try_from(code).ok().map(Text::byte)
}

/// Three octal digits.
fn octal(bytes: &[u8]) -> Escape {
    let digits = &bytes[1..bytes.len().min(4)];
    if digits.iter().any(|digit| !matches!(digit, b'0'..=b'7')) {
        return Escape::Plain;
    }
    if digits.len() < 3 {
        return Escape::Unfinished;
    }
    let code = digits
        .iter()
        .fold(0, |code, digit| code * 8 + u32::from(digit - b'0'));
    byte(code).map_or(Escape::Plain, |text| Escape::Character { length: 4, text })
}

/// `\u{…}`: one to six digits.
fn braced(bytes: &[u8]) -> Escape {
    let digits = &bytes[3..];
    let count = digits
        .iter()
        .take(7)
        .take_while(|digit| digit.is_ascii_hexdigit())
        .count();
    if count > 6 {
        return Escape::Plain;
    }
    match digits.get(count) {
        None => Escape::Unfinished,
        Some(b'}') if count > 0 => hexadecimal(&digits[..count])
            .and_then(Text::character)
            .map_or(Escape::Plain, |text| Escape::Character {
                length: 4 + count,
                text,
            }),
        Some(_) => Escape::Plain,
    }
}

/// `\uHHHH`, or two of them that are a surrogate pair. Half a pair is no character.
fn utf16(bytes: &[u8]) -> Escape {
    let end = bytes.len().min(6);
    let Some(first) = hexadecimal(&bytes[2..end]) else {
        return Escape::Plain;
    };
    if end < 6 {
        return Escape::Unfinished;
    }
    if let Some(text) = Text::character(first) {
        return Escape::Character { length: 6, text };
    }
    let rest = &bytes[6..bytes.len().min(LONGEST_BYTES)];
    let prefix = &rest[..rest.len().min(2)];
    let low = hexadecimal(&rest[prefix.len()..]);
    match low {
        _ if first >= 0xdc00 || !b"\\u".starts_with(prefix) => Escape::Plain,
        None => Escape::Plain,
        Some(_) if rest.len() < 6 => Escape::Unfinished,
        Some(low @ 0xdc00..=0xdfff) => {
            Text::character(0x10000 + ((first - 0xd800) << 10) + (low - 0xdc00))
                .map_or(Escape::Plain, |text| Escape::Character { length: 12, text })
        }
        Some(_) => Escape::Plain,
    }
}
