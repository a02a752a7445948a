//! What the server received.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use http::request::Parts;

/// Of longer bodies the beginning is kept, in bytes.
const MAX_KEPT_BYTES: usize = 1 << 20;

/// A request as the server received it.
#[derive(Clone, Debug)]
pub struct Received {
    /// The number of its connection, from 1 on.
    pub connection: u64,
    /// Whether it came over TLS.
    pub is_secure: bool,
    /// `HTTP/1.1` or `HTTP/2.0`.
    pub protocol: String,
    /// The method.
    pub method: String,
    /// `:authority`, or the header `host`.
    pub host: String,
    /// The path, without the query.
    pub path: String,
    /// The query as it came, without `?`.
    pub query: Option<String>,
    /// The headers in their order; each byte of a value is a character.
    pub headers: Vec<(String, String)>,
    /// The body, or its first megabyte.
    pub body: Vec<u8>,
    /// How long it was, in bytes.
    pub body_bytes: u64,
    /// Whether the body has come to its end.
    pub is_complete: bool,
}

/// All requests.
#[derive(Default)]
pub(crate) struct Record {
    entries: Mutex<Vec<Entry>>,
    opened: AtomicU64,
    closed: AtomicU64,
}

/// One request, while it arrives.
#[derive(Clone)]
pub(crate) struct Entry(Arc<Mutex<Received>>);

/// A connection that is open.
pub(crate) struct Open {
    shared: Arc<crate::upstream::Shared>,
    pub(crate) number: u64,
    pub(crate) is_secure: bool,
}

// === impl Received ===

impl Received {
    /// The value of a header; of several the first.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(it, _)| it == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The body as text.
    ///
    /// # Panics
    /// It is none.
    #[must_use]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

// === impl Record ===

impl Record {
    pub(crate) fn received(&self) -> Vec<Received> {
        let entries = self.entries.lock().unwrap();
        entries
            .iter()
            .map(|entry| entry.0.lock().unwrap().clone())
            .collect()
    }

    pub(crate) fn connections(&self) -> u64 {
        self.opened.load(Ordering::SeqCst)
    }

    pub(crate) fn open_connections(&self) -> u64 {
        self.connections() - self.closed.load(Ordering::SeqCst)
    }

    /// The head of a request is here.
    pub(crate) fn head(&self, head: &Parts, open: &Open) -> Entry {
        let text = |bytes: &[u8]| bytes.iter().copied().map(char::from).collect::<String>();
        let host = head.uri.authority().map(ToString::to_string);
        let host = host.or_else(|| Some(text(head.headers.get("host")?.as_bytes())));
        let received = Received {
            connection: open.number,
            is_secure: open.is_secure,
            protocol: format!("{:?}", head.version),
            method: head.method.to_string(),
            host: host.unwrap_or_default(),
            path: head.uri.path().to_owned(),
            query: head.uri.query().map(ToOwned::to_owned),
            headers: head
                .headers
                .iter()
                .map(|(name, value)| (name.to_string(), text(value.as_bytes())))
                .collect(),
            body: Vec::new(),
            body_bytes: 0,
            is_complete: false,
        };
        let entry = Entry(Arc::new(Mutex::new(received)));
        self.entries.lock().unwrap().push(entry.clone());
        entry
    }
}

// === impl Entry ===

impl Entry {
    pub(crate) fn add(&self, piece: &[u8]) {
        let mut received = self.0.lock().unwrap();
        received.body_bytes += piece.len() as u64;
        let room = MAX_KEPT_BYTES - received.body.len();
        received.body.extend(&piece[..piece.len().min(room)]);
    }

    pub(crate) fn complete(&self) {
        self.0.lock().unwrap().is_complete = true;
    }

    pub(crate) fn so_far(&self) -> Received {
        self.0.lock().unwrap().clone()
    }
}

// === impl Open ===

impl Open {
    pub(crate) fn new(shared: &Arc<crate::upstream::Shared>, is_secure: bool) -> Self {
        let number = shared.record.opened.fetch_add(1, Ordering::SeqCst) + 1;
        Self {
            shared: Arc::clone(shared),
            number,
            is_secure,
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.shared.record.closed.fetch_add(1, Ordering::SeqCst);
    }
}
