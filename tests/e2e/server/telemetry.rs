//! What the server exports of a run, and the trace that goes through it.

use serde_json::{Value, json};

use lockstep_e2e::{Collector, Served, TestHost};
use lockstep_step::Role;
use lockstep_upstream::Upstream;
use opentelemetry_proto::tonic::trace::v1::Span;

use super::{INLINE, JSON};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

/// Asks for the headers that the other side saw, and puts a credential wherever it can.
const STEP: &str = "
    export default async ({ url }) => {
      const value = credential('CANARY');
      console.log(value);
      const asked = await fetch(`${url}?${encodeURIComponent(value)}`, { method: 'GET' });
      await fetch(url, { method: value.replaceAll(/[^a-z]/gi, '') }).catch(() => {});
      await fetch(`http://${value}.test/`).catch(() => {});
      return (await asked.json()).headers;
    };";

/// Runs [`STEP`] as part of a trace, and gives the headers that its request had.
fn run(server: &Served<'_>, token: &str, upstream: &Upstream, head: &str) -> Value {
    let url = format!("http://127.0.0.1:{}/echo", upstream.http_port());
    let body = json!({"source": STEP, "input": {"url": url}}).to_string();
    let length = body.len();
    let head = format!("Content-Type: {JSON}\r\nContent-Length: {length}\r\n{head}");
    let mut asked = server.say("POST", INLINE, Some(token), &head, body.as_bytes());
    let ran = server.hear(&mut asked).is(200).json();
    assert_eq!(ran["outcome"], "completed", "{ran}");
    ran["output"].clone()
}

/// A header among those that were received.
fn header<'a>(headers: &'a Value, name: &str) -> Option<&'a str> {
    let mut headers = headers.as_array().unwrap().iter();
    let found = headers.find(|header| header[0] == name)?;
    found[1].as_str()
}

fn traced() -> String {
    format!("traceparent: 00-{TRACE}-{PARENT}-01\r\ntracestate: vendor=1\r\n")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The one span of this name.
fn named<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let mut found = spans.iter().filter(|span| span.name == name);
    let span = found.next();
    let names = || spans.iter().map(|span| &span.name).collect::<Vec<_>>();
    span.unwrap_or_else(|| panic!("no span `{name}` in {:?}", names()))
}

#[tokio::test]
async fn a_run_is_one_tree_of_spans_in_the_trace_of_its_caller_and_its_requests_go_on_with_it() {
    let host = TestHost::new().await;
    let runner = host.token(Role::Runner).await;
    let (collector, upstream) = (Collector::start(), Upstream::start());
    let environment = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint()),
        ("LOCKSTEP_EGRESS_NETWORKS", "127.0.0.1/32".to_owned()),
    ];
    let server = Served::start_in(&host, &environment, &[]).await;
    let headers = run(&server, &runner, &upstream, &traced());
    assert_eq!(server.end(), Some(0));
    for body in collector.taken() {
        host.leaves("telemetry", &body);
    }

    let spans = collector.spans();
    let call = named(
        &spans,
        "POST /v1/workspaces/{workspace}/workflows/{workflow}/runs",
    );
    let (run, guest) = (named(&spans, "run"), named(&spans, "guest"));
    let mut requests = spans.iter().filter(|span| span.name == "request");
    let request = requests.next().unwrap();
    assert_eq!(requests.count(), 2);
    assert_eq!(hex(&call.parent_span_id), PARENT);
    assert_eq!(run.parent_span_id, call.span_id);
    for part in ["load", "queue", "resolve", "guest"] {
        assert_eq!(named(&spans, part).parent_span_id, run.span_id, "{part}");
    }
    assert_eq!(request.parent_span_id, guest.span_id);
    assert!(spans.iter().all(|span| hex(&span.trace_id) == TRACE));
    let parent = format!("00-{TRACE}-{}-01", hex(&request.span_id));
    assert_eq!(header(&headers, "traceparent"), Some(&*parent));
    assert_eq!(header(&headers, "tracestate"), Some("vendor=1"));
    for name in [
        "lockstep.runs",
        "lockstep.run.duration",
        "lockstep.run.queue",
    ] {
        assert!(collector.metrics().iter().any(|it| it == name), "{name}");
    }
    let logs = collector.logs();
    assert!(logs.iter().any(|text| text == "answered"), "{logs:?}");
    assert!(!logs.iter().any(|text| text == "a run ended"), "{logs:?}");
}

#[tokio::test]
async fn a_trace_goes_through_a_server_that_exports_nothing() {
    let host = TestHost::new().await;
    let runner = host.token(Role::Runner).await;
    let upstream = Upstream::start();
    let environment = [("LOCKSTEP_EGRESS_NETWORKS", "127.0.0.1/32".to_owned())];
    let server = Served::start_in(&host, &environment, &[]).await;
    let headers = run(&server, &runner, &upstream, &traced());
    assert_eq!(
        header(&headers, "traceparent"),
        Some(&*format!("00-{TRACE}-{PARENT}-01"))
    );
    assert_eq!(header(&headers, "tracestate"), Some("vendor=1"));
    let headers = run(
        &server,
        &runner,
        &upstream,
        "traceparent: 00-no-trace-01\r\n",
    );
    assert_eq!(header(&headers, "traceparent"), None);
}

#[tokio::test]
async fn a_protocol_that_telemetry_is_not_sent_in_is_refused_with_the_one_that_is() {
    let host = TestHost::new().await;
    let environment = [
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "http://127.0.0.1:9".to_owned(),
        ),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc".to_owned()),
    ];
    let refused = host
        .lockstep_given(&environment, &["workflow", "list"])
        .exits(2);
    assert!(refused.stderr.contains("`http/protobuf`"), "{refused:?}");
}
