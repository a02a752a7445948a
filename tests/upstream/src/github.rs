//! GitHub's list of issues (<https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api>), as far
//! as steps see it: pages, with a header `link` to the others. Without a `user-agent` it answers 403, as GitHub does.

use http::header::{HeaderValue, LINK};
use http::{Response, StatusCode};
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::body::{self, Body};
use crate::record::Received;
use crate::routes;

/// Issues that each repository has.
pub const ISSUES: usize = 250;

/// A page of issues.
pub(crate) fn issues(received: &Received, owner: &str, name: &str) -> Response<Body> {
    if received.header("user-agent").is_none() {
        return routes::status(StatusCode::FORBIDDEN);
    }
    let per_page = asked(received, "per_page").unwrap_or(30).clamp(1, 100);
    let page = asked(received, "page").unwrap_or(1).max(1);
    let issues: Vec<Value> = (1..=ISSUES)
        .skip((page - 1) * per_page)
        .take(per_page)
        .map(|number| json!({ "number": number, "title": format!("issue {number}") }))
        .collect();
    let mut response = body::json(&Value::Array(issues));
    let scheme = if received.is_secure { "https" } else { "http" };
    let host = &received.host;
    let link = |page: usize, relation: &str| {
        format!(
            "<{scheme}://{host}/repos/{owner}/{name}/issues?per_page={per_page}&page={page}>; rel=\"{relation}\""
        )
    };
    let last = ISSUES.div_ceil(per_page);
    let mut links = Vec::new();
    if page > 1 {
        links.extend([link(page - 1, "prev"), link(1, "first")]);
    }
    if page < last {
        links.extend([link(page + 1, "next"), link(last, "last")]);
    }
    if !links.is_empty() {
        let links = HeaderValue::from_str(&links.join(", ")).unwrap();
        response.headers_mut().insert(LINK, links);
    }
    response
}

fn asked(received: &Received, name: &str) -> Option<usize> {
    let query = received.query.as_deref()?;
    let found = form_urlencoded::parse(query.as_bytes()).find(|(it, _)| it == name);
    found?.1.parse().ok()
}
