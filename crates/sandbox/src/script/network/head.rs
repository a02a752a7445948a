//! The head of a request, as the engine writes it: lines, with byte strings for headers. A guest has what it likes in it.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use url::Url;

use lockstep_step::RequestFault;

use crate::egress::EgressError;

/// A request as the engine writes it.
pub(super) struct Head<'a> {
    method: &'a str,
    url: &'a str,
    pub(super) redirect: Redirect,
    /// Whether it has a body.
    pub(super) body: Given,
    /// Names and values.
    headers: Vec<[&'a str; 2]>,
}

/// What becomes of a redirect.
#[derive(Clone, Copy)]
pub(super) enum Redirect {
    Follow,
    Manual,
    Error,
}

/// How a body is given.
#[derive(Clone, Copy)]
pub(super) enum Given {
    None,
    Whole,
    Stream,
}

/// What of a head is sent.
pub(super) struct Parts {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
}

impl<'a> Head<'a> {
    /// `None`: the engine does not write such a head.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut lines = std::str::from_utf8(bytes).ok()?.split('\n');
        let (method, url) = (lines.next()?, lines.next()?);
        let redirect = match lines.next()? {
            "follow" => Redirect::Follow,
            "manual" => Redirect::Manual,
            "error" => Redirect::Error,
            _ => return None,
        };
        let body = match lines.next()? {
            "none" => Given::None,
            "whole" => Given::Whole,
            "stream" => Given::Stream,
            _ => return None,
        };
        let mut headers = Vec::new();
        while let Some(name) = lines.next() {
            headers.push([name, lines.next()?]);
        }
        Some(Self {
            method,
            url,
            redirect,
            body,
            headers,
        })
    }

    pub(super) fn parts(&self) -> Result<Parts, EgressError> {
        let method = Method::from_bytes(self.method.as_bytes());
        Ok(Parts {
            method: method.map_err(|_| invalid("the method"))?,
            url: Url::parse(self.url).map_err(|_| invalid("the URL"))?,
            headers: self.header_map()?,
        })
    }

    fn header_map(&self) -> Result<HeaderMap, EgressError> {
        let mut headers = HeaderMap::new();
        for [name, value] in &self.headers {
            let name =
                HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid("a header's name"))?;
            let value = bytes_of(value).and_then(|value| HeaderValue::from_bytes(&value).ok());
            let value =
                value.ok_or_else(|| invalid(&format!("the value of the header `{name}`")))?;
            headers
                .try_append(name, value)
                .map_err(|_| EgressError::denied("the request has too many headers"))?;
        }
        Ok(headers)
    }
}

fn invalid(what: &str) -> EgressError {
    EgressError::new(
        RequestFault::Protocol,
        format!("{what} of the request cannot be sent"),
    )
}

/// A byte string of the web: each character is a byte.
fn bytes_of(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|it| u8::try_from(it).ok()).collect()
}
