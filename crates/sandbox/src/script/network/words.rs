//! What the host says of answers: JSON, with byte strings for headers.

use bytes::{BufMut as _, Bytes, BytesMut};
use serde::Serialize;

use super::head::{Head, Parts, Redirect};
use crate::egress::{BodyStream, EgressError, Incoming, Outgoing, Redirects, RequestBody};

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

/// What is sent of a request that the engine has written.
pub(super) fn outgoing(head: &Head<'_>, body: RequestBody) -> Result<Outgoing, EgressError> {
    let Parts {
        method,
        url,
        headers,
    } = head.parts()?;
    let redirects = match head.redirect {
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
