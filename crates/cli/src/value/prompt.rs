//! A prompt that does not show what is typed, and keeps no copy of it.
//!
//! The terminal is taken out of its line mode: a line there ends at 4,095 bytes without a word, and an interrupt would
//! leave the terminal without echo.

use std::fs::File;
use std::io::{self, Read as _, Write as _};

use lockstep_secret::Zeroizing;
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};

use lockstep_step::MAX_VALUE_BYTES;

use super::{invalid, too_large, unreadable};
use crate::problem::Problem;

const END_OF_TEXT: u8 = 0x03;
const END_OF_TRANSMISSION: u8 = 0x04;
const BACKSPACE: u8 = 0x08;
const KILL_LINE: u8 = 0x15;
const DELETE: u8 = 0x7f;

/// The terminal while nothing is shown; as it was before when this is dropped.
struct Hidden {
    terminal: File,
    before: Termios,
}

/// What a typed byte does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Typed {
    More,
    Done,
    Interrupted,
    TooMuch,
}

/// Asks for a value on the terminal.
pub(super) fn hidden(prompt: &str) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let failed = |error: io::Error| unreadable("the terminal", &error);
    let mut hidden = Hidden::begin().map_err(failed)?;
    hidden
        .terminal
        .write_all(prompt.as_bytes())
        .map_err(failed)?;
    let mut value = Zeroizing::new(Vec::with_capacity(MAX_VALUE_BYTES));
    let mut byte = Zeroizing::new([0]);
    let end = loop {
        match hidden.terminal.read(&mut *byte).map_err(failed)? {
            0 => break Typed::Done,
            _ => match take(&mut value, byte[0]) {
                Typed::More => {}
                end => break end,
            },
        }
    };
    hidden.terminal.write_all(b"\n").map_err(failed)?;
    match end {
        Typed::Interrupted => Err(invalid("interrupted: nothing is set".to_owned())),
        Typed::TooMuch => Err(too_large("what was typed", MAX_VALUE_BYTES)),
        Typed::More | Typed::Done => Ok(value),
    }
}

fn take(value: &mut Vec<u8>, byte: u8) -> Typed {
    match byte {
        b'\r' | b'\n' | END_OF_TRANSMISSION => return Typed::Done,
        END_OF_TEXT => return Typed::Interrupted,
        BACKSPACE | DELETE => {
            // Back over the bytes of one character.
            while value
                .pop()
                .is_some_and(|byte| byte & 0b1100_0000 == 0b1000_0000)
            {}
        }
        KILL_LINE => value.clear(),
        _ if value.len() == MAX_VALUE_BYTES => return Typed::TooMuch,
        _ => value.push(byte),
    }
    Typed::More
}

impl Hidden {
    fn begin() -> io::Result<Self> {
        let terminal = File::options().read(true).write(true).open("/dev/tty")?;
        let before = tcgetattr(&terminal)?;
        let mut hidden = before.clone();
        hidden.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        hidden.special_codes[SpecialCodeIndex::VMIN] = 1;
        hidden.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(&terminal, OptionalActions::Flush, &hidden)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // What was pasted after the first line is thrown away, or the shell would run it.
        if let Err(error) = tcsetattr(&self.terminal, OptionalActions::Flush, &self.before) {
            tracing::warn!(
                "the terminal may still hide what is typed, which `stty echo` ends: {error}"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(typed: &[u8], expected: &str, end: Typed) {
        let mut value = Vec::new();
        let ended = typed
            .iter()
            .map(|byte| take(&mut value, *byte))
            .find(|typed| *typed != Typed::More);
        assert_eq!(ended, Some(end));
        assert_eq!(String::from_utf8(value).unwrap(), expected);
    }

    #[test]
    fn a_line_ends_the_value() {
        check(b"s3cret\rls\r", "s3cret", Typed::Done);
        check(b"s3cret\x04", "s3cret", Typed::Done);
    }

    #[test]
    fn typing_mistakes_are_taken_back_by_characters_or_as_a_whole() {
        check("añ\x7fb\r".as_bytes(), "ab", Typed::Done);
        check(b"\x7f\x08a\r", "a", Typed::Done);
        check(b"abc\x15d\r", "d", Typed::Done);
    }

    #[test]
    fn an_interrupt_sets_nothing() {
        check(b"abc\x03", "abc", Typed::Interrupted);
    }
}
