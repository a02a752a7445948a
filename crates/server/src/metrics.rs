//! What the server counts, and tells Prometheus.
//!
//! A label is a word of ours: a method, a route as it is documented, a status, an outcome. No name that a user chose, no
//! key and no value is in one, and so there are only so many.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use lockstep_runner::Runner;

use crate::body::Unread;
use crate::caller::Caller;
use crate::gate::Gate;
use crate::host::Host;
use crate::problem::{Problem, ProblemDetails};

/// The counters, and the registry that tells them.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    request_seconds: Family<Asked, Histogram, fn() -> Histogram>,
    failed_authentications: Counter,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Asked {
    method: String,
    route: Arc<str>,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Answered {
    method: String,
    route: Arc<str>,
    status: u16,
}

impl Metrics {
    pub(crate) fn new(runner: &Runner, gate: &Gate) -> Self {
        let mut registry = Registry::with_prefix("lockstep");
        let requests = Family::default();
        registry.register(
            "http_requests",
            "Requests that were answered",
            requests.clone(),
        );
        let request_seconds = Family::new_with_constructor(request_seconds as fn() -> Histogram);
        registry.register_with_unit(
            "http_request",
            "Time from the head of a request to that of its answer",
            Unit::Seconds,
            request_seconds.clone(),
        );
        let failed_authentications = Counter::default();
        registry.register(
            "failed_authentications",
            "Requests with a token that was none, or that were put off because of such",
            failed_authentications.clone(),
        );
        registry.register_collector(Box::new(gate.clone()));
        runner.register_metrics(&mut registry);
        Self {
            registry,
            requests,
            request_seconds,
            failed_authentications,
        }
    }

    /// A request was answered.
    pub(crate) fn answered(
        &self,
        method: &Method,
        route: &Arc<str>,
        status: StatusCode,
        took: Duration,
    ) {
        let asked = Asked {
            method: method.as_str().to_owned(),
            route: Arc::clone(route),
        };
        let seconds = took.as_secs_f64();
        self.request_seconds.get_or_create(&asked).observe(seconds);
        let Asked { method, route } = asked;
        let answered = Answered {
            method,
            route,
            status: status.as_u16(),
        };
        self.requests.get_or_create(&answered).inc();
    }

    /// Nothing is at the path of a request, or not for its method.
    pub(crate) fn found_no_route(&self, status: StatusCode) {
        let answered = Answered {
            method: "none".to_owned(),
            route: "none".into(),
            status: status.as_u16(),
        };
        self.requests.get_or_create(&answered).inc();
    }

    /// A token was none, or was not looked up.
    pub(crate) fn authentication_failed(&self) {
        self.failed_authentications.inc();
    }

    fn text(&self) -> Result<String, fmt::Error> {
        let mut told = String::new();
        text::encode(&mut told, &self.registry)?;
        Ok(told)
    }
}

/// From 0.1 ms to 14 minutes: a run may be waited for as long as ten.
fn request_seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.0001, 2.0, 24))
}

/// What the host has counted, for Prometheus. For tokens of the workspace `default`: it is about all workspaces.
#[utoipa::path(
    get,
    path = "/metrics",
    responses(
        (status = 200, description = "OpenMetrics text", body = String, content_type = "application/openmetrics-text"),
        (status = "4XX", description = "`no_token`, `bad_token`, `not_found`", body = ProblemDetails, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub(crate) async fn metrics(_: Caller, host: Host, _: Unread) -> Result<Response, Problem> {
    let told = host.metrics.text();
    let told = told.map_err(|error| Problem::internal(&error))?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(CONTENT_TYPE, kind)], told).into_response())
}
