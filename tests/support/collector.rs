//! A collector of OpenTelemetry: takes what is exported over OTLP as `http/protobuf`, and keeps it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;

/// What came: to which path, and the body.
type Taken = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// A collector that listens until the test ends.
pub struct Collector {
    address: SocketAddr,
    taken: Taken,
}

impl Collector {
    /// Listens.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let taken = Taken::default();
        let keeps = Arc::clone(&taken);
        thread::spawn(move || {
            for connection in listener.incoming() {
                let keeps = Arc::clone(&keeps);
                thread::spawn(move || take(&connection.unwrap(), &keeps));
            }
        });
        Self { address, taken }
    }

    /// For `OTEL_EXPORTER_OTLP_ENDPOINT`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All that came, as it came.
    #[must_use]
    pub fn taken(&self) -> Vec<Vec<u8>> {
        let taken = self.taken.lock().unwrap();
        taken.iter().map(|(_, body)| body.clone()).collect()
    }

    /// The spans, with the resource's attributes ignored.
    #[must_use]
    pub fn spans(&self) -> Vec<Span> {
        self.of("/v1/traces", |body| {
            let request = ExportTraceServiceRequest::decode(body).unwrap();
            let scopes = request
                .resource_spans
                .into_iter()
                .flat_map(|it| it.scope_spans);
            scopes.flat_map(|it| it.spans).collect()
        })
    }

    /// The names of the metrics.
    #[must_use]
    pub fn metrics(&self) -> Vec<String> {
        self.of("/v1/metrics", |body| {
            let request = ExportMetricsServiceRequest::decode(body).unwrap();
            let scopes = request
                .resource_metrics
                .into_iter()
                .flat_map(|it| it.scope_metrics);
            scopes.flat_map(|it| it.metrics).map(|it| it.name).collect()
        })
    }

    /// The texts of the log.
    #[must_use]
    pub fn logs(&self) -> Vec<String> {
        self.of("/v1/logs", |body| {
            let request = ExportLogsServiceRequest::decode(body).unwrap();
            let scopes = request
                .resource_logs
                .into_iter()
                .flat_map(|it| it.scope_logs);
            let records = scopes.flat_map(|it| it.log_records);
            let texts = records.filter_map(|it| match it.body?.value? {
                Value::StringValue(text) => Some(text),
                _ => None,
            });
            texts.collect()
        })
    }

    fn of<T>(&self, path: &str, read: impl Fn(&[u8]) -> Vec<T>) -> Vec<T> {
        let taken = self.taken.lock().unwrap();
        let bodies = taken.iter().filter(|(to, _)| to == path);
        bodies.flat_map(|(_, body)| read(body)).collect()
    }
}

/// Takes the requests of one connection.
fn take(connection: &TcpStream, keeps: &Mutex<Vec<(String, Vec<u8>)>>) {
    let mut reader = BufReader::new(connection);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let path = line.split(' ').nth(1).unwrap().to_owned();
        let mut length = 0;
        loop {
            line.clear();
            reader.read_line(&mut line).unwrap();
            let lower = line.to_ascii_lowercase();
            if let Some(told) = lower.strip_prefix("content-length:") {
                length = told.trim().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        keeps.lock().unwrap().push((path, body));
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        let mut writer = connection;
        writer.write_all(answer).unwrap();
    }
}
