//! `Prefer` (RFC 7240): whether a client waits for the end of a run.

use axum::http::{HeaderMap, HeaderName};

use crate::list_header::lists;

const PREFER: HeaderName = HeaderName::from_static("prefer");

/// The preference, and what an answer says of it that went by it.
pub(crate) const RESPOND_ASYNC: &str = "respond-async";

/// Whether the answer is to come at once, without the end of what was asked for.
pub(crate) fn is_async(headers: &HeaderMap) -> bool {
    lists(headers, &PREFER, RESPOND_ASYNC)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_preference_is_found_among_others() {
        for (values, expected) in [
            (&[][..], false),
            (&["respond-async"], true),
            (&["Respond-Async"], true),
            (&["wait=10, respond-async"], true),
            (&["return=minimal", "respond-async; a=b"], true),
            (&["respond-asynchronously"], false),
            (&["wait=10"], false),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append("prefer", HeaderValue::from_static(value));
            }
            assert_eq!(is_async(&headers), expected, "{values:?}");
        }
    }
}
