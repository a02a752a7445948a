//! The query of a request, read.

use axum::extract::Query;
use axum::http::Uri;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// A query of this form. What is wrong is not told: it may be anything.
pub(crate) fn query<T: DeserializeOwned>(uri: &Uri) -> Result<T, Problem> {
    let query = Query::try_from_uri(uri).map_err(|_| {
        invalid("the query has a part that is unknown or of another form")
            .hint("`GET /openapi.json` tells what it takes")
    });
    query.map(|Query(query)| query)
}

/// How many entries of a list are asked for: `listed` if nothing is said, and from 1 to `most`.
pub(crate) fn limit(asked: Option<u32>, listed: u32, most: u32) -> Result<u32, Problem> {
    let limit = asked.unwrap_or(listed);
    if limit == 0 || limit > most {
        let detail = format!("`limit` is {limit}: it is from 1 to {most}");
        return Err(invalid(detail));
    }
    Ok(limit)
}

/// A query that cannot be answered.
pub(crate) fn invalid(detail: impl std::fmt::Display) -> Problem {
    Problem::bad_request("invalid_query", detail)
}
