//! `traceparent` and `tracestate`, as a caller sends them (W3C Trace Context).

use axum::http::HeaderMap;

use lockstep_step::TraceContext;

/// The trace that the caller is in, if its headers say so.
pub(crate) fn told(headers: &HeaderMap) -> Option<TraceContext> {
    let mut parents = headers.get_all("traceparent").iter();
    let context = TraceContext::parse(parents.next()?.to_str().ok()?)?;
    if parents.next().is_some() {
        return None;
    }
    let states: Option<Vec<&str>> = headers
        .get_all("tracestate")
        .iter()
        .map(|state| state.to_str().ok())
        .collect();
    Some(context.with_state(&states.unwrap_or_default().join(",")))
}
