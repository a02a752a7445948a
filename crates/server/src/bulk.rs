//! Several credentials of a scope, changed at once: all of it or nothing.

use std::fmt;

use axum::response::Response;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use lockstep_runner::{CredentialChange, Removal};
use lockstep_step::{CredentialKey, MAX_VALUE_BYTES};

use crate::body::{Limit, Unread, json, parse};
use crate::caller::Caller;
use crate::host::Host;
use crate::problem::{Problem, ProblemDetails};
use crate::setting::credential;
use crate::wire::Changes;

/// Credentials that one request changes: what a `.env` file has, and not what a script should loop over.
const MAX_CHANGES: usize = 100;

/// Each of the values at its largest, as text without escapes, and the fields around them.
const CHANGES: Limit = Limit {
    bytes: MAX_CHANGES * (MAX_VALUE_BYTES + (4 << 10)),
    code: "body_too_large",
    what: "the body",
};

/// How credentials are changed.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Changing {
    force: bool,
}

/// Set, rotate and delete credentials of the workspace: all of it or nothing.
///
/// The body is an object of at most 100 keys. A string is a value, an object what a `PUT` of JSON takes, and null deletes
/// what is there.
#[utoipa::path(
    patch,
    path = "/v1/workspaces/{workspace}/credentials",
    params(("workspace" = String, Path), ("force" = Option<bool>, Query, description = "delete what something uses, too")),
    request_body(content((Object = "application/json"), (Object = "application/merge-patch+json"))),
    responses(
        (status = 200, description = "all of it was done, and is told in the order of the body", body = Changes),
        (status = "4XX", description = "`invalid_body`, `invalid_key`, `key_twice`, `too_many_changes`, `body_too_large`, `credential_in_use`, and what a `PUT` of one answers: nothing was done", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "`key_unavailable`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn patch_credentials(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    let scope = request.place.scope()?;
    let removal = if request.query::<Changing>()?.force {
        Removal::Forced
    } else {
        Removal::IfUnused
    };
    let kind = request.media_type();
    if !matches!(
        kind.as_deref(),
        Some("application/json" | "application/merge-patch+json")
    ) {
        let hint = "the body is `application/json`: an object of keys and values";
        return Err(Problem::unsupported_type(hint));
    }
    let changes = {
        let body = request.wiped(CHANGES).await?;
        changes(parse(&body)?)?
    };
    let (asking, workspace) = (caller.as_runner_knows(), caller.workspace());
    let changed = host
        .runner
        .change_credentials(asking, workspace, &scope, changes, removal)
        .await?;
    Ok(json(&Changes::from(changed.as_slice())))
}

/// Set, rotate and delete credentials of a workflow: all of it or nothing.
#[utoipa::path(
    patch,
    path = "/v1/workspaces/{workspace}/workflows/{workflow}/credentials",
    params(("workspace" = String, Path), ("workflow" = String, Path), ("force" = Option<bool>, Query, description = "delete what something uses, too")),
    request_body(content((Object = "application/json"), (Object = "application/merge-patch+json"))),
    responses(
        (status = 200, description = "all of it was done, and is told in the order of the body", body = Changes),
        (status = "4XX", description = "as for credentials of the workspace", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "`key_unavailable`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn patch_workflow_credentials(
    caller: Caller,
    host: Host,
    request: Unread,
) -> Result<Response, Problem> {
    patch_credentials(caller, host, request).await
}

fn changes(body: Members<'_>) -> Result<Vec<CredentialChange>, Problem> {
    let Members { count, members } = body;
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
            return Ok(CredentialChange::Delete(key));
        }
        let named = key.clone();
        let new = credential(key, said).map_err(|problem| problem.of(&format!("`{named}`")))?;
        Ok(CredentialChange::Set(new))
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
