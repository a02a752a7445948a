//! From positions in the code that runs to those in the source that the author wrote.

use std::fmt::Write as _;

/// Where the code of the step comes from.
pub(crate) struct Positions {
    /// The name of the step's file.
    file: String,
    /// The code, where its columns are not those that people count: QuickJS counts bytes.
    code: Vec<u8>,
    /// Where its lines begin, looked for when a place is first asked.
    lines: Vec<usize>,
    /// The `mappings` of a source map v3 with one source; empty where the code is the source.
    mappings: String,
    /// The same, taken apart when it is first asked.
    segments: Vec<Segment>,
}

/// From here on, up to the next one, code comes from there. Lines and columns count from 0.
#[derive(Clone, Copy)]
struct Segment {
    line: u32,
    column: u32,
    source_line: u32,
    source_column: u32,
}

impl Positions {
    pub(crate) const NONE: Self = Self {
        file: String::new(),
        code: Vec::new(),
        lines: Vec::new(),
        mappings: String::new(),
        segments: Vec::new(),
    };

    pub(crate) fn new(file: &[u8], code: &[u8], mappings: &[u8]) -> Self {
        let code = if code.is_ascii() { &[] } else { code };
        Self {
            file: String::from_utf8_lossy(file).into_owned(),
            code: code.to_vec(),
            lines: Vec::new(),
            mappings: String::from_utf8_lossy(mappings).into_owned(),
            segments: Vec::new(),
        }
    }

    /// Writes one line of a stack, such as `    at name (file:3:14)`.
    pub(crate) fn rewrite(&mut self, call: &str, to: &mut String) {
        match self.place(call) {
            Some((before, line, column, after)) => {
                let (line, column) = self.source(line, column);
                // Writing to a string does not fail.
                let _ = write!(to, "{before}{line}:{column}{after}");
            }
            None => to.push_str(call),
        }
    }

    /// Takes a line apart that names a place in the step: what is before the place, line, column, and what is after.
    fn place<'a>(&self, call: &'a str) -> Option<(&'a str, i64, i64, &'a str)> {
        let inner = call.strip_suffix(')').unwrap_or(call);
        let after = &call[inner.len()..];
        let (rest, column) = inner.rsplit_once(':')?;
        let (rest, line) = rest.rsplit_once(':')?;
        let file = rest.strip_suffix(self.file.as_str())?;
        let is_whole_name = file.ends_with(['(', ' ']);
        let before = &inner[..rest.len() + 1];
        is_whole_name.then_some((before, line.parse().ok()?, column.parse().ok()?, after))
    }

    /// The author's position. Lines and columns count from 1, columns in units of UTF-16.
    fn source(&mut self, line: i64, column: i64) -> (i64, i64) {
        // What makes a function of a plain script is above its first line.
        let (line, column) = if line < 1 { (1, 1) } else { (line, column) };
        let column = self.in_utf_16(line, column).unwrap_or(column);
        if self.segments.is_empty() {
            self.segments = decode(&self.mappings);
        }
        let wanted = (line - 1, column - 1);
        let after = self
            .segments
            .partition_point(|segment| (segment.line.into(), segment.column.into()) <= wanted);
        match self.segments[..after].last() {
            Some(segment) => (
                i64::from(segment.source_line) + 1,
                i64::from(segment.source_column) + 1,
            ),
            None => (line, column),
        }
    }
}

impl Positions {
    /// A column in bytes as one in units of UTF-16. `None`: the code has no such place, or only ASCII.
    fn in_utf_16(&mut self, line: i64, column: i64) -> Option<i64> {
        if self.lines.is_empty() {
            self.lines = line_starts(&self.code);
        }
        let start = *self.lines.get(usize::try_from(line - 1).ok()?)?;
        let bytes = usize::try_from(column - 1).ok()?;
        let before = self.code.get(start..)?.get(..bytes)?;
        i64::try_from(1 + units_of_utf_16(before)).ok()
    }
}

/// Where lines begin. They end with a line feed, a carriage return, or both.
fn line_starts(code: &[u8]) -> Vec<usize> {
    if code.is_empty() {
        return Vec::new();
    }
    let ends = code.iter().enumerate().filter(|(at, byte)| match byte {
        b'\n' => true,
        b'\r' => code.get(at + 1) != Some(&b'\n'),
        _ => false,
    });
    std::iter::once(0)
        .chain(ends.map(|(at, _)| at + 1))
        .collect()
}

/// Of UTF-8: one for each character, two for what begins with four bits that are set, as it is outside of the first plane.
fn units_of_utf_16(text: &[u8]) -> usize {
    let units = |byte: &u8| match byte {
        0x80..=0xbf => 0,
        0xf0..=0xff => 2,
        _ => 1,
    };
    text.iter().map(units).sum()
}

/// Takes mappings apart: lines by `;`, segments by `,`, and in each the distances to the one before, as VLQ in base 64:
/// of the column, the source (which is the only one), its line and its column.
fn decode(mappings: &str) -> Vec<Segment> {
    let mut segments = Vec::new();
    let (mut source_line, mut source_column) = (0, 0);
    for (line, text) in (0..).zip(mappings.split(';')) {
        let mut column = 0;
        for fields in text.split(',') {
            let mut distances = Distances(fields.bytes());
            let Some(distance) = distances.next() else {
                continue;
            };
            column += distance;
            let (Some(_), Some(lines), Some(columns)) =
                (distances.next(), distances.next(), distances.next())
            else {
                continue;
            };
            source_line += lines;
            source_column += columns;
            if let (Ok(column), Ok(source_line), Ok(source_column)) = (
                u32::try_from(column),
                u32::try_from(source_line),
                u32::try_from(source_column),
            ) {
                segments.push(Segment {
                    line,
                    column,
                    source_line,
                    source_column,
                });
            }
        }
    }
    segments
}

/// The numbers of a segment.
struct Distances<'a>(std::str::Bytes<'a>);

impl Iterator for Distances<'_> {
    type Item = i64;

    fn next(&mut self) -> Option<i64> {
        const CONTINUES: i64 = 0b10_0000;
        let mut number = 0;
        for shift in (0..30).step_by(5) {
            let digit = digit(self.0.next()?)?;
            number |= (digit & !CONTINUES) << shift;
            if digit & CONTINUES == 0 {
                let size = number >> 1;
                return Some(if number & 1 == 0 { size } else { -size });
            }
        }
        None
    }
}

fn digit(character: u8) -> Option<i64> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let at = DIGITS.iter().position(|digit| *digit == character)?;
    i64::try_from(at).ok()
}
