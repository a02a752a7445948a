//! Traces, metrics and logs over OTLP, for an operator who says where to with the environment variables of OpenTelemetry.
//!
//! What the SDK reads of them by itself is described in its specification: endpoints, headers, timeouts, sampler, resource,
//! the sizes of batches. Here is only whether anything is exported at all.

use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;
use std::{env, fs};

use async_trait::async_trait;
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TracerProvider as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{
    ExporterBuildError, LogExporter, MetricExporter, SpanExporter, WithHttpConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::level_filters::LevelFilter;
use tracing::{Span, Subscriber};
use tracing_opentelemetry::{MetricsLayer, OpenTelemetryLayer, OpenTelemetrySpanExt as _};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{Targets, filter_fn};
use tracing_subscriber::registry::LookupSpan;
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use lockstep_runner::Traces;
use lockstep_step::TraceContext;

use crate::problem::Problem;

/// Where each kind of signal may be sent to, besides `OTEL_EXPORTER_OTLP_ENDPOINT`, and what turns it off.
const TRACES: Signal = Signal::new("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_TRACES_EXPORTER");
const METRICS: Signal = Signal::new(
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    "OTEL_METRICS_EXPORTER",
);
const LOGS: Signal = Signal::new("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "OTEL_LOGS_EXPORTER");

/// What carries our events that are counted.
const COUNTED: &str = "lockstep::metrics";
/// How long the end of the process waits for what is still to be sent.
const LAST_EXPORT: Duration = Duration::from_secs(5);

struct Signal {
    endpoint: &'static str,
    exporter: &'static str,
}

/// What is exported: each signal that has somewhere to go.
pub(crate) struct Telemetry {
    tracer: Option<SdkTracerProvider>,
    meter: Option<SdkMeterProvider>,
    logger: Option<SdkLoggerProvider>,
}

/// Spans as OpenTelemetry has them.
struct Exported;

/// What carries exports, on the threads of the SDK: each waits for its answer.
#[derive(Debug)]
struct Client(Agent);

// === impl Telemetry ===

impl Telemetry {
    /// What the environment asks for; `None` is nothing.
    pub(crate) fn of_environment() -> Result<Option<Self>, Problem> {
        let is_disabled =
            text("OTEL_SDK_DISABLED").is_some_and(|it| it.eq_ignore_ascii_case("true"));
        let [traces, metrics, logs] =
            [TRACES, METRICS, LOGS].map(|it| !is_disabled && it.is_wanted());
        if !(traces || metrics || logs) {
            return Ok(None);
        }
        check_protocol()?;
        let client = Arc::new(Client::new()?);
        let resource = resource();
        let tracer = traces.then(|| {
            let exporter = SpanExporter::builder().with_http();
            let exporter = exporter
                .with_shared_http_client(Arc::clone(&client) as _)
                .build();
            exporter.map(|exporter| {
                let provider = SdkTracerProvider::builder().with_batch_exporter(exporter);
                provider.with_resource(resource.clone()).build()
            })
        });
        let meter = metrics.then(|| {
            let exporter = MetricExporter::builder().with_http();
            let exporter = exporter
                .with_shared_http_client(Arc::clone(&client) as _)
                .build();
            exporter.map(|exporter| {
                let provider = SdkMeterProvider::builder().with_periodic_exporter(exporter);
                provider.with_resource(resource.clone()).build()
            })
        });
        let logger = logs.then(|| {
            let exporter = LogExporter::builder().with_http();
            let exporter = exporter
                .with_shared_http_client(Arc::clone(&client) as _)
                .build();
            exporter.map(|exporter| {
                let provider = SdkLoggerProvider::builder().with_batch_exporter(exporter);
                provider.with_resource(resource.clone()).build()
            })
        });
        Ok(Some(Self {
            tracer: tracer.transpose().map_err(|error| not_exported(&error))?,
            meter: meter.transpose().map_err(|error| not_exported(&error))?,
            logger: logger.transpose().map_err(|error| not_exported(&error))?,
        }))
    }

    /// Hears what is traced. Spans and what is counted are those of Lockstep, from the level `info` on; as logs goes what
    /// `logged` lets through.
    pub(crate) fn layers<S>(&self, logged: &Targets) -> Vec<Box<dyn Layer<S> + Send + Sync>>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        let ours = [
            "lockstep_runner",
            "lockstep_sandbox",
            "lockstep_server",
            "lockstep_store",
        ];
        let ours = Targets::new().with_targets(ours.map(|target| (target, LevelFilter::INFO)));
        let counted = Targets::new().with_target(COUNTED, LevelFilter::INFO);
        // Not what others trace: it may have hosts that a guest thought of, and each export would lead to another.
        let logged = logged.clone();
        let logged = filter_fn(move |metadata| {
            let (target, level) = (metadata.target(), metadata.level());
            let is_ours = target.starts_with("lockstep_");
            is_ours && logged.would_enable(target, level)
        });
        let spans = self.tracer.as_ref().map(|provider| {
            let layer = OpenTelemetryLayer::new(provider.tracer("lockstep"));
            let layer = layer
                .with_location(false)
                .with_threads(false)
                .with_target(false);
            layer
                .with_tracked_inactivity(false)
                .with_filter(ours)
                .boxed()
        });
        let counts = self.meter.as_ref().map(|provider| {
            let layer = MetricsLayer::new(provider.clone());
            layer.with_filter(counted).boxed()
        });
        let logs = self.logger.as_ref().map(|provider| {
            let layer = OpenTelemetryTracingBridge::new(provider);
            layer.with_filter(logged).boxed()
        });
        // What counts traces by itself while it hears an event, and those behind it would take that event for one that
        // their filters let through.
        [logs, spans, counts].into_iter().flatten().collect()
    }

    /// What joins our spans to the traces of others.
    pub(crate) fn traces(&self) -> Option<Arc<dyn Traces>> {
        self.tracer.is_some().then(|| Arc::new(Exported) as _)
    }

    /// Sends what is still to be sent. What cannot be sent by now is lost, and nobody is kept from ending for it.
    pub(crate) fn end(self) {
        if let Some(tracer) = self.tracer {
            drop(tracer.shutdown_with_timeout(LAST_EXPORT));
        }
        if let Some(meter) = self.meter {
            drop(meter.shutdown_with_timeout(LAST_EXPORT));
        }
        if let Some(logger) = self.logger {
            drop(logger.shutdown_with_timeout(LAST_EXPORT));
        }
    }
}

// === impl Signal ===

impl Signal {
    const fn new(endpoint: &'static str, exporter: &'static str) -> Self {
        Self { endpoint, exporter }
    }

    fn is_wanted(&self) -> bool {
        let has_place =
            text(self.endpoint).is_some() || text("OTEL_EXPORTER_OTLP_ENDPOINT").is_some();
        has_place && text(self.exporter).is_none_or(|exporter| exporter != "none")
    }
}

// === impl Exported ===

impl Traces for Exported {
    fn adopt(&self, span: &Span, parent: &TraceContext) {
        let flags = if parent.is_sampled() {
            TraceFlags::SAMPLED
        } else {
            TraceFlags::NOT_SAMPLED
        };
        // A state that is against its grammar is left out, as the standard says.
        let state = parent.state().and_then(|state| state.parse().ok());
        let context = SpanContext::new(
            TraceId::from(parent.trace()),
            SpanId::from(parent.parent()),
            flags,
            true,
            state.unwrap_or_default(),
        );
        // It fails for a span that nobody keeps.
        drop(span.set_parent(Context::new().with_remote_span_context(context)));
    }

    fn context(&self, span: &Span) -> Option<TraceContext> {
        let context = span.context();
        let context = context.span().span_context().clone();
        let trace = u128::from_be_bytes(context.trace_id().to_bytes());
        let parent = u64::from_be_bytes(context.span_id().to_bytes());
        let ours = TraceContext::new(trace, parent, context.is_sampled())?;
        Some(ours.with_state(&context.trace_state().header()))
    }
}

// === impl Client ===

impl Client {
    /// Trusts the authorities of Mozilla, or those of `OTEL_EXPORTER_OTLP_CERTIFICATE` alone. How long an export may take
    /// is `OTEL_EXPORTER_OTLP_TIMEOUT`, in milliseconds.
    fn new() -> Result<Self, Problem> {
        let timeout = text("OTEL_EXPORTER_OTLP_TIMEOUT").and_then(|text| text.parse().ok());
        let timeout = Duration::from_millis(timeout.unwrap_or(10_000));
        let mut tls = TlsConfig::builder();
        if let Some(path) = text("OTEL_EXPORTER_OTLP_CERTIFICATE") {
            let certificates = fs::read(&path)
                .map_err(|error| error.to_string())
                .and_then(|pem| authorities(&pem));
            let certificates = certificates.map_err(|why| {
                Problem::usage(format!("cannot use `{path}`: {why}"))
                    .hint("`OTEL_EXPORTER_OTLP_CERTIFICATE` names a file with certificates in PEM")
            })?;
            tls = tls.root_certs(RootCerts::new_with_certs(&certificates));
        }
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(timeout))
            .tls_config(tls.build())
            .build();
        Ok(Self(config.into()))
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let response = self.0.run(Request::from_parts(head, body.to_vec()))?;
        let (head, mut body) = response.into_parts();
        Ok(Response::from_parts(head, body.read_to_vec()?.into()))
    }
}

fn authorities(pem: &[u8]) -> Result<Vec<Certificate<'static>>, String> {
    let items: Result<Vec<_>, _> = ureq::tls::parse_pem(pem).collect();
    let certificates: Vec<_> = items
        .map_err(|error| error.to_string())?
        .into_iter()
        .filter_map(|item| match item {
            ureq::tls::PemItem::Certificate(certificate) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        return Err("it has no certificate".to_owned());
    }
    Ok(certificates)
}

/// Who we are, with what `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` say of it.
fn resource() -> Resource {
    let mut resource = Resource::builder();
    if text("OTEL_SERVICE_NAME").is_none() {
        resource = resource.with_service_name("lockstep");
    }
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    resource.with_attribute(version).build()
}

fn check_protocol() -> Result<(), Problem> {
    let names = [
        "OTEL_EXPORTER_OTLP_PROTOCOL",
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
        "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL",
        "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL",
    ];
    for name in names {
        match text(name).as_deref() {
            None | Some("http/protobuf") => {}
            Some(_) => {
                return Err(Problem::usage(format!(
                    "`{name}` asks for a protocol that is not known"
                ))
                .hint("telemetry is sent as `http/protobuf`, to port 4318 of most collectors"));
            }
        }
    }
    Ok(())
}

fn text(name: &str) -> Option<String> {
    let value = env::var_os(name).map(OsString::into_string);
    value.and_then(Result::ok).filter(|value| !value.is_empty())
}

fn not_exported(error: &ExporterBuildError) -> Problem {
    Problem::usage("cannot send telemetry as the environment says")
        .because(Some(error))
        .hint("look at the variables that begin with `OTEL_EXPORTER_OTLP`")
}
