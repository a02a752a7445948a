//! A client with many connections, each of which asks its next question when the last one was answered.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::figures::Figures;

/// A question, and what its answer must be.
#[derive(Clone)]
pub(crate) struct Ask {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) token: Option<String>,
    pub(crate) kind: &'static str,
    pub(crate) body: Bytes,
    /// Stands in the answer, or it is an error.
    pub(crate) expected: &'static str,
}

pub(crate) struct Connection(SendRequest<Full<Bytes>>);

pub(crate) struct Client(Vec<(Connection, Ask)>);

impl Ask {
    fn request(&self) -> Request<Full<Bytes>> {
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(&self.path)
            .header("host", "localhost")
            .header("content-type", self.kind);
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        request.body(Full::new(self.body.clone())).unwrap()
    }
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self(sender)
    }

    /// Status and body.
    pub(crate) async fn ask(&mut self, ask: &Ask) -> (u16, Bytes) {
        self.0.ready().await.unwrap();
        let answer = self.0.send_request(ask.request()).await.unwrap();
        let status = answer.status().as_u16();
        (
            status,
            answer.into_body().collect().await.unwrap().to_bytes(),
        )
    }

    /// How long the answer took, and whether it was right.
    pub(crate) async fn time(&mut self, ask: &Ask) -> (Duration, bool) {
        let began = Instant::now();
        let (status, body) = self.ask(ask).await;
        let took = began.elapsed();
        let expected = ask.expected.as_bytes();
        let is_right = body.windows(expected.len()).any(|part| part == expected);
        if !is_right {
            eprintln!("{status} {}", String::from_utf8_lossy(&body));
        }
        (took, status < 300 && is_right)
    }
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr, asks: &[Ask]) -> Self {
        let mut connections = Vec::new();
        for ask in asks {
            connections.push((Connection::open(address).await, ask.clone()));
        }
        Self(connections)
    }

    pub(crate) async fn ask_for(&mut self, time: Duration) -> Figures {
        let began = Instant::now();
        let mut asking = JoinSet::new();
        for (mut connection, ask) in self.0.drain(..) {
            asking.spawn(async move {
                let mut figures = Figures::default();
                while began.elapsed() < time {
                    let (took, is_right) = connection.time(&ask).await;
                    figures.note(took, is_right);
                }
                (figures, (connection, ask))
            });
        }
        let mut all = Figures::default();
        for (figures, connection) in asking.join_all().await {
            all.add(figures);
            self.0.push(connection);
        }
        all.took = began.elapsed();
        all
    }
}
