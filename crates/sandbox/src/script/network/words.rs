//! What host and engine say of requests and answers: JSON, with byte strings for headers.

use bytes::{BufMut as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde::Serialize;
use url::Url;

use lockstep_step::RequestFault;

use crate::egress::{BodyStream, EgressError, Incoming, Outgoing, Redirects, RequestBody};

/// A request as the engine writes it.
pub(super) struct Head<'a> {
    method: &'a str,
    url: &'a str,
    redirects: Redirects,
    /// Whether it has a body.
    pub(super) body: Given,
    /// Names and values, one after the other.
    headers: Vec<&'a str>,
}

#[derive(Clone, Copy)]
pub(super) enum Given {
    None,
    Whole,
    Stream,
}

/// An answer as the engine reads it.
#[derive(Serialize)]
struct Answer {
    status: u16,
    reason: String,
    headers: Vec<(String, String)>,
    url: String,
    redirected: bool,
}

/// A failure as the engine reads it.
#[derive(Serialize)]
struct Fault<'a> {
    code: &'static str,
    host: Option<&'a str>,
    message: &'a str,
}

// === impl Head ===

impl<'a> Head<'a> {
    /// `None`: it is not as the engine writes it.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut lines = std::str::from_utf8(bytes).ok()?.split('\n');
        let (method, url) = (lines.next()?, lines.next()?);
        let redirects = match lines.next()? {
            "follow" => Redirects::Follow,
            "manual" => Redirects::Manual,
            "error" => Redirects::Error,
            _ => return None,
        };
        let body = match lines.next()? {
            "none" => Given::None,
            "whole" => Given::Whole,
            "stream" => Given::Stream,
            _ => return None,
        };
        let headers: Vec<_> = lines.collect();
        headers.len().is_multiple_of(2).then_some(Self {
            method,
            url,
            redirects,
            body,
            headers,
        })
    }

    pub(super) fn outgoing(self, body: RequestBody) -> Result<Outgoing, EgressError> {
        let invalid = |what: &str| {
            EgressError::new(
                RequestFault::Protocol,
                format!("{what} of the request cannot be sent"),
            )
        };
        let url = Url::parse(self.url).map_err(|_| invalid("the URL"))?;
        let method =
            Method::from_bytes(self.method.as_bytes()).map_err(|_| invalid("the method"))?;
        let mut headers = HeaderMap::new();
        let (headers_given, _) = self.headers.as_chunks();
        for [name, value] in headers_given {
            let name =
                HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid("a header's name"))?;
            let value = bytes_of(value).and_then(|value| HeaderValue::from_bytes(&value).ok());
            let value =
                value.ok_or_else(|| invalid(&format!("the value of the header `{name}`")))?;
            headers
                .try_append(name, value)
                .map_err(|_| EgressError::denied("the request has too many headers"))?;
        }
        Ok(Outgoing {
            method,
            url,
            headers,
            body,
            redirects: self.redirects,
            decodes: true,
        })
    }
}

/// A byte string of the web: each character is a byte.
fn bytes_of(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|it| u8::try_from(it).ok()).collect()
}

fn text_of(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// An answer as the engine reads it, and its body.
pub(super) fn answer(incoming: Incoming) -> (Bytes, BodyStream) {
    let reason = match &incoming.reason {
        Some(reason) => text_of(reason.as_bytes()),
        None => incoming
            .status
            .canonical_reason()
            .unwrap_or_default()
            .to_owned(),
    };
    let headers = incoming.headers.iter();
    let answer = Answer {
        status: incoming.status.as_u16(),
        reason,
        headers: headers
            .map(|(name, value)| (name.as_str().to_owned(), text_of(value.as_bytes())))
            .collect(),
        url: incoming.url.into(),
        redirected: incoming.redirected,
    };
    (json(&answer), incoming.body)
}

/// The head of an answer and all of its body.
pub(super) fn whole(head: &[u8], body: &[u8]) -> Bytes {
    let mut told = BytesMut::with_capacity(4 + head.len() + body.len());
    told.put_u32_le(u32::try_from(head.len()).unwrap_or(u32::MAX));
    told.put_slice(head);
    told.put_slice(body);
    told.freeze()
}

/// A failure as the engine reads it.
pub(super) fn fault(error: &EgressError) -> Bytes {
    json(&Fault {
        code: error.fault.as_str(),
        host: error.host.as_deref(),
        message: &error.message,
    })
}

#[expect(
    clippy::expect_used,
    reason = "texts, numbers and lists of them are JSON"
)]
fn json(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value)
        .expect("it has a JSON form")
        .into()
}
