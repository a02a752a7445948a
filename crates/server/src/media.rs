//! Media types: of what is sent, and of what is asked for.

use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE};

use crate::list_header::{lists, without_parameters};

/// The media type of the body, in lower case and without parameters.
pub(crate) fn of_body(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    Some(without_parameters(text).to_ascii_lowercase())
}

/// Whether an answer of this media type is asked for by name.
pub(crate) fn accepts(headers: &HeaderMap, media_type: &str) -> bool {
    lists(headers, &ACCEPT, media_type)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_type_is_found_among_others_and_in_every_line() {
        for (lines, expected) in [
            (&[][..], false),
            (&["text/event-stream"], true),
            (&["text/html, Text/Event-Stream;q=0.5"], true),
            (&["*/*", "text/event-stream"], true),
            (&["*/*"], false),
            (&["text/event-streams"], false),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(ACCEPT, HeaderValue::from_static(line));
            }
            assert_eq!(
                accepts(&headers, "text/event-stream"),
                expected,
                "{lines:?}"
            );
        }
    }

    #[test]
    fn a_body_has_its_type_whatever_the_parameters_are() {
        let of = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(text));
            of_body(&headers)
        };
        assert_eq!(of_body(&HeaderMap::new()), None);
        assert_eq!(
            of("Application/JSON; charset=utf-8").unwrap(),
            "application/json"
        );
        assert_eq!(of(";").unwrap(), "");
    }
}
