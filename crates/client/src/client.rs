//! One server and one token.

use std::error::Error as _;
use std::fmt;
use std::fs::File;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, USER_AGENT};
use http::{HeaderValue, Method, Request};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Serialize;
use tokio::time::timeout;

use lockstep_secret::Secret;

use crate::address::{InTheClear, ServerAddress};
use crate::answer::Answer;
use crate::error::ClientError;
use crate::file_body::{FileBody, Sent};
use crate::tls;

/// Longer than any handshake over a network that works.
const CONNECT: Duration = Duration::from_secs(10);
/// What is not a run is answered at once, but for a step that is compiled.
const USUAL: Duration = Duration::from_secs(60);

/// What a client needs to know.
pub struct ClientConfig<'a> {
    /// Where the server is.
    pub server: ServerAddress,
    /// Whether it may be asked without TLS.
    pub clear: InTheClear,
    /// The token, such as `lsk_…`.
    pub token: &'a Secret,
    /// PEM with the certificates of the authorities that are trusted, instead of those of the platform.
    pub roots: Option<&'a [u8]>,
}

/// How long an answer is waited for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Patience {
    /// As long as anything that is not a run takes.
    Usual,
    /// So long.
    Long(Duration),
}

/// A client of one server, with one token. Connections are kept for the next request.
pub struct Client {
    http: legacy::Client<HttpsConnector<HttpConnector>, Body>,
    server: ServerAddress,
    /// `Bearer` and the token; marked, so that it has no debug text.
    authorization: HeaderValue,
}

/// What is sent: what is at hand, or a file.
type Body = Either<Full<Bytes>, FileBody>;

/// A request before it is sent.
pub(crate) struct Ask<'a> {
    client: &'a Client,
    method: Method,
    path: String,
    accept: &'static str,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Body,
    patience: Patience,
}

/// The plaintext of a body, wiped when it was sent.
struct SecretBody(Secret);

// === impl Client ===

impl Client {
    /// A client, which connects with its first request.
    ///
    /// # Errors
    /// [`ClientError::Address`], [`ClientError::Roots`], [`ClientError::Token`].
    pub fn new(config: ClientConfig<'_>) -> Result<Self, ClientError> {
        let server = config.server.checked(config.clear)?;
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls::settings(config.roots)?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        Ok(Self {
            http: legacy::Client::builder(TokioExecutor::new()).build(connector),
            server,
            authorization: authorization(config.token)?,
        })
    }

    /// Where the server is.
    #[must_use]
    pub fn server(&self) -> &ServerAddress {
        &self.server
    }

    pub(crate) fn get(&self, path: impl Into<String>) -> Ask<'_> {
        self.ask(Method::GET, path)
    }

    pub(crate) fn ask(&self, method: Method, path: impl Into<String>) -> Ask<'_> {
        Ask {
            client: self,
            method,
            path: path.into(),
            accept: "application/json",
            headers: Vec::new(),
            body: Body::Left(Full::default()),
            patience: Patience::Usual,
        }
    }

    fn late(&self, patience: Duration) -> ClientError {
        ClientError::Late {
            server: self.server.to_string(),
            patience,
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

// === impl Ask ===

impl<'a> Ask<'a> {
    pub(crate) fn accepting(mut self, kind: &'static str) -> Self {
        self.accept = kind;
        self
    }

    pub(crate) fn header(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.push((name, HeaderValue::from_static(value)));
        self
    }

    pub(crate) fn number(mut self, name: HeaderName, value: u64) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    pub(crate) fn body(mut self, kind: &'static str, body: impl Into<Bytes>) -> Self {
        self.body = Body::Left(Full::new(body.into()));
        self.header(CONTENT_TYPE, kind)
    }

    /// The first `length` bytes of a file.
    pub(crate) fn file(mut self, kind: &'static str, file: File, length: u64, sent: Sent) -> Self {
        self.body = Body::Right(FileBody::new(file, length, sent));
        self.header(CONTENT_TYPE, kind)
    }

    /// A body that is a value, or has one in it.
    pub(crate) fn secret(self, kind: &'static str, body: Secret) -> Self {
        self.body(kind, Bytes::from_owner(SecretBody(body)))
    }

    pub(crate) fn json(self, document: &impl Serialize) -> Self {
        let body = serde_json::to_vec(document).unwrap_or_default();
        self.body("application/json", body)
    }

    /// Sends it, and gives the answer once its head is there. What is no success is an error.
    pub(crate) async fn send(self) -> Result<Answer, ClientError> {
        let client = self.client;
        let patience = self.patience.time();
        let request = self.request()?;
        let answered = timeout(patience, client.http.request(request)).await;
        let response = answered
            .map_err(|_| client.late(patience))?
            .map_err(|error| client.failed(&error))?;
        Answer::checked(&client.server, response, patience).await
    }

    fn request(self) -> Result<Request<Body>, ClientError> {
        let server = &self.client.server;
        let uri = server.uri(&self.path);
        let uri = uri.map_err(|error| ClientError::Strange {
            server: server.to_string(),
            what: error.to_string(),
        })?;
        let mut request = Request::new(self.body);
        *request.method_mut() = self.method;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static(self.accept));
        let agent = concat!("lockstep/", env!("CARGO_PKG_VERSION"));
        headers.insert(USER_AGENT, HeaderValue::from_static(agent));
        headers.insert(AUTHORIZATION, self.client.authorization.clone());
        headers.extend(self.headers);
        Ok(request)
    }
}

impl Client {
    /// Connecting is told apart from what comes after: then the request may have been carried out.
    fn failed(&self, error: &legacy::Error) -> ClientError {
        let server = self.server.to_string();
        let is_connect = error.is_connect();
        // What hyper says of itself is `client error (Connect)`; what helps is behind it.
        let source: Box<dyn std::error::Error + Send + Sync> = match error.source() {
            Some(source) => deepest(source).into(),
            None => error.to_string().into(),
        };
        if is_connect {
            ClientError::Connect { server, source }
        } else {
            ClientError::Broken { server, source }
        }
    }
}

fn deepest(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

// === impl Patience ===

impl Patience {
    pub(crate) fn time(self) -> Duration {
        match self {
            Self::Usual => USUAL,
            Self::Long(time) => time,
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the token goes into the header that shows it to the server, which is marked as sensitive"
)]
fn authorization(token: &Secret) -> Result<HeaderValue, ClientError> {
    let text = lockstep_secret::Zeroizing::new(format!("Bearer {}", token.expose()));
    let mut value = HeaderValue::from_str(&text).map_err(|_| ClientError::Token)?;
    value.set_sensitive(true);
    Ok(value)
}

impl AsRef<[u8]> for SecretBody {
    #[expect(
        clippy::disallowed_methods,
        reason = "the value goes to the server, as the body of a request"
    )]
    fn as_ref(&self) -> &[u8] {
        self.0.expose().as_bytes()
    }
}

/// The answer as hyper gives it.
pub(crate) type Response = http::Response<Incoming>;
