//! Private keys in PEM: the lines between `BEGIN … PRIVATE KEY` and `END`.
//!
//! Only runs of base64 are redacted, and only while there are some: a log that merely names a header goes on as it is.

use crate::lane::Holds;
use crate::union::Union;

/// A shorter run of base64 characters is a word.
const SHORTEST_RUN_BYTES: u64 = 16;
/// Keys are shorter. What comes later is the rest of the log.
const LONGEST_BODY_BYTES: u64 = 16 * 1024;
/// `-----BEGIN RSA PRIVATE KEY-----` and its like are shorter.
const LONGEST_LABEL_BYTES: usize = 64;

const DASHES: &[u8] = b"-----";
pub(super) const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END";
/// Lines that may stand before the base64: those of encrypted keys, and of PGP.
const HEADERS: [&[u8]; 5] = [
    b"Proc-Type:",
    b"DEK-Info:",
    b"Version:",
    b"Comment:",
    b"Hash:",
];

/// The search for private keys in one stream.
pub(super) enum PrivateKey {
    /// So many bytes of `-----BEGIN ` have come.
    Outside(usize),
    /// What has come after it.
    Label(Vec<u8>),
    /// After the label of a private key.
    Body(Body),
}

pub(super) struct Body {
    /// Where it is too long.
    limit: u64,
    /// How many bytes of `-----END` have come.
    end: usize,
    run: Option<Run>,
    line: Line,
    /// A run was redacted.
    has_started: bool,
    after_backslash: bool,
}

/// Base64 characters in a row.
struct Run {
    start: u64,
    length: u64,
}

/// What is known of a line so far.
struct Line {
    length: usize,
    has_run: bool,
    is_blank: bool,
    /// It is the rest of the line with the label.
    is_first: bool,
    /// For each of the headers, whether the line may start with it.
    headers: [bool; HEADERS.len()],
}

// === impl PrivateKey ===

impl PrivateKey {
    pub(super) fn push(&mut self, byte: u8, position: u64, union: &mut Union) {
        match self {
            Self::Outside(matched) => {
                *matched = advance(BEGIN, *matched, byte);
                if *matched == BEGIN.len() {
                    *self = Self::Label(Vec::new());
                }
            }
            Self::Label(label) => {
                label.push(byte);
                if let Some(next) = after_label(label, position) {
                    *self = next;
                }
            }
            Self::Body(body) => {
                if !body.push(byte, position, union) {
                    *self = Self::Outside(0);
                }
            }
        }
    }

    pub(super) fn is_quiet(&self) -> bool {
        matches!(self, Self::Outside(0))
    }

    pub(super) fn hold(&self, holds: &mut Holds) {
        if let Self::Body(Body { run: Some(run), .. }) = self
            && run.length < SHORTEST_RUN_BYTES
        {
            holds.strong = holds.strong.min(run.start);
        }
    }
}

impl Default for PrivateKey {
    fn default() -> Self {
        Self::Outside(0)
    }
}

/// What follows the label, once that is decided.
fn after_label(label: &[u8], position: u64) -> Option<PrivateKey> {
    let Some(name) = label.strip_suffix(DASHES) else {
        let is_label = label
            .iter()
            .all(|byte| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b' ' | b'-'));
        return (!is_label || label.len() > LONGEST_LABEL_BYTES).then_some(PrivateKey::Outside(0));
    };
    let is_private = name.ends_with(b"PRIVATE KEY") || name.ends_with(b"PRIVATE KEY BLOCK");
    Some(if is_private {
        PrivateKey::Body(Body::new(position))
    } else {
        PrivateKey::Outside(0)
    })
}

/// How many bytes of `pattern` the text ends with after `byte`, if it ended with `matched` of them before. The pattern
/// starts with five dashes and has no others.
fn advance(pattern: &[u8], matched: usize, byte: u8) -> usize {
    match byte {
        _ if pattern.get(matched) == Some(&byte) => matched + 1,
        b'-' if matched == DASHES.len() => matched,
        b'-' => 1,
        _ => 0,
    }
}

// === impl Body ===

impl Body {
    fn new(position: u64) -> Self {
        Self {
            limit: position + LONGEST_BODY_BYTES,
            end: 0,
            run: None,
            line: Line {
                is_first: true,
                ..Line::new()
            },
            has_started: false,
            after_backslash: false,
        }
    }

    /// Takes the next byte. Returns whether the body goes on.
    fn push(&mut self, byte: u8, position: u64, union: &mut Union) -> bool {
        // In a string of JSON the lines end in `\n`: the letter is no part of the key.
        let is_escaped = self.after_backslash;
        self.after_backslash = byte == b'\\' && !is_escaped;
        if is_base64(byte) && !is_escaped {
            self.extend_run(position, union);
        } else {
            self.run = None;
        }
        self.end = advance(END, self.end, byte);
        if self.end == END.len() || position >= self.limit {
            return false;
        }
        if byte != b'\n' {
            self.line.push(byte);
            return true;
        }
        let line = std::mem::replace(&mut self.line, Line::new());
        line.is_first || line.has_run || (!self.has_started && (line.is_blank || line.is_header()))
    }

    fn extend_run(&mut self, position: u64, union: &mut Union) {
        let run = self.run.get_or_insert(Run {
            start: position,
            length: 0,
        });
        run.length += 1;
        if run.length >= SHORTEST_RUN_BYTES {
            union.add(run.start.max(position - SHORTEST_RUN_BYTES), position + 1);
            self.line.has_run = true;
            self.has_started = true;
        }
    }
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

// === impl Line ===

impl Line {
    fn new() -> Self {
        Self {
            length: 0,
            has_run: false,
            is_blank: true,
            is_first: false,
            headers: [true; HEADERS.len()],
        }
    }

    fn push(&mut self, byte: u8) {
        self.is_blank &= byte.is_ascii_whitespace();
        for (is_possible, header) in self.headers.iter_mut().zip(HEADERS) {
            *is_possible &= header
                .get(self.length)
                .is_none_or(|&expected| expected == byte);
        }
        self.length += 1;
    }

    fn is_header(&self) -> bool {
        self.headers
            .iter()
            .zip(HEADERS)
            .any(|(&is_possible, header)| is_possible && self.length >= header.len())
    }
}
