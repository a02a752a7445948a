//! Bodies of requests. What is over its limit is refused before it is read, where the request says how long it is, and
//! otherwise as soon as it is seen.

use std::fs::File;
use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{FromRequest, FromRequestParts as _, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, Method, Uri};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::AsyncWriteExt as _;
use tokio::time::{Instant, timeout_at};

use lockstep_runner::CopyError;
use lockstep_secret::{Secret, Zeroizing};
use lockstep_step::Idempotency;

use crate::host::Host;
use crate::idempotency;
use crate::media;
use crate::parse::parse;
use crate::patience::Patience;
use crate::place::Place;
use crate::prefer;
use crate::problem::Problem;
use crate::query::query;

/// A body comes at this rate at least, but for its first moments: slower than a bad line, and fast enough that nobody
/// keeps a connection for long by sending a byte now and then.
const SLOWEST_BYTES_PER_SECOND: u64 = 16 << 10;

/// A request whose body is still to be read, by the handler that knows its limit.
pub(crate) struct Unread {
    pub(crate) place: Place,
    method: Method,
    pub(crate) headers: HeaderMap,
    uri: Uri,
    body: Body,
    patience: Patience,
}

/// How much of a body is read, and what is said of more.
#[derive(Clone, Copy)]
pub(crate) struct Limit {
    pub(crate) bytes: usize,
    /// The code of the problem.
    pub(crate) code: &'static str,
    /// What the body is.
    pub(crate) what: &'static str,
}

impl FromRequest<Host> for Unread {
    type Rejection = Problem;

    async fn from_request(request: Request, host: &Host) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let place = Place::from_request_parts(&mut parts, host).await?;
        Ok(Self {
            place,
            method: parts.method,
            headers: parts.headers,
            uri: parts.uri,
            body,
            patience: host.patience,
        })
    }
}

/// A JSON document as an answer.
pub(crate) fn json(document: &impl Serialize) -> Response {
    let body = serde_json::to_vec(document).unwrap_or_default();
    let kind = HeaderValue::from_static("application/json");
    ([(CONTENT_TYPE, kind)], body).into_response()
}

impl Unread {
    /// The query.
    pub(crate) fn query<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        query(&self.uri)
    }

    /// Whether the client wants an answer before the end of what it asks for.
    pub(crate) fn prefers_async(&self) -> bool {
        prefer::is_async(&self.headers)
    }

    /// Whether an answer of this media type is asked for by name.
    pub(crate) fn accepts(&self, media_type: &str) -> bool {
        media::accepts(&self.headers, media_type)
    }

    /// The media type of the body, in lower case and without parameters.
    pub(crate) fn media_type(&self) -> Option<String> {
        media::of_body(&self.headers)
    }

    /// The headers.
    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// How long the body is, if the request says it.
    pub(crate) fn told(&self) -> Option<u64> {
        self.body.size_hint().exact()
    }

    /// How long the body is, by what the request says: as long as it may be, if it says nothing or more.
    pub(crate) fn room(&self, limit: Limit) -> usize {
        let told = self.told().and_then(|told| usize::try_from(told).ok());
        told.map_or(limit.bytes, |told| told.min(limit.bytes))
    }

    /// The body, as a secret: it is in no other memory of ours.
    pub(crate) async fn secret(self, limit: Limit) -> Result<Secret, Problem> {
        let bytes = std::mem::take(&mut *self.wiped(limit).await?);
        Secret::from_utf8(bytes).map_err(|error| Problem::bad_request("value_not_utf8", error))
    }

    /// The whole body, with values in it: it is wiped when it is dropped, and in no other memory of ours.
    pub(crate) async fn wiped(mut self, limit: Limit) -> Result<Zeroizing<Vec<u8>>, Problem> {
        let told = self.within(limit)?;
        // Who tells no length gets room for all that is allowed, so that what is read never moves.
        let room = told.and_then(|told| usize::try_from(told).ok());
        let mut bytes = Zeroizing::new(Vec::with_capacity(room.unwrap_or(limit.bytes)));
        self.read(limit, &mut bytes).await?;
        Ok(bytes)
    }

    /// The body, as JSON of this form. What is wrong is told by its place: the text itself may be anything.
    pub(crate) async fn json<T: DeserializeOwned>(self, limit: Limit) -> Result<T, Problem> {
        parse(&self.bytes(limit).await?)
    }

    /// [`Self::json`], or nothing where there is no body.
    pub(crate) async fn optional_json<T: DeserializeOwned>(
        self,
        limit: Limit,
    ) -> Result<Option<T>, Problem> {
        let bytes = self.bytes(limit).await?;
        if bytes.is_empty() {
            return Ok(None);
        }
        parse(&bytes).map(Some)
    }

    /// [`Self::json`], and what stands for the request if it has a key for that.
    pub(crate) async fn json_once<T: DeserializeOwned>(
        self,
        limit: Limit,
    ) -> Result<(T, Option<Idempotency>), Problem> {
        let Some(key) = idempotency::key(&self.headers)? else {
            return Ok((self.json(limit).await?, None));
        };
        let (method, uri) = (self.method.clone(), self.uri.clone());
        let bytes = self.bytes(limit).await?;
        let asked = idempotency::request(key, method.as_str(), uri.path(), &bytes);
        Ok((parse(&bytes)?, Some(asked)))
    }

    /// The whole body.
    pub(crate) async fn bytes(mut self, limit: Limit) -> Result<Vec<u8>, Problem> {
        let room = self
            .within(limit)?
            .and_then(|told| usize::try_from(told).ok());
        let mut bytes = Vec::with_capacity(room.unwrap_or(0));
        self.read(limit, &mut bytes).await?;
        Ok(bytes)
    }

    /// The whole body, into a file: for what is too long for memory. How long it may be is known before.
    pub(crate) async fn into_file(mut self, file: File) -> Result<(), Problem> {
        let mut file = tokio::fs::File::from_std(file);
        let (began, mut received) = (Instant::now(), 0);
        while let Some(data) = self.next(began, received).await? {
            received += data.len();
            let written = file.write_all(&data).await;
            written.map_err(|error| Problem::from(CopyError::from(error)).closing())?;
        }
        let written = file.flush().await;
        written.map_err(|error| Problem::from(CopyError::from(error)))
    }

    /// How long the body says that it is, if it does. One that says that it is too long is refused.
    fn within(&self, limit: Limit) -> Result<Option<u64>, Problem> {
        let told = self.body.size_hint();
        if told.lower() > limit.bytes as u64 {
            let (code, what) = (limit.code, limit.what);
            return Err(Problem::too_large(
                code,
                what,
                Some(told.lower()),
                limit.bytes,
            ));
        }
        Ok(told.exact())
    }

    async fn read(&mut self, limit: Limit, bytes: &mut Vec<u8>) -> Result<(), Problem> {
        let began = Instant::now();
        while let Some(data) = self.next(began, bytes.len()).await? {
            if bytes.len() + data.len() > limit.bytes {
                return Err(Problem::too_large(
                    limit.code,
                    limit.what,
                    None,
                    limit.bytes,
                ));
            }
            bytes.extend_from_slice(&data);
        }
        Ok(())
    }

    /// More of a body of which so much has come since it `began`; `None`: that was all.
    async fn next(&mut self, began: Instant, received: usize) -> Result<Option<Bytes>, Problem> {
        let next = poll_fn(|context| Pin::new(&mut self.body).poll_frame(context));
        match timeout_at(self.patience.until(began, received), next).await {
            Err(_) => Err(Problem::slow_body()),
            Ok(None) => Ok(None),
            Ok(Some(Ok(frame))) => Ok(Some(frame.into_data().unwrap_or_default())),
            Ok(Some(Err(_))) => {
                let detail = "the connection ended before the body did";
                Err(Problem::bad_request("incomplete_body", detail))
            }
        }
    }
}

impl Patience {
    /// How long is waited for more of a body of which so much has come since it `began`.
    fn until(&self, began: Instant, received: usize) -> Instant {
        let paid_for = received as u64 * 1000 / SLOWEST_BYTES_PER_SECOND;
        let whole = began + self.client + Duration::from_millis(paid_for);
        whole.min(Instant::now() + self.client)
    }
}
