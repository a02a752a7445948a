//! The body that changes several credentials.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use lockstep_step::CredentialKey;

use crate::parse::parse;
use crate::problem::Problem;
use crate::setting::{self, ToSet};

/// Credentials that one request changes: what a `.env` file has, and not what a script should loop over.
pub(crate) const MAX_CHANGES: usize = 100;

/// What it says of each key: what is to be set, or nothing where the key is to be deleted.
pub(crate) fn changes(body: &[u8]) -> Result<Vec<(CredentialKey, Option<ToSet>)>, Problem> {
    let Members { count, members } = parse(body)?;
    if count > MAX_CHANGES {
        let detail = format!("{count} changes in one request, over the limit of {MAX_CHANGES}");
        return Err(Problem::bad_request("too_many_changes", detail));
    }
    let change = |(at, (key, said)): (usize, (String, &RawValue))| {
        // What is no key may be a value: it is named by its place.
        let key: CredentialKey = key.parse().map_err(|error| {
            let detail = format!("key {} of the body: {error}", at + 1);
            Problem::bad_request("invalid_key", detail)
        })?;
        if said.get() == "null" {
            return Ok((key, None));
        }
        let to_set = setting::read(said).map_err(|problem| problem.of(&format!("`{key}`")))?;
        Ok((key, Some(to_set)))
    };
    members.into_iter().enumerate().map(change).collect()
}

/// The members of a JSON object in their order, those with the same name included: the first of two is not passed over.
struct Members<'a> {
    count: usize,
    /// The first of them.
    members: Vec<(String, &'a RawValue)>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let (mut count, mut members) = (0, Vec::new());
                while let Some(member) = map.next_entry()? {
                    count += 1;
                    if members.len() < MAX_CHANGES {
                        members.push(member);
                    }
                }
                Ok(Members { count, members })
            }
        }

        deserializer.deserialize_map(Object)
    }
}
