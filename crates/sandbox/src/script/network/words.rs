//! What host and engine say of requests and answers: JSON, with byte strings for headers.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde::{Deserialize, Serialize};
use url::Url;

use lockstep_step::RequestFault;

use crate::egress::{BodyStream, EgressError, Incoming, Outgoing, Redirects, RequestBody};

/// A request as the engine writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    redirect: Redirect,
    /// Whether it has a body.
    pub(super) body: Given,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Redirect {
    Follow,
    Manual,
    Error,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Given {
    None,
    Whole,
    Stream,
}

/// An answer as the engine reads it.
#[derive(Serialize)]
pub(super) struct Answer {
    status: u16,
    reason: String,
    headers: Vec<(String, String)>,
    url: String,
    redirected: bool,
    /// Whether nothing follows.
    ended: bool,
}

/// A failure as the engine reads it.
#[derive(Serialize)]
struct Fault<'a> {
    code: &'static str,
    host: Option<&'a str>,
    message: &'a str,
}

// === impl Head ===

impl Head {
    pub(super) fn outgoing(self, body: RequestBody) -> Result<Outgoing, EgressError> {
        let invalid = |what: &str| {
            EgressError::new(
                RequestFault::Protocol,
                format!("{what} of the request cannot be sent"),
            )
        };
        let url = Url::parse(&self.url).map_err(|_| invalid("the URL"))?;
        let method =
            Method::from_bytes(self.method.as_bytes()).map_err(|_| invalid("the method"))?;
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let name =
                HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid("a header's name"))?;
            let value = bytes_of(value).and_then(|value| HeaderValue::from_bytes(&value).ok());
            let value =
                value.ok_or_else(|| invalid(&format!("the value of the header `{name}`")))?;
            headers
                .try_append(name, value)
                .map_err(|_| EgressError::denied("the request has too many headers"))?;
        }
        let redirects = match self.redirect {
            Redirect::Follow => Redirects::Follow,
            Redirect::Manual => Redirects::Manual,
            Redirect::Error => Redirects::Error,
        };
        Ok(Outgoing {
            method,
            url,
            headers,
            body,
            redirects,
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
pub(super) fn answer(incoming: Incoming) -> (Answer, BodyStream) {
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
        ended: false,
    };
    (answer, incoming.body)
}

/// A failure as the engine reads it.
pub(super) fn fault(error: &EgressError) -> Bytes {
    json(&Fault {
        code: error.fault.as_str(),
        host: error.host.as_deref(),
        message: &error.message,
    })
}

impl Answer {
    /// Its text. Whether the body has ended already is known by now.
    pub(super) fn told(self, ended: bool) -> Bytes {
        json(&Self { ended, ..self })
    }
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
