//! Percent-encoding: `%2F`, in any case, and the `+` of forms.

use super::escape::{Escape, Input, Rule, Text, hexadecimal};

/// URLs: `%XX`.
pub(crate) const PERCENT: Rule = Rule {
    is_trigger: |byte| byte == b'%',
    parse,
};

/// Forms: `%XX`, and `+` for a blank.
pub(crate) const FORM: Rule = Rule {
    is_trigger: |byte| matches!(byte, b'%' | b'+'),
    parse: parse_form,
};

fn parse_form(bytes: &[u8], input: Input) -> Escape {
    if bytes[0] == b'+' {
        Escape::Character {
            length: 1,
            text: Text::byte(b' '),
        }
    } else {
        parse(bytes, input)
    }
}

fn parse(bytes: &[u8], input: Input) -> Escape {
    let digits = &bytes[1..bytes.len().min(3)];
    match hexadecimal(digits).and_then(|number| u8::try_from(number).ok()) {
        None => Escape::Plain,
        Some(byte) if digits.len() == 2 => Escape::Character {
            length: 3,
            text: Text::byte(byte),
        },
        Some(_) if input == Input::Open => Escape::Unfinished,
        Some(_) => Escape::Plain,
    }
}
