//! `Last-Event-ID`: where a client goes on that lost the connection.

use axum::http::HeaderMap;

use crate::problem::Problem;

const LAST: &str = "last-event-id";

/// The first event that the client has not had.
pub(crate) fn next(headers: &HeaderMap) -> Result<u64, Problem> {
    let mut lines = headers.get_all(LAST).iter();
    let Some(line) = lines.next() else {
        return Ok(0);
    };
    let last = line.to_str().ok().filter(|_| lines.next().is_none());
    let last = last.and_then(|last| Some((last, last.parse::<u64>().ok()?)));
    // As we wrote it.
    let last = last.filter(|(text, last)| last.to_string() == *text);
    last.and_then(|(_, last)| last.checked_add(1))
        .ok_or_else(|| {
            let detail = "`Last-Event-ID` is not the id of an event of a log";
            Problem::bad_request("invalid_event_id", detail)
        })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_client_goes_on_behind_its_last_event_and_what_is_none_is_refused() {
        let check = |lines: &[&'static [u8]], expected: Option<u64>| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(LAST, HeaderValue::from_bytes(line).unwrap());
            }
            assert_eq!(next(&headers).ok(), expected, "{lines:?}");
        };
        check(&[], Some(0));
        check(&[b"0"], Some(1));
        check(&[b"18446744073709551614"], Some(u64::MAX));
        for none in [
            &b"18446744073709551615"[..],
            b"",
            b"-1",
            b"+1",
            b"01",
            b"x",
            b"\xff",
        ] {
            check(&[none], None);
        }
        check(&[b"1", b"2"], None);
    }
}
