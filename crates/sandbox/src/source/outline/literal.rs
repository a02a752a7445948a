//! What a token may hold in itself, so that brackets in there do not count: comments, strings, templates, regular
//! expressions, numbers.

use super::open::Bracket;
use super::{Last, Pass, TooDeep, is_word};

impl Pass<'_> {
    pub(super) fn comment(&mut self) -> bool {
        if self.byte(1) == b'/' {
            self.skip_line();
            return true;
        }
        let end = memchr::memmem::find(&self.bytes[self.at + 2..], b"*/");
        let Some(length) = end else { return false };
        let comment = &self.bytes[self.at..self.at + 2 + length];
        self.new_line |= memchr::memchr2(b'\n', b'\r', comment).is_some();
        self.at += length + 4;
        true
    }

    /// To the end of the line, as JavaScript sees lines.
    fn skip_line(&mut self) {
        let rest = &self.text[self.at..];
        let end = rest.find(['\n', '\r', '\u{2028}', '\u{2029}']);
        self.at += end.unwrap_or(rest.len());
    }

    pub(super) fn string(&mut self, quote: u8) -> bool {
        self.at += 1;
        loop {
            let rest = &self.bytes[self.at..];
            let Some(next) = rest
                .iter()
                .position(|byte| matches!(byte, b'\\' | b'\n' | b'\r') || *byte == quote)
            else {
                return false;
            };
            self.at += next;
            match self.bytes[self.at] {
                b'\\' => self.at = (self.at + 2).min(self.bytes.len()),
                byte if byte == quote => break,
                _ => return false,
            }
        }
        self.at += 1;
        self.operand();
        true
    }

    /// From a backtick.
    pub(super) fn template(&mut self) -> Result<bool, TooDeep> {
        self.open.add(self.at, 0, 1)?;
        self.at += 1;
        if self.open.blind {
            return Ok(true);
        }
        self.template_text()
    }

    /// To the backtick at the end, or into the next hole.
    pub(super) fn template_text(&mut self) -> Result<bool, TooDeep> {
        loop {
            let Some(next) = memchr::memchr3(b'`', b'\\', b'$', &self.bytes[self.at..]) else {
                return Ok(false);
            };
            self.at += next;
            match (self.bytes[self.at], self.byte(1)) {
                (b'`', _) => {
                    self.at += 1;
                    self.operand();
                    return Ok(true);
                }
                (b'$', b'{') => {
                    self.open.push(self.at, Bracket::Hole)?;
                    self.at += 2;
                    self.set_last(Last::Operator);
                    return Ok(true);
                }
                (b'\\', _) => self.at = (self.at + 2).min(self.bytes.len()),
                _ => self.at += 1,
            }
        }
    }

    /// From a `/` that begins no comment: it divides, or begins a regular expression.
    pub(super) fn slash(&mut self) -> Result<bool, TooDeep> {
        match self.last {
            Last::Operator
            | Last::Head
            | Last::Semicolon
            | Last::Comma
            | Last::Colon
            | Last::NoLabel => {
                return self.regular_expression();
            }
            Last::Operand if !self.new_line => return self.operator(b'/').map(|()| true),
            Last::Operand | Last::Block | Last::Either | Last::Dot | Last::HeadWord => {}
        }
        let Some(end) = self.regular_expression_end() else {
            return self.operator(b'/').map(|()| true);
        };
        let inside = &self.bytes[self.at + 1..end];
        if inside.iter().any(|byte| b"\"'`/()[]{}<>;,".contains(byte)) {
            self.open.blind = true;
            return self.operator(b'/').map(|()| true);
        }
        // Both readings go on behind the second `/`.
        let most = inside.len();
        self.regular_expression()?;
        self.last = Last::Either;
        self.open.add(self.at, 0, most)?;
        Ok(true)
    }

    /// Where the regular expression that begins here would end: at its second `/`.
    fn regular_expression_end(&self) -> Option<usize> {
        let mut class = false;
        let mut at = self.at + 1;
        loop {
            match *self.bytes.get(at)? {
                b'\\' => at += 1,
                b'[' => class = true,
                b']' => class = false,
                b'/' if !class => return Some(at),
                b'\n' | b'\r' => return None,
                // U+2028 and U+2029 end a line.
                0xe2 if self.bytes[at..].starts_with(b"\xe2\x80\xa8")
                    || self.bytes[at..].starts_with(b"\xe2\x80\xa9") =>
                {
                    return None;
                }
                _ => {}
            }
            at += 1;
        }
    }

    fn regular_expression(&mut self) -> Result<bool, TooDeep> {
        let Some(end) = self.regular_expression_end() else {
            return Ok(false);
        };
        let start = self.at + 1;
        self.at = end + 1;
        while is_word(self.byte(0)) {
            self.at += 1;
        }
        let bytes = self.bytes;
        let nested_classes = bytes[end + 1..self.at].contains(&b'v');
        self.open
            .check_room(start, groups(&bytes[start..end], nested_classes))?;
        self.operand();
        Ok(true)
    }

    pub(super) fn number(&mut self) -> Result<(), TooDeep> {
        let mut letters = 0;
        while is_word(self.byte(0)) || self.byte(0) == b'.' {
            letters |= usize::from(self.byte(0).is_ascii_alphabetic());
            self.at += 1;
        }
        self.set_last(Last::Operand);
        // What follows a number without a blank may be taken for a keyword.
        self.open.add(self.at, 0, letters)
    }
}

/// How deep the groups and classes of a regular expression are nested. Classes hold classes with the flag `v` only.
fn groups(pattern: &[u8], nested_classes: bool) -> usize {
    let (mut groups, mut classes, mut deepest) = (0_usize, 0_usize, 0);
    let mut bytes = pattern.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()),
            b'[' if classes == 0 || nested_classes => classes += 1,
            b']' => classes = classes.saturating_sub(1),
            b'(' if classes == 0 => groups += 1,
            b')' if classes == 0 => groups = groups.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(groups + classes);
    }
    deepest
}
