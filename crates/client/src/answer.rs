//! An answer: a success whose body is still to be read.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::address::ServerAddress;
use crate::client::Response;
use crate::error::{ClientError, ProblemDetails};

/// More than the longest output of a run, each character of it escaped.
const MAX_ANSWER_BYTES: usize = 128 << 20;
/// A problem is a few sentences.
const MAX_PROBLEM_BYTES: usize = 64 << 10;

/// A success whose body is still to be read.
pub(crate) struct Answer {
    server: String,
    status: StatusCode,
    body: Incoming,
    patience: Duration,
}

impl Answer {
    /// An answer that says yes. What says no is read here, and is the error.
    pub(crate) async fn checked(
        server: &ServerAddress,
        response: Response,
        patience: Duration,
    ) -> Result<Self, ClientError> {
        let (head, body) = response.into_parts();
        let answer = Self {
            server: server.to_string(),
            status: head.status,
            body,
            patience,
        };
        if head.status.is_success() {
            return Ok(answer);
        }
        let kind = head.headers.get(CONTENT_TYPE);
        let is_problem = kind.is_some_and(|kind| kind == "application/problem+json");
        Err(answer.problem(is_problem).await)
    }

    /// The status.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// The body, as JSON of this form.
    pub(crate) async fn json<T: DeserializeOwned>(self) -> Result<T, ClientError> {
        let server = self.server.clone();
        let body = self.bytes(MAX_ANSWER_BYTES).await?;
        serde_json::from_slice(&body).map_err(|error| {
            // The place and not the text, which may be anything.
            let (line, column) = (error.line(), error.column());
            let what = format!("its document is of another form, at line {line}, column {column}");
            ClientError::Strange { server, what }
        })
    }

    /// The body as it comes.
    pub(crate) fn into_parts(self) -> (String, Incoming, Duration) {
        (self.server, self.body, self.patience)
    }

    async fn problem(self, is_problem: bool) -> ClientError {
        let (server, status) = (self.server.clone(), self.status);
        let strange = |what: String| ClientError::Strange { server, what };
        if status.is_redirection() {
            return strange(format!(
                "{status}, which leads elsewhere; a token is sent nowhere but to the address that was given"
            ));
        }
        if !is_problem {
            return strange(status.to_string());
        }
        let body = match self.bytes(MAX_PROBLEM_BYTES).await {
            Ok(body) => body,
            Err(error) => return error,
        };
        match serde_json::from_slice::<ProblemDetails>(&body) {
            Ok(problem) => ClientError::Refused(Box::new(problem)),
            Err(_) => strange(format!("{status}, with a problem of another form")),
        }
    }

    async fn bytes(self, limit: usize) -> Result<Bytes, ClientError> {
        let collected = timeout(self.patience, Limited::new(self.body, limit).collect()).await;
        let Ok(collected) = collected else {
            return Err(ClientError::Late {
                server: self.server,
                patience: self.patience,
            });
        };
        match collected {
            Ok(body) => Ok(body.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => Err(ClientError::Strange {
                server: self.server,
                what: format!("more than {limit} bytes"),
            }),
            Err(source) => Err(ClientError::Broken {
                server: self.server,
                source,
            }),
        }
    }
}
