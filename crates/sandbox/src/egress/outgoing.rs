//! A request as a guest asks for it, and the answer that it gets.

use bytes::Bytes;
use http::header::{
    CONNECTION, EXPECT, HOST, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, Method, StatusCode};
use hyper::ext::ReasonPhrase;
use url::Url;

use super::body::{self, BodyStream, OutgoingBody};
use super::redirect::Redirects;

/// A request as a guest asks for it.
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: RequestBody,
    pub(crate) redirects: Redirects,
    /// Whether compressed answers are decompressed.
    pub(crate) decodes: bool,
}

/// The body of a request.
pub(crate) enum RequestBody {
    None,
    /// All of it is there, and can be sent again.
    Whole(Bytes),
    /// It comes while it is sent, and can be sent once. `None`: it was.
    Stream(Option<OutgoingBody>),
}

/// The answer to a request.
pub(crate) struct Incoming {
    pub(crate) status: StatusCode,
    pub(crate) reason: Option<ReasonPhrase>,
    pub(crate) headers: HeaderMap,
    /// Where it came from.
    pub(crate) url: Url,
    /// Whether that is where a redirect led.
    pub(crate) redirected: bool,
    pub(crate) body: BodyStream,
}

/// What the host says itself, or what is of one connection only (RFC 9110, section 7.6.1).
const OF_THE_HOST: [HeaderName; 8] = [
    CONNECTION,
    EXPECT,
    HOST,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];
/// Methods that are about the connection, or give back what a proxy added: those that the Fetch standard forbids, too.
pub(super) const OF_CONNECTIONS: [&str; 3] = ["CONNECT", "TRACE", "TRACK"];
const ALSO_OF_THE_HOST: [&str; 3] = ["keep-alive", "proxy-connection", "http2-settings"];

/// The method, if it is one of HTTP's own (RFC 9110, RFC 5789), and `_OTHER` for what a guest thought of.
pub(super) fn known(method: &Method) -> &str {
    match method.as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "OPTIONS" | "PATCH") => known,
        _ => "_OTHER",
    }
}

/// Takes out of a guest's headers what is the host's to say.
pub(super) fn clean(headers: &mut HeaderMap) {
    for name in OF_THE_HOST {
        headers.remove(name);
    }
    for name in ALSO_OF_THE_HOST {
        headers.remove(name);
    }
}

/// What headers take on the wire, in bytes, as HTTP/2 counts (RFC 9113, section 6.5.2).
pub(super) fn bytes_of(headers: &HeaderMap) -> usize {
    headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 32)
        .sum()
}

impl RequestBody {
    /// The body to send now.
    pub(super) fn take(&mut self) -> Option<OutgoingBody> {
        match self {
            Self::None => Some(body::empty()),
            Self::Whole(bytes) => Some(body::whole(bytes.clone())),
            Self::Stream(stream) => stream.take(),
        }
    }
}
