//! The log of a run: of one that is over, or as it goes on.

use jiff::Timestamp;
use serde::Deserialize;

use lockstep_secret::Masked;
use lockstep_step::LogStream;

use crate::answer::Answer;
use crate::error::ClientError;
use crate::lines::Lines;
use crate::masked;

/// A piece of a log.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct LogPiece {
    /// Its place in the log, counted from 0.
    pub sequence: u64,
    /// When the host took it from the guest.
    pub at: Timestamp,
    /// Where the guest wrote it.
    pub stream: LogStream,
    /// What was written, masked.
    #[serde(deserialize_with = "masked::text")]
    pub text: Masked<String>,
}

/// The pieces of a log, one after the other.
pub struct LogLines(Lines);

/// A run that is followed: its log as it comes, and its end.
pub struct Followed {
    lines: Lines,
    event: Event,
}

/// News of a run that is followed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum News {
    /// A piece of its log.
    Log(LogPiece),
    /// It is over, and all of its log was told.
    End,
}

/// What has come of an event (HTML, section 9.2): its fields are on lines of their own.
#[derive(Default)]
struct Event {
    kind: String,
    data: Vec<u8>,
}

// === impl LogLines ===

impl LogLines {
    pub(crate) fn new(answer: Answer) -> Self {
        Self(Lines::new(answer))
    }

    /// The next piece; `None`: there are no more.
    ///
    /// # Errors
    /// [`ClientError::Late`], [`ClientError::Broken`], [`ClientError::Strange`].
    pub async fn next(&mut self) -> Result<Option<LogPiece>, ClientError> {
        let Some(line) = self.0.next().await? else {
            return Ok(None);
        };
        let piece = serde_json::from_slice(&line);
        piece.map_err(|_| self.0.strange("a log of another form"))
    }
}

// === impl Followed ===

impl Followed {
    pub(crate) fn new(answer: Answer) -> Self {
        let (lines, event) = (Lines::new(answer), Event::default());
        Self { lines, event }
    }

    /// The next news; `None`: the connection has ended, and the run perhaps not.
    ///
    /// Who drops this future loses nothing: what has come is kept for the next call.
    ///
    /// # Errors
    /// [`ClientError::Late`], [`ClientError::Broken`], [`ClientError::Strange`].
    pub async fn next(&mut self) -> Result<Option<News>, ClientError> {
        while let Some(line) = self.lines.next().await? {
            if !line.is_empty() {
                self.event.take_line(&line);
                continue;
            }
            let event = std::mem::take(&mut self.event);
            match event.news() {
                Ok(Some(news)) => return Ok(Some(news)),
                Ok(None) => {}
                Err(_) => return Err(self.lines.strange("an event of another form")),
            }
        }
        Ok(None)
    }
}

// === impl Event ===

impl Event {
    /// A line that begins with a colon is a comment, which keeps the connection alive.
    fn take_line(&mut self, line: &[u8]) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let colon = line.iter().position(|byte| *byte == b':');
        let (field, value) = match colon {
            Some(at) => (&line[..at], &line[at + 1..]),
            None => (line, &b""[..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"event" => self.kind = String::from_utf8_lossy(value).into_owned(),
            b"data" => self.data.extend_from_slice(value),
            _ => {}
        }
    }

    /// What it tells; `None` for an event of a later release.
    fn news(self) -> Result<Option<News>, serde_json::Error> {
        match self.kind.as_str() {
            "log" => serde_json::from_slice(&self.data).map(|piece| Some(News::Log(piece))),
            "end" => Ok(Some(News::End)),
            _ => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn news(lines: &[&str]) -> Option<News> {
        let mut event = Event::default();
        for line in lines {
            event.take_line(line.as_bytes());
        }
        event.news().unwrap()
    }

    #[test]
    fn an_event_is_a_piece_of_a_log_or_the_end() {
        let data =
            r#"data: {"sequence":7,"at":"2026-11-26T12:00:00Z","stream":"stderr","text":"a: b"}"#;
        let Some(News::Log(piece)) = news(&["event: log", data, "id: 7"]) else {
            panic!("no piece");
        };
        assert_eq!((piece.sequence, piece.text.as_str()), (7, "a: b"));
        assert_eq!(news(&["event:end", "data:{}"]), Some(News::End));
        assert_eq!(news(&["event: end\r", "data: {}\r"]), Some(News::End));
        assert_eq!(news(&[": comment"]), None);
        assert_eq!(news(&["event: other", "data: x"]), None);
    }
}
