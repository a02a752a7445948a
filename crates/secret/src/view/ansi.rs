//! Terminal sequences: CSI (`ESC [ 1 ; 31 m`, colours and the cursor) and OSC (`ESC ] 8 ; ; url BEL`, titles and links).

use super::Item;

pub(crate) const ESC: u8 = 0x1b;
const BEL: u8 = 0x07;

/// A sequence that is longer stands for itself: nobody hides the rest of a log behind one.
pub(crate) const LONGEST_BYTES: usize = 4096;

/// Drops terminal sequences, one item at a time.
#[derive(Clone, Default)]
pub(crate) struct StripSequences {
    state: State,
    pending: Vec<Item>,
}

/// How far a sequence has come.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum State {
    /// Not in a sequence.
    #[default]
    Ground,
    /// After ESC.
    Started,
    /// In the parameters of a CSI sequence.
    Parameters,
    /// In its intermediate bytes.
    Intermediates,
    /// In the text of an OSC sequence.
    Command,
    /// After an ESC in that text: a backslash ends it.
    CommandEscape,
}

/// What a byte does to a sequence.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Step {
    /// It goes on.
    Continues(State),
    /// The byte ends it.
    Ends,
    /// It is none: its bytes stand for themselves, and this byte is looked at again.
    Breaks,
}

/// What stands at the start of a text whose first byte is ESC.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Start {
    /// A sequence of so many bytes.
    Sequence(usize),
    /// No sequence: the ESC stands for itself.
    Plain,
    /// The text ends within what may be one.
    Unfinished,
}

// === impl Start ===

impl Start {
    pub(crate) fn of(text: &[u8]) -> Self {
        let mut state = State::Ground;
        for (at, &byte) in text.iter().take(LONGEST_BYTES + 1).enumerate() {
            match state.step(byte) {
                Step::Continues(next) => state = next,
                Step::Ends => return Self::Sequence(at + 1),
                Step::Breaks => return Self::Plain,
            }
        }
        if text.len() > LONGEST_BYTES {
            Self::Plain
        } else {
            Self::Unfinished
        }
    }

    /// Whether `text`, which stands behind an ESC, may make it the start of a sequence once backslashes are undone: nothing
    /// before the first of them rules that out.
    pub(crate) fn is_possible(text: &[u8]) -> bool {
        let mut state = State::Started;
        for &byte in text.iter().take(LONGEST_BYTES) {
            match state.step(byte) {
                _ if byte == b'\\' => return true,
                Step::Continues(next) => state = next,
                Step::Ends => return true,
                Step::Breaks => return false,
            }
        }
        true
    }
}

// === impl State ===

impl State {
    /// What `byte` does. In the ground state only ESC starts something.
    pub(crate) fn step(self, byte: u8) -> Step {
        match (self, byte) {
            (Self::Ground, ESC) => Step::Continues(Self::Started),
            (Self::Started, b'[') => Step::Continues(Self::Parameters),
            (Self::Started, b']') => Step::Continues(Self::Command),
            (Self::Parameters, 0x30..=0x3f) => Step::Continues(Self::Parameters),
            (Self::Parameters | Self::Intermediates, 0x20..=0x2f) => {
                Step::Continues(Self::Intermediates)
            }
            (Self::Parameters | Self::Intermediates, 0x40..=0x7e) => Step::Ends,
            (Self::Command, BEL) | (Self::CommandEscape, b'\\') => Step::Ends,
            (Self::Command, ESC) => Step::Continues(Self::CommandEscape),
            // No control character can stand in a title or a link; above all no line break.
            (Self::Command, 0x20..) => Step::Continues(Self::Command),
            _ => Step::Breaks,
        }
    }
}

// === impl StripSequences ===

impl StripSequences {
    pub(crate) fn push(&mut self, item: Item, out: &mut Vec<Item>) {
        if self.state == State::Ground && item.byte != ESC {
            out.push(item);
            return;
        }
        match self.state.step(item.byte) {
            Step::Continues(state) if self.pending.len() < LONGEST_BYTES => {
                self.state = state;
                self.pending.push(item);
            }
            Step::Ends => {
                self.state = State::Ground;
                self.pending.clear();
            }
            Step::Continues(_) | Step::Breaks => self.break_off(item, out),
        }
    }

    pub(crate) fn finish(&mut self, out: &mut Vec<Item>) {
        self.give_up(out);
    }

    pub(crate) fn pending(&self) -> Option<&Item> {
        self.pending.first()
    }

    /// The pending items are no sequence. An ESC that came last, in the text of a command, may start one of its own.
    fn break_off(&mut self, item: Item, out: &mut Vec<Item>) {
        let escape = if self.state == State::CommandEscape {
            self.pending.pop()
        } else {
            None
        };
        self.give_up(out);
        for item in escape.into_iter().chain([item]) {
            self.push(item, out);
        }
    }

    fn give_up(&mut self, out: &mut Vec<Item>) {
        self.state = State::Ground;
        out.append(&mut self.pending);
    }
}
