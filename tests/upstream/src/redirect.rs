//! Answers that point elsewhere.

use http::header::{HeaderValue, LOCATION};
use http::{Response, StatusCode};
use url::form_urlencoded;

use crate::body::{self, Body};
use crate::record::Received;

/// To the URL in the query.
pub(crate) fn to(received: &Received, status: &str) -> Response<Body> {
    let query = received.query.as_deref().unwrap_or_default();
    let to = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "to");
    let (_, to) = to.expect("a redirect has a query `to`");
    redirect(status.parse().unwrap(), &to)
}

/// To the next of a row without an end.
pub(crate) fn onwards(at: u64) -> Response<Body> {
    redirect(StatusCode::FOUND, &format!("/loop/{}", at + 1))
}

fn redirect(status: StatusCode, to: &str) -> Response<Body> {
    let mut response = Response::new(body::whole("elsewhere"));
    *response.status_mut() = status;
    let to = HeaderValue::from_bytes(to.as_bytes()).unwrap();
    response.headers_mut().insert(LOCATION, to);
    response
}
