//! The lines of an answer, as they come.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::timeout;

use crate::answer::Answer;
use crate::error::ClientError;

/// A line that is longer is no piece of a log: the server keeps no more than 16 MiB of one.
const MAX_LINE_BYTES: usize = 128 << 20;

/// The lines of an answer, one after the other.
pub(crate) struct Lines {
    server: String,
    body: Incoming,
    patience: Duration,
    buffer: BytesMut,
    /// So much of it has no end of a line.
    searched: usize,
}

impl Lines {
    pub(crate) fn new(answer: Answer) -> Self {
        let (server, body, patience) = answer.into_parts();
        Self {
            server,
            body,
            patience,
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
            let Some(data) = self.more().await? else {
                return Ok(None);
            };
            self.buffer.extend_from_slice(&data);
        }
    }

    pub(crate) fn strange(&self, what: &str) -> ClientError {
        ClientError::Strange {
            server: self.server.clone(),
            what: what.to_owned(),
        }
    }

    async fn more(&mut self) -> Result<Option<Bytes>, ClientError> {
        let frame = timeout(self.patience, self.body.frame()).await;
        let Ok(frame) = frame else {
            return Err(ClientError::Late {
                server: self.server.clone(),
                patience: self.patience,
            });
        };
        let frame = frame.transpose().map_err(|error| ClientError::Broken {
            server: self.server.clone(),
            source: Box::new(error),
        })?;
        Ok(frame.map(|frame| frame.into_data().unwrap_or_default()))
    }
}
