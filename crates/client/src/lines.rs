//! The lines of an answer, as they come.

use bytes::{Bytes, BytesMut};

use crate::answer::Answer;
use crate::error::ClientError;
use crate::pieces::Pieces;

/// A line that is longer is no piece of a log: the server keeps no more than 16 MiB of one.
const MAX_LINE_BYTES: usize = 128 << 20;

/// The lines of an answer, one after the other.
pub(crate) struct Lines {
    pieces: Pieces,
    buffer: BytesMut,
    /// So much of it has no end of a line.
    searched: usize,
}

impl Lines {
    pub(crate) fn new(answer: Answer) -> Self {
        Self {
            pieces: Pieces::new(answer),
            buffer: BytesMut::new(),
            searched: 0,
        }
    }

    /// The next line, without its end; `None`: there are no more. What has no end is not one.
    ///
    /// Who drops this future loses nothing: what has come is kept for the next call.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        loop {
            let mut unseen = self.buffer[self.searched..].iter();
            if let Some(end) = unseen.position(|byte| *byte == b'\n') {
                let mut line = self.buffer.split_to(self.searched + end + 1);
                self.searched = 0;
                line.truncate(line.len() - 1);
                return Ok(Some(line.freeze()));
            }
            self.searched = self.buffer.len();
            if self.buffer.len() > MAX_LINE_BYTES {
                return Err(self.strange("a line without an end"));
            }
            let Some(data) = self.pieces.next().await? else {
                return Ok(None);
            };
            self.buffer.extend_from_slice(&data);
        }
    }

    pub(crate) fn strange(&self, what: &str) -> ClientError {
        self.pieces.strange(what)
    }
}
