//! The body of an answer, in pieces as they come.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use tokio::time::timeout;

use crate::answer::Answer;
use crate::error::ClientError;

/// The body of an answer, piece by piece.
pub(crate) struct Pieces {
    server: String,
    body: Incoming,
    patience: Duration,
}

impl Pieces {
    pub(crate) fn new(answer: Answer) -> Self {
        let (server, body, patience) = answer.into_parts();
        Self {
            server,
            body,
            patience,
        }
    }

    /// As long as this is waited for each piece.
    pub(crate) fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// How many bytes are still to come, if the answer says it.
    pub(crate) fn left(&self) -> Option<u64> {
        self.body.size_hint().exact()
    }

    /// The next piece; `None`: there are no more. An answer that has said how long it is ends there or is broken off.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
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

    pub(crate) fn strange(&self, what: &str) -> ClientError {
        ClientError::Strange {
            server: self.server.clone(),
            what: what.to_owned(),
        }
    }
}
