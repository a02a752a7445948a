//! What to do with an answer that points elsewhere.

use http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_LOCATION,
    CONTENT_TYPE, COOKIE, LOCATION, PROXY_AUTHORIZATION,
};
use http::{HeaderMap, HeaderName, Method, StatusCode};
use url::Url;

use lockstep_step::RequestFault;

use super::error::EgressError;

/// Redirects that are followed in a row (the Fetch standard, HTTP-redirect fetch, step 8).
pub(super) const MAX_REDIRECTS: usize = 20;

/// What to do with an answer that points elsewhere.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Redirects {
    /// Ask there.
    Follow,
    /// Give it to whoever asked.
    Manual,
    /// It is an error.
    Error,
}

/// What a header tells of the body, and goes with it.
const OF_THE_BODY: [HeaderName; 5] = [
    CONTENT_ENCODING,
    CONTENT_LANGUAGE,
    CONTENT_LOCATION,
    CONTENT_TYPE,
    CONTENT_LENGTH,
];

/// What no other origin gets.
const OF_THE_ORIGIN: [HeaderName; 3] = [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION];

/// Where an answer points, if it is a redirect with a place.
pub(super) fn place(
    status: StatusCode,
    headers: &HeaderMap,
    from: &Url,
) -> Result<Option<Url>, EgressError> {
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = headers.get(LOCATION) else {
        return Ok(None);
    };
    let place = std::str::from_utf8(location.as_bytes())
        .ok()
        .and_then(|location| from.join(location).ok());
    let Some(mut place) = place else {
        let message = "the answer is a redirect to what is no URL";
        return Err(EgressError::new(RequestFault::Redirect, message));
    };
    if place.fragment().is_none() {
        place.set_fragment(from.fragment());
    }
    Ok(Some(place))
}

/// Whether the next request has no body, and the method GET (the Fetch standard, HTTP-redirect fetch, step 12).
pub(super) fn drops_body(status: StatusCode, method: &Method) -> bool {
    match status.as_u16() {
        301 | 302 => *method == Method::POST,
        303 => *method != Method::GET && *method != Method::HEAD,
        _ => false,
    }
}

pub(super) fn without_body(headers: &mut HeaderMap) {
    for name in OF_THE_BODY {
        headers.remove(name);
    }
}

pub(super) fn for_another_origin(headers: &mut HeaderMap) {
    for name in OF_THE_ORIGIN {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_leads_to_its_place_and_takes_the_fragment_along() {
        let from = Url::parse("https://a.test/x/y?q#f").unwrap();
        let lead = |status: u16, location: &'static str| {
            let headers = HeaderMap::from_iter([(LOCATION, location.parse().unwrap())]);
            place(StatusCode::from_u16(status).unwrap(), &headers, &from)
                .unwrap()
                .map(String::from)
        };
        assert_eq!(lead(302, "../z").as_deref(), Some("https://a.test/z#f"));
        assert_eq!(
            lead(308, "//b.test/#g").as_deref(),
            Some("https://b.test/#g")
        );
        assert_eq!(lead(304, "/z"), None);
        assert_eq!(lead(200, "/z"), None);
        assert_eq!(
            place(StatusCode::FOUND, &HeaderMap::new(), &from).unwrap(),
            None
        );
        let bad = HeaderMap::from_iter([(LOCATION, "https://[".parse().unwrap())]);
        place(StatusCode::FOUND, &bad, &from).unwrap_err();
    }

    #[test]
    fn a_body_is_dropped_as_the_standard_says() {
        for (status, method, drops) in [
            (301, Method::POST, true),
            (301, Method::PUT, false),
            (302, Method::POST, true),
            (303, Method::PUT, true),
            (303, Method::HEAD, false),
            (307, Method::POST, false),
            (308, Method::POST, false),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(drops_body(status, &method), drops, "{status} {method}");
        }
    }
}
