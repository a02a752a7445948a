//! What the host says of answers: their heads as lines, with byte strings for headers, and failures as JSON.

use bytes::{BufMut as _, Bytes, BytesMut};
use hyper::ext::ReasonPhrase;
use serde::Serialize;

use super::head::{Head, Parts, Redirect};
use crate::egress::{BodyStream, EgressError, Incoming, Outgoing, Redirects, RequestBody};

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

/// The head of an answer as the engine reads it, and its body.
pub(super) fn answer(incoming: Incoming) -> (Bytes, BodyStream) {
    let status = incoming.status;
    let mut head = status.as_str().to_owned();
    let canonical = || status.canonical_reason().unwrap_or_default().as_bytes();
    line(
        &mut head,
        incoming
            .reason
            .as_ref()
            .map_or_else(canonical, ReasonPhrase::as_bytes),
    );
    line(&mut head, incoming.url.as_str().as_bytes());
    line(
        &mut head,
        if incoming.redirected {
            b"redirected"
        } else {
            b"direct"
        },
    );
    for (name, value) in &incoming.headers {
        line(&mut head, name.as_str().as_bytes());
        line(&mut head, value.as_bytes());
    }
    (head.into(), incoming.body)
}

/// Adds a line to the head of an answer. Neither a header nor a reason has a line break in it, nor has a URL.
fn line(head: &mut String, bytes: &[u8]) {
    head.push('\n');
    head.extend(bytes.iter().copied().map(char::from));
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
