//! What a step wrote to stdout and stderr.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use lockstep_secret::Masked;

/// Which of its two streams a guest wrote to.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A piece of the log, as it came: not necessarily a line, nor UTF-8.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogChunk {
    /// When the host took it from the guest.
    pub at: Timestamp,
    /// Where the guest wrote it.
    pub stream: LogStream,
    /// The bytes, masked.
    pub text: Masked<Vec<u8>>,
}

impl LogChunk {
    /// Whether `next` can be put at the end of this chunk: same stream, same millisecond, and not too long together.
    #[must_use]
    pub fn joins(&self, next: &Self, limit_bytes: usize) -> bool {
        let together = self.text.as_bytes().len() + next.text.as_bytes().len();
        self.stream == next.stream
            && self.at.as_millisecond() == next.at.as_millisecond()
            && together <= limit_bytes
    }

    /// Puts `next` at the end of this chunk.
    pub fn append(&mut self, next: Self) {
        self.text.append(next.text);
    }
}

impl LogStream {
    /// The word of the API and the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}
