//! The server as tests hold it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use crate::authority::Authority;
use crate::record::{Received, Record};
use crate::serve::{self, Listeners};
use crate::signature::S3Account;

/// The server. It runs in a thread of its own until it is dropped.
pub struct Upstream {
    https: SocketAddr,
    https1: SocketAddr,
    http: SocketAddr,
    raw: SocketAddr,
    root: String,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Who may do something with the services that it plays.
#[derive(Clone, Debug)]
pub struct Accounts {
    /// The token that its Slack takes.
    pub slack_token: String,
    /// The account whose signatures its S3 takes.
    pub s3: S3Account,
}

/// What all connections have.
pub(crate) struct Shared {
    pub(crate) record: Record,
    pub(crate) accounts: Accounts,
}

impl Upstream {
    /// Where it listens.
    pub const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    /// A server that listens.
    #[must_use]
    pub fn start() -> Self {
        Self::with(Accounts::default())
    }

    /// A server that plays services with these accounts.
    #[must_use]
    pub fn with(accounts: Accounts) -> Self {
        let shared = Arc::new(Shared {
            record: Record::default(),
            accounts,
        });
        let listeners = Listeners::bind(Self::ADDRESS);
        let authority = Arc::new(Authority::new());
        let root = authority.root();
        let [https, https1, http, raw] = listeners.addresses();
        let (stop, stopped) = oneshot::channel();
        let serving = serve::serve(listeners, authority, Arc::clone(&shared), stopped);
        let thread = std::thread::Builder::new().name("upstream".to_owned());
        let thread = thread.spawn(move || serve::runtime().block_on(serving));
        Self {
            https,
            https1,
            http,
            raw,
            root,
            shared,
            stop: Some(stop),
            thread: Some(thread.unwrap()),
        }
    }

    /// A URL over TLS, with HTTP/2 if the client can.
    #[must_use]
    pub fn https(&self, host: &str, path: &str) -> String {
        format!("https://{host}:{}{path}", self.https.port())
    }

    /// A URL over TLS, with HTTP/1.1.
    #[must_use]
    pub fn https1(&self, host: &str, path: &str) -> String {
        format!("https://{host}:{}{path}", self.https1.port())
    }

    /// A URL without TLS.
    #[must_use]
    pub fn http(&self, host: &str, path: &str) -> String {
        format!("http://{host}:{}{path}", self.http.port())
    }

    /// A URL without TLS whose answer is these bytes, as they are, whatever the request is; then the connection is closed.
    #[must_use]
    pub fn raw(&self, host: &str, answer: &[u8]) -> String {
        use std::fmt::Write as _;
        let mut url = format!("http://{host}:{}/", self.raw.port());
        for byte in answer {
            write!(url, "{byte:02x}").unwrap();
        }
        url
    }

    /// The port for TLS with HTTP/1.1 and HTTP/2.
    #[must_use]
    pub fn https_port(&self) -> u16 {
        self.https.port()
    }

    /// The port for TLS with HTTP/1.1 only.
    #[must_use]
    pub fn https1_port(&self) -> u16 {
        self.https1.port()
    }

    /// The port without TLS.
    #[must_use]
    pub fn http_port(&self) -> u16 {
        self.http.port()
    }

    /// The certificate of its authority, as PEM. For `expired.test`, `wrong-name.test` and `untrusted.test` it does not help.
    #[must_use]
    pub fn root(&self) -> &str {
        &self.root
    }

    /// The token that its Slack takes.
    #[must_use]
    pub fn slack_token(&self) -> &str {
        &self.shared.accounts.slack_token
    }

    /// All requests so far, in the order of their heads.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.shared.record.received()
    }

    /// The one request so far.
    ///
    /// # Panics
    /// There was none, or more.
    #[must_use]
    pub fn only(&self) -> Received {
        let mut received = self.received();
        assert_eq!(received.len(), 1, "one request: {received:#?}");
        received.remove(0)
    }

    /// Connections so far, those that are closed included.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.shared.record.connections()
    }

    /// Connections that are open.
    #[must_use]
    pub fn open_connections(&self) -> u64 {
        self.shared.record.open_connections()
    }
}

impl Default for Accounts {
    fn default() -> Self {
        Self {
            slack_token: "xoxb-of-a-test".to_owned(),
            s3: S3Account {
                access_key_id: "AKIDEXAMPLE".to_owned(),
                secret_access_key: "the-s3-key-of-a-test".to_owned(),
            },
        }
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            ended.unwrap().unwrap();
        }
    }
}
