//! The page that shows the OpenAPI document: three files of ours, and nothing from elsewhere.

use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};

use crate::host::Host;
use crate::problem::Problem;

/// It loads its own two files and the document, and nothing may be written into it that does more.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'";

/// All that there is to call, to read in a browser.
#[utoipa::path(get, path = "/docs", responses((status = 200, description = "a page", body = String, content_type = "text/html")))]
pub(crate) async fn docs(_: Host) -> Result<Response, Problem> {
    Ok(file("text/html", include_str!("docs/page.html")))
}

/// How that page looks.
#[utoipa::path(get, path = "/docs/style.css", responses((status = 200, description = "a style sheet", body = String, content_type = "text/css")))]
pub(crate) async fn docs_style(_: Host) -> Result<Response, Problem> {
    Ok(file("text/css", include_str!("docs/style.css")))
}

/// What puts the document into that page.
#[utoipa::path(get, path = "/docs/script.js", responses((status = 200, description = "a script", body = String, content_type = "text/javascript")))]
pub(crate) async fn docs_script(_: Host) -> Result<Response, Problem> {
    Ok(file("text/javascript", include_str!("docs/script.js")))
}

fn file(kind: &str, text: &'static str) -> Response {
    let kind = format!("{kind}; charset=utf-8");
    // Of another release it is another file.
    let headers = [
        (CONTENT_TYPE, kind.as_str()),
        (CACHE_CONTROL, "no-cache"),
        (CONTENT_SECURITY_POLICY, POLICY),
    ];
    (headers, text).into_response()
}
