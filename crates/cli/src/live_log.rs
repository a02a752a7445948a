//! Both streams of a run as one text, merged by line (MASKING.md, P1): each line of it comes from one stream, so that
//! the halves of a value that was split over the two are never put together again.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use lockstep_sandbox::LogSink;
use lockstep_step::{LogChunk, LogStream};

use crate::console::Console;

/// How long a line that is not ended keeps the other stream waiting.
pub(crate) const PATIENCE: Duration = Duration::from_millis(200);
/// What waits for the end of the other stream's line, in bytes; more does not wait.
const MAX_WAITING_BYTES: usize = 64 << 10;

/// Puts pieces of two streams together. A line that is begun is shown as it comes; the other stream waits for its end.
#[derive(Default)]
pub(crate) struct LineMerge {
    /// Whose line is begun and not ended.
    open: Option<LogStream>,
    /// What the other stream wrote meanwhile.
    waiting: Vec<u8>,
}

/// Shows the log of a run on stderr as it comes.
pub(crate) struct LiveLog {
    console: Console,
    state: Mutex<State>,
}

struct State {
    merge: LineMerge,
    last_write: Instant,
}

// === impl LineMerge ===

impl LineMerge {
    /// Takes a piece of `stream`, and gives what can be shown now.
    pub(crate) fn write(&mut self, stream: LogStream, bytes: &[u8]) -> Vec<u8> {
        if self.open.is_some_and(|open| open != stream) {
            self.waiting.extend_from_slice(bytes);
            if self.waiting.len() > MAX_WAITING_BYTES {
                return self.end_line();
            }
            return Vec::new();
        }
        let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n') else {
            if !bytes.is_empty() {
                self.open = Some(stream);
            }
            return bytes.to_vec();
        };
        let (lines, rest) = bytes.split_at(end + 1);
        let mut shown = lines.to_vec();
        self.open = None;
        shown.extend(self.take_waiting(other(stream)));
        shown.extend(self.write(stream, rest));
        shown
    }

    /// Whether something waits for the end of a line.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Ends the line that is begun, and gives what waited for that.
    pub(crate) fn end_line(&mut self) -> Vec<u8> {
        let Some(open) = self.open.take() else {
            return Vec::new();
        };
        let mut shown = vec![b'\n'];
        shown.extend(self.take_waiting(other(open)));
        shown
    }

    /// Gives the rest, with an end for each line that has none.
    pub(crate) fn finish(&mut self) -> Vec<u8> {
        let mut shown = Vec::new();
        while self.open.is_some() {
            shown.extend(self.end_line());
        }
        shown
    }

    fn take_waiting(&mut self, stream: LogStream) -> Vec<u8> {
        let waiting = std::mem::take(&mut self.waiting);
        self.write(stream, &waiting)
    }
}

fn other(stream: LogStream) -> LogStream {
    match stream {
        LogStream::Stdout => LogStream::Stderr,
        LogStream::Stderr => LogStream::Stdout,
    }
}

// === impl LiveLog ===

impl LiveLog {
    pub(crate) fn new(console: Console) -> Self {
        let state = State {
            merge: LineMerge::default(),
            last_write: Instant::now(),
        };
        Self {
            console,
            state: Mutex::new(state),
        }
    }

    /// Shows what has waited for longer than [`PATIENCE`].
    pub(crate) fn release(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.merge.is_waiting() && state.last_write.elapsed() >= PATIENCE {
            let shown = state.merge.end_line();
            self.console.say(&shown);
        }
    }

    /// Shows the rest, and ends the last line: what comes next begins a line of its own.
    pub(crate) fn finish(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = state.merge.finish();
        self.console.say(&shown);
    }
}

impl LogSink for LiveLog {
    fn write(&self, chunk: LogChunk) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.last_write = Instant::now();
        let shown = state.merge.write(chunk.stream, chunk.text.as_bytes());
        if !shown.is_empty() {
            self.console.say(&shown);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use LogStream::{Stderr, Stdout};

    #[track_caller]
    fn check(pieces: &[(LogStream, &str)], expected: &[&str]) {
        let mut merge = LineMerge::default();
        let shown: Vec<String> = pieces
            .iter()
            .map(|(stream, text)| String::from_utf8(merge.write(*stream, text.as_bytes())).unwrap())
            .collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_line_is_shown_as_it_comes() {
        check(
            &[(Stdout, "50"), (Stdout, "%"), (Stdout, "\n")],
            &["50", "%", "\n"],
        );
    }

    #[test]
    fn the_other_stream_waits_for_the_end_of_a_line() {
        check(
            &[(Stdout, "one"), (Stderr, "two\n"), (Stdout, " more\nthree")],
            &["one", "", " more\ntwo\nthree"],
        );
    }

    #[test]
    fn halves_of_a_word_in_two_streams_are_not_put_together() {
        check(
            &[(Stdout, "sec"), (Stderr, "ret"), (Stdout, "\n")],
            &["sec", "", "\nret"],
        );
    }

    #[test]
    fn a_begun_line_of_the_one_waits_behind_a_begun_line_of_the_other() {
        check(
            &[
                (Stdout, "a"),
                (Stderr, "b"),
                (Stdout, "\nc"),
                (Stderr, "\n"),
            ],
            &["a", "", "\nb", "\nc"],
        );
    }

    #[test]
    fn a_line_that_does_not_end_keeps_nobody_waiting_for_ever() {
        let mut merge = LineMerge::default();
        assert_eq!(merge.write(Stdout, b"..."), b"...");
        assert_eq!(merge.write(Stderr, b"error\n"), b"");
        assert!(merge.is_waiting());
        assert_eq!(merge.end_line(), b"\nerror\n");
        assert!(!merge.is_waiting());
        merge.write(Stdout, b"...");
        let flood = vec![b'x'; MAX_WAITING_BYTES + 1];
        assert_eq!(merge.write(Stderr, &flood).len(), flood.len() + 1);
    }
}
