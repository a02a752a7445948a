//! The trace that a call is part of (W3C Trace Context).

use axum::http::{HeaderMap, Method};
use tracing::{Span, field};

use lockstep_step::TraceContext;

use crate::host::Host;
use crate::trace_headers::told;

/// The trace that a run is part of which is asked for with these headers, in the span of the call.
pub(crate) fn of_run(host: &Host, headers: &HeaderMap) -> Option<TraceContext> {
    let ours = host.runner.traces();
    let ours = ours.and_then(|traces| traces.context(&Span::current()));
    ours.or_else(|| told(headers))
}

/// The span of a call, named as OpenTelemetry's semantic conventions have it for servers of HTTP. Of the path it has what
/// all calls of its route share.
pub(crate) fn span(host: &Host, method: &Method, route: &str, headers: &HeaderMap) -> Span {
    let span = tracing::info_span!(
        "call",
        otel.kind = "server",
        otel.name = format_args!("{method} {route}"),
        http.request.method = method.as_str(),
        http.route = route,
        http.response.status_code = field::Empty,
        otel.status_code = field::Empty,
    );
    if let (Some(traces), Some(parent)) = (host.runner.traces(), told(headers)) {
        traces.adopt(&span, &parent);
    }
    span
}

/// Notes how a call was answered.
pub(crate) fn answered(span: &Span, status: u16) {
    span.record("http.response.status_code", status);
    if status >= 500 {
        span.record("otel.status_code", "ERROR");
    }
}
