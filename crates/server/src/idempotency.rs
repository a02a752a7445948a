//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a request that is sent again starts no second run.

use axum::http::HeaderMap;

use lockstep_step::{Digest, Idempotency, IdempotencyKey};

use crate::problem::Problem;

const KEY: &str = "idempotency-key";

/// The key that a request has, if it has one.
pub(crate) fn key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, Problem> {
    let mut values = headers.get_all(KEY).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return match headers.contains_key(KEY) {
            true => Err(invalid("more than one `Idempotency-Key`")),
            false => Ok(None),
        };
    };
    let text = value.to_str().unwrap_or_default().trim();
    let text = unquoted(text).unwrap_or(text);
    if text.contains('"') {
        return Err(invalid("a double quote inside of an `Idempotency-Key`"));
    }
    text.parse().map(Some).map_err(invalid)
}

/// What stands for a request when it is sent again: its method, its path and its body.
pub(crate) fn request(key: IdempotencyKey, method: &str, path: &str, body: &[u8]) -> Idempotency {
    let whole = format!("{method} {path}\n{}", Digest::of(body));
    Idempotency {
        key,
        request: Digest::of(whole.as_bytes()),
    }
}

/// The draft has it a string of structured fields (RFC 9651); most clients send it bare.
fn unquoted(text: &str) -> Option<&str> {
    text.strip_prefix('"')?.strip_suffix('"')
}

fn invalid(why: impl std::fmt::Display) -> Problem {
    Problem::bad_request("invalid_idempotency_key", why)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn check(values: &[&'static str], expected: Result<Option<&str>, ()>) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(KEY, HeaderValue::from_static(value));
        }
        let found = key(&headers).map_err(drop);
        let found = match &found {
            Ok(key) => Ok(key.as_ref().map(IdempotencyKey::as_str)),
            Err(()) => Err(()),
        };
        assert_eq!(found, expected, "{values:?}");
    }

    #[test]
    fn a_key_is_taken_bare_and_quoted() {
        check(&[], Ok(None));
        check(&["8e03978e"], Ok(Some("8e03978e")));
        check(&["\"8e03978e\""], Ok(Some("8e03978e")));
        check(&[" a/b:c "], Ok(Some("a/b:c")));
        for no_key in [
            "", "\"\"", "\"", "a b", "\"a b\"", "a\"b", "\"a\"b\"", "\"a",
        ] {
            check(&[no_key], Err(()));
        }
        check(&["one", "two"], Err(()));
    }

    #[test]
    fn another_method_path_or_body_is_another_request() {
        let key = || "key".parse().unwrap();
        let asked = request(key(), "POST", "/a", b"body").request;
        assert_eq!(asked, request(key(), "POST", "/a", b"body").request);
        for other in [
            request(key(), "PUT", "/a", b"body"),
            request(key(), "POST", "/b", b"body"),
            request(key(), "POST", "/a", b"bodies"),
        ] {
            assert_ne!(other.request, asked);
        }
    }
}
