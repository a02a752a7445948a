//! The ends of chains that somebody kept, as a body. This file knows nothing of the rest of the server, so that it can be
//! fuzzed.

use std::str::FromStr;

use serde::Deserialize;
use utoipa::ToSchema;

use lockstep_step::{Digest, WorkspaceName};

use crate::object::Object;
use crate::problem::Problem;
use crate::whole::whole;

/// Ends of chains in one request: one for each workspace of a host that has many.
pub(crate) const MAX_HEADS: usize = 10_000;
/// The last place that is taken: no chain is so long, and up to there `1.0` is read exactly, too.
pub(crate) const MAX_SEQUENCE: u64 = 1_000_000_000_000;
/// How the host's own chain is written. No workspace has such a name.
const HOST: &str = "<host>";

/// Ends of chains as they were once: what was there then must be there still.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeadsKept {
    /// As `GET …/audit/head` told them, 10000 at most. Those of chains that are not checked are passed over.
    #[schema(value_type = Vec<HeadKept>, max_items = 10_000)]
    heads: Vec<Object<HeadKept>>,
}

/// Where a chain ended once.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeadKept {
    /// A workspace, or `<host>`.
    #[schema(value_type = String, pattern = "^(<host>|[A-Za-z0-9][A-Za-z0-9._-]{0,62})$")]
    chain: Chain,
    #[serde(default, deserialize_with = "whole")]
    #[schema(value_type = u64, required, maximum = 1_000_000_000_000_u64)]
    sequence: Option<u64>,
    #[schema(value_type = String, pattern = "^sha256:[0-9a-f]{64}$")]
    hash: Digest,
    /// Told with it, and no part of the check.
    #[serde(default, deserialize_with = "whole")]
    #[schema(maximum = 1_000_000_000_000_u64)]
    sealed_sequence: Option<u64>,
}

/// Whose chain: a workspace's, or the host's.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Chain(Option<WorkspaceName>);

/// Where a chain ended once.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Kept {
    /// The workspace; `None`: the host's own.
    pub(crate) workspace: Option<WorkspaceName>,
    pub(crate) sequence: u64,
    pub(crate) hash: Digest,
    pub(crate) sealed_sequence: Option<u64>,
}

impl HeadsKept {
    pub(crate) fn checked(self) -> Result<Vec<Kept>, Problem> {
        let given = self.heads.len();
        if given > MAX_HEADS {
            let detail = format!("{given} heads in one request, over the limit of {MAX_HEADS}");
            return Err(Problem::bad_request("too_many_heads", detail)
                .hint("send those of some chains at a time"));
        }
        let heads = self.heads.into_iter().enumerate();
        heads.map(|(at, Object(head))| head.checked(at)).collect()
    }
}

impl HeadKept {
    fn checked(self, at: usize) -> Result<Kept, Problem> {
        let invalid = |what: &str| {
            let detail = format!("`heads[{at}]` {what}");
            Problem::bad_request("invalid_body", detail)
        };
        let sequence = self.sequence.ok_or_else(|| invalid("has no `sequence`"))?;
        if sequence.max(self.sealed_sequence.unwrap_or(0)) > MAX_SEQUENCE {
            return Err(invalid("names an entry that no chain has"));
        }
        Ok(Kept {
            workspace: self.chain.0,
            sequence,
            hash: self.hash,
            sealed_sequence: self.sealed_sequence,
        })
    }
}

impl TryFrom<String> for Chain {
    type Error = <WorkspaceName as FromStr>::Err;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text == HOST {
            return Ok(Self(None));
        }
        text.parse().map(|name| Self(Some(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::parse;

    #[test]
    fn heads_over_the_limit_are_refused() {
        let hash = Digest::of(b"");
        let head = format!(r#"{{"chain": "a", "sequence": 1.0, "hash": "{hash}"}}"#);
        let read = |count| {
            let body = format!(r#"{{"heads": [{}]}}"#, vec![&*head; count].join(","));
            parse::<HeadsKept>(body.as_bytes()).unwrap().checked()
        };
        assert_eq!(read(MAX_HEADS).unwrap().len(), MAX_HEADS);
        let refused = format!("{:?}", read(MAX_HEADS + 1).unwrap_err());
        assert!(refused.contains("too_many_heads"), "{refused}");
    }

    #[test]
    fn a_head_names_a_chain_a_place_and_a_hash() {
        let hash = Digest::of(b"");
        let head = format!(
            r#"{{"heads": [{{"chain": "<host>", "sequence": 2, "hash": "{hash}", "sealed_sequence": null}}]}}"#
        );
        let read = |body: &str| {
            let kept = parse::<HeadsKept>(body.as_bytes());
            kept.and_then(HeadsKept::checked).ok()
        };
        let expected = Kept {
            workspace: None,
            sequence: 2,
            hash,
            sealed_sequence: None,
        };
        assert_eq!(read(&head), Some(vec![expected]));
        let last = head.replace(": 2", ": 1000000000000.0");
        assert_eq!(read(&last).unwrap()[0].sequence, MAX_SEQUENCE);
        for (what, other) in [
            ("<host>", "<other>"),
            (": 2", ": null"),
            (": 2", ": -1"),
            (": 2", ": 1000000000001"),
            ("null", "1000000000001"),
            ("\"sequence\": 2,", ""),
            ("sha256:", "sha512:"),
            ("null", "\"x\""),
            ("heads", "head"),
        ] {
            assert_eq!(read(&head.replace(what, other)), None, "{what} as {other}");
        }
    }
}
