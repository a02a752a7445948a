//! The bytes of a file as the text of a script, and where things are in it.

use std::borrow::Cow;

use lockstep_step::MAX_SOURCE_BYTES;

use super::report::Complaint;
use crate::InvalidStep;

const BOM: &str = "\u{feff}";

/// The text of a script.
pub(super) struct Text<'t> {
    name: &'t str,
    /// Without the mark of byte order, and a `#!` made a comment of the same length.
    code: Cow<'t, str>,
}

/// A place in a text, as editors and compilers tell it.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Position<'t> {
    /// From 1.
    pub(super) line: usize,
    /// From 1, in units of UTF-16; a tab is one.
    pub(super) column: usize,
    /// The line, without its end.
    pub(super) text: &'t str,
    /// Where in it, in bytes.
    pub(super) at: usize,
}

impl<'t> Text<'t> {
    /// Takes the bytes of a file: UTF-8, not too long, and text indeed.
    pub(super) fn read(name: &'t str, bytes: &'t [u8]) -> Result<Self, InvalidStep> {
        if bytes.len() > MAX_SOURCE_BYTES {
            let length = bytes.len();
            return Err(InvalidStep::new(format!(
                "`{name}` has {length} bytes, over the limit of {MAX_SOURCE_BYTES} bytes for source: bundle less, or minify it"
            )));
        }
        let code = std::str::from_utf8(bytes).map_err(|error| {
            let line = line_of(&bytes[..error.valid_up_to()]);
            InvalidStep::new(format!("`{name}` is not UTF-8: see line {line}"))
        })?;
        let code = code.strip_prefix(BOM).unwrap_or(code);
        let text = Self {
            name,
            code: without_shebang(code),
        };
        match memchr::memchr(0, code.as_bytes()) {
            Some(at) => Err(text.refuse(vec![
                Complaint::new(at, "a NUL byte").hint("a script is text; is this the right file?"),
            ])),
            None => Ok(text),
        }
    }

    pub(super) fn name(&self) -> &'t str {
        self.name
    }

    pub(super) fn code(&self) -> &str {
        &self.code
    }

    /// Where the byte `at` is; the end of the text if it is beyond.
    pub(super) fn position(&self, at: usize) -> Position<'_> {
        let at = self.code.floor_char_boundary(at);
        let before = &self.code.as_bytes()[..at];
        // Between the two bytes of a line's end is the end of that line.
        let split = before.last() == Some(&b'\r') && self.code.as_bytes().get(at) == Some(&b'\n');
        let start = memchr::memrchr2(b'\n', b'\r', &before[..at - usize::from(split)])
            .map_or(0, |end| end + 1);
        let rest = &self.code[start..];
        let line = &rest[..memchr::memchr2(b'\n', b'\r', rest.as_bytes()).unwrap_or(rest.len())];
        let at = (at - start).min(line.len());
        Position {
            line: line_of(&before[..start]),
            column: line[..at].encode_utf16().count() + 1,
            text: line,
            at,
        }
    }
}

/// The number of the line that follows `before`. A line ends with a line feed, a carriage return, or both.
fn line_of(before: &[u8]) -> usize {
    let ends = memchr::memchr2_iter(b'\n', b'\r', before);
    let ends = ends.filter(|end| before[*end] == b'\n' || before.get(end + 1) != Some(&b'\n'));
    ends.count() + 1
}

/// `#!` becomes `//`: the engine puts a plain script into a function, where it would be wrong.
fn without_shebang(code: &str) -> Cow<'_, str> {
    match code.strip_prefix("#!") {
        Some(rest) => Cow::Owned(format!("//{rest}")),
        None => Cow::Borrowed(code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, at: usize, line: usize, column: usize) {
        let text = Text::read("a.js", text.as_bytes()).unwrap();
        let position = text.position(at);
        assert_eq!(
            (position.line, position.column),
            (line, column),
            "{:?} at {at}",
            text.code()
        );
    }

    fn refusal(bytes: &[u8]) -> String {
        Text::read("a.js", bytes).map(|_| ()).unwrap_err().message
    }

    #[test]
    fn lines_end_as_in_editors() {
        check("a\nb", 2, 2, 1);
        check("a\r\nb", 3, 2, 1);
        check("a\r\nb", 2, 1, 2);
        check("a\rb", 2, 2, 1);
        check("a\r\r\n\nb", 5, 4, 1);
        check("", 0, 1, 1);
        check("a\n", 2, 2, 1);
        check("a\n", 99, 2, 1);
    }

    #[test]
    fn columns_are_units_of_utf_16() {
        check("\tx", 1, 1, 2);
        check("äx", 2, 1, 2);
        check("\u{1f600}x", 4, 1, 3);
        check("\u{1f600}x", 2, 1, 1);
    }

    #[test]
    fn a_mark_of_byte_order_is_no_column() {
        check("\u{feff}ab", 1, 1, 2);
    }

    #[test]
    fn a_shebang_is_a_comment_of_the_same_length() {
        let text = Text::read("a.js", b"#!/usr/bin/env node\nreturn 1").unwrap();
        assert_eq!(text.code(), "///usr/bin/env node\nreturn 1");
    }

    #[test]
    fn what_is_not_utf_8_is_refused_with_its_line() {
        assert_eq!(refusal(b"a\nb\xff"), "`a.js` is not UTF-8: see line 2");
        assert_eq!(refusal(b"\xff\xfea\0"), "`a.js` is not UTF-8: see line 1");
    }

    #[test]
    fn a_nul_byte_is_refused() {
        assert!(refusal(b"a\nb\0").starts_with("a.js:2:2: a NUL byte"));
    }

    #[test]
    fn a_text_has_at_most_4_mib() {
        assert!(Text::read("a.js", &vec![b' '; MAX_SOURCE_BYTES]).is_ok());
        assert!(refusal(&vec![b' '; MAX_SOURCE_BYTES + 1]).contains("4194304"));
    }
}
