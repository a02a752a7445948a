//! Versions as entity tags, and requests that are for some of them only (RFC 9110, section 13).

use std::collections::BTreeSet;

use axum::http::header::{ETAG, HeaderName, IF_MATCH, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;

use lockstep_step::{Condition, Versions};

use crate::problem::Problem;

/// What the headers of a request demand of the present version.
pub(crate) fn condition(headers: &HeaderMap) -> Result<Condition, Problem> {
    Ok(Condition {
        is_one_of: versions(headers, &IF_MATCH, Comparison::Strong)?,
        is_none_of: versions(headers, &IF_NONE_MATCH, Comparison::Weak)?,
    })
}

/// The answer, with the version that it tells of as its `ETag`.
pub(crate) fn tagged(mut answer: Response, version: u64) -> Response {
    if let Ok(tag) = HeaderValue::try_from(format!("\"{version}\"")) {
        answer.headers_mut().insert(ETAG, tag);
    }
    answer
}

/// Whether a tag that says that it is weak is the same as one that is not (RFC 9110, section 8.8.3.2).
#[derive(Clone, Copy)]
enum Comparison {
    Strong,
    Weak,
}

/// The versions that a header lists; one that lists none cannot be read, and is not taken for one that is not there.
fn versions(
    headers: &HeaderMap,
    name: &HeaderName,
    comparison: Comparison,
) -> Result<Option<Versions>, Problem> {
    let mut listed: Option<BTreeSet<u64>> = None;
    for line in headers.get_all(name) {
        let line = line.to_str().map_err(|_| unreadable(name))?.trim();
        if line == "*" {
            return Ok(Some(Versions::Any));
        }
        let tags = tags(line).ok_or_else(|| unreadable(name))?;
        let of_ours = tags.into_iter().filter_map(|tag| match comparison {
            Comparison::Strong if tag.is_weak => None,
            // A tag of another form is none of ours, and is at no version.
            Comparison::Strong | Comparison::Weak => tag.version(),
        });
        listed.get_or_insert_default().extend(of_ours);
    }
    Ok(listed.map(Versions::These))
}

fn unreadable(name: &HeaderName) -> Problem {
    let name = if *name == IF_MATCH {
        "If-Match"
    } else {
        "If-None-Match"
    };
    let detail = format!("`{name}` is neither `*` nor a list of entity tags");
    Problem::bad_request("invalid_condition", detail)
        .hint("an `ETag` of this API is a version in double quotes, as in `\"3\"`")
}

struct Tag<'a> {
    is_weak: bool,
    opaque: &'a str,
}

impl Tag<'_> {
    /// The version whose tag it is, character by character: `03` and `+3` are tags that we never gave.
    fn version(&self) -> Option<u64> {
        let version = self.opaque.parse::<u64>().ok()?;
        (version.to_string() == self.opaque).then_some(version)
    }
}

/// `#entity-tag`: tags between commas, of which some may be missing (RFC 9110, section 5.6.1.2).
fn tags(line: &str) -> Option<Vec<Tag<'_>>> {
    let mut tags = Vec::new();
    let mut rest = line;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return (!tags.is_empty()).then_some(tags);
        }
        let unprefixed = rest.strip_prefix("W/");
        let quoted = unprefixed.unwrap_or(rest).strip_prefix('"')?;
        let (opaque, behind) = quoted.split_once('"')?;
        if opaque.contains([' ', '\t']) {
            return None;
        }
        let is_weak = unprefixed.is_some();
        tags.push(Tag { is_weak, opaque });
        rest = behind.trim_start_matches([' ', '\t']);
        if !rest.is_empty() && !rest.starts_with(',') {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn these(versions: &[u64]) -> Option<Versions> {
        Some(Versions::These(versions.iter().copied().collect()))
    }

    #[track_caller]
    fn check(lines: &[&str], strong: Option<Versions>, weak: Option<Versions>) {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(IF_MATCH, line.parse().unwrap());
            headers.append(IF_NONE_MATCH, line.parse().unwrap());
        }
        let condition = condition(&headers).unwrap();
        assert_eq!(
            (condition.is_one_of, condition.is_none_of),
            (strong, weak),
            "{lines:?}"
        );
    }

    #[test]
    fn a_version_is_its_entity_tag() {
        check(&[], None, None);
        check(&["*"], Some(Versions::Any), Some(Versions::Any));
        check(&["\"3\""], these(&[3]), these(&[3]));
        check(
            &["\"3\", \"4\" ,, \"5\""],
            these(&[3, 4, 5]),
            these(&[3, 4, 5]),
        );
        check(&["\"3\"", "\"4\""], these(&[3, 4]), these(&[3, 4]));
        check(&["W/\"3\""], these(&[]), these(&[3]));
        // A tag that we never gave is at no version.
        for never in ["\"abc\", \"-1\", \"\"", "\"03\"", "\"+3\""] {
            check(&[never], these(&[]), these(&[]));
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_and_not_passed_over() {
        for line in [
            "",
            "3",
            "\"3",
            "\"3\" \"4\"",
            "*, \"3\"",
            "w/\"3\"",
            ",",
            "\"a b\"",
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(IF_MATCH, line.parse().unwrap());
            assert!(condition(&headers).is_err(), "{line}");
        }
    }
}
