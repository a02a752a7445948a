//! Character references of HTML and XML: `&amp;`, `&#39;`, `&#x27;`.

use super::escape::{Escape, Input, Rule, Text, hexadecimal};

/// `&amp; &lt; &gt; &quot; &apos; &#d; &#xh;`
pub(crate) const ENTITY: Rule = Rule {
    is_trigger: |byte| byte == b'&',
    parse,
};

/// Leading zeros are allowed, but not without end: a longer reference stands for itself.
pub(crate) const LONGEST_BYTES: usize = 32;

const NAMES: [(&[u8], u8); 5] = [
    (b"&amp;", b'&'),
    (b"&lt;", b'<'),
    (b"&gt;", b'>'),
    (b"&quot;", b'"'),
    (b"&apos;", b'\''),
];

fn parse(bytes: &[u8], input: Input) -> Escape {
    if bytes.starts_with(b"&#") {
        return parse_number(bytes, input);
    }
    for (name, byte) in NAMES {
        if bytes.starts_with(name) {
            return Escape::Character {
                length: name.len(),
                text: Text::byte(byte),
            };
        }
        if name.starts_with(bytes) && input == Input::Open {
            return Escape::Unfinished;
        }
    }
    Escape::Plain
}

fn parse_number(bytes: &[u8], input: Input) -> Escape {
    let bytes = &bytes[..bytes.len().min(LONGEST_BYTES)];
    let is_hexadecimal = matches!(bytes.get(2), Some(b'x' | b'X'));
    let digits = &bytes[if is_hexadecimal { 3 } else { 2 }..];
    let is_digit = if is_hexadecimal {
        u8::is_ascii_hexdigit
    } else {
        u8::is_ascii_digit
    };
    let count = digits.iter().take_while(|byte| is_digit(byte)).count();
    if count == digits.len() && bytes.len() < LONGEST_BYTES && input == Input::Open {
        return Escape::Unfinished;
    }
    let code = if is_hexadecimal {
        hexadecimal(&digits[..count])
    } else {
        decimal(&digits[..count])
    };
    match code.and_then(Text::character) {
        Some(text) if count > 0 && digits.get(count) == Some(&b';') => Escape::Character {
            length: bytes.len() - digits.len() + count + 1,
            text,
        },
        _ => Escape::Plain,
    }
}

fn decimal(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0_u32, |number, &digit| {
        number.checked_mul(10)?.checked_add(u32::from(digit - b'0'))
    })
}
