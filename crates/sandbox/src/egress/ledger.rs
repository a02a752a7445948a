//! What is written down of each request: names, numbers and what was decided. No query, no header's value, no body.

use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use lockstep_secret::Masker;
use lockstep_step::{CredentialKey, Decision, Receipt, RequestFault, RequestReceipt};

use super::target::Target;

/// Refused requests that are written down. A step that asks in a loop fills no database.
const MAX_REFUSED: usize = 100;
/// Longest method and host that are written down, in bytes.
const MAX_NAME_BYTES: usize = 253;
/// Not yet.
const NEVER: u64 = u64::MAX;

/// All requests of a run.
pub(super) struct Ledger {
    began: Instant,
    lines: Mutex<Lines>,
}

#[derive(Default)]
struct Lines {
    entries: Vec<Arc<Entry>>,
    refused: usize,
}

/// One request.
pub(super) struct Entry {
    began: Instant,
    started_us: u64,
    method: String,
    target: Target,
    rule: Option<u32>,
    credentials: Mutex<Vec<CredentialKey>>,
    is_refused: bool,
    status: AtomicU16,
    first_byte_us: AtomicU64,
    ended_us: AtomicU64,
    sent_bytes: AtomicU64,
    received_bytes: AtomicU64,
    fault: OnceLock<RequestFault>,
}

impl Ledger {
    pub(super) fn new() -> Self {
        Self {
            began: Instant::now(),
            lines: Mutex::default(),
        }
    }

    /// A request that is let out now.
    pub(super) fn allowed(&self, method: &str, target: &Target, rule: Option<usize>) -> Arc<Entry> {
        let entry = Arc::new(self.entry(method, target, rule, false));
        self.lines().entries.push(Arc::clone(&entry));
        entry
    }

    /// A request that is not let out.
    pub(super) fn refused(&self, method: &str, target: &Target, fault: RequestFault) {
        let mut lines = self.lines();
        if lines.refused == MAX_REFUSED {
            return;
        }
        lines.refused += 1;
        let entry = self.entry(method, target, None, true);
        entry.failed(fault);
        lines.entries.push(Arc::new(entry));
    }

    fn entry(&self, method: &str, target: &Target, rule: Option<usize>, is_refused: bool) -> Entry {
        Entry {
            began: self.began,
            started_us: Receipt::micros(self.began.elapsed()),
            method: method.to_owned(),
            target: target.clone(),
            rule: rule.and_then(|rule| u32::try_from(rule).ok()),
            credentials: Mutex::default(),
            is_refused,
            status: AtomicU16::new(0),
            first_byte_us: AtomicU64::new(NEVER),
            ended_us: AtomicU64::new(NEVER),
            sent_bytes: AtomicU64::new(0),
            received_bytes: AtomicU64::new(0),
            fault: OnceLock::new(),
        }
    }

    /// How many have left: it was not refused, and there was a connection to send it on.
    pub(super) fn left(&self) -> u32 {
        let lines = self.lines();
        let left = lines.entries.iter().filter(|it| it.has_left()).count();
        u32::try_from(left).unwrap_or(u32::MAX)
    }

    /// Whether one was refused.
    pub(super) fn has_denied(&self) -> bool {
        let lines = self.lines();
        let mut faults = lines.entries.iter().filter_map(|it| it.fault.get());
        faults.any(|fault| fault.is_denial())
    }

    /// All of it, as it stands now. The guest chose method and host: they are masked.
    pub(super) fn receipts(&self, masker: &Masker) -> Vec<RequestReceipt> {
        let lines = self.lines();
        lines.entries.iter().map(|it| it.receipt(masker)).collect()
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Entry ===

impl Entry {
    pub(super) fn answered(&self, status: u16) {
        self.status.store(status, Ordering::Relaxed);
        self.first_byte_us.store(self.now_us(), Ordering::Relaxed);
    }

    /// These credentials are in the request.
    pub(super) fn attached(&self, keys: Vec<CredentialKey>) {
        let mut credentials = self.credentials();
        for key in keys {
            if !credentials.contains(&key) {
                credentials.push(key);
            }
        }
    }

    fn credentials(&self) -> MutexGuard<'_, Vec<CredentialKey>> {
        self.credentials
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn sent(&self, bytes: u64) {
        self.sent_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn received(&self, bytes: u64) {
        self.received_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn failed(&self, fault: RequestFault) {
        // The first failure is the one that counts.
        self.fault.get_or_init(|| fault);
        self.ended();
    }

    pub(super) fn ended(&self) {
        // The first end is the one that counts.
        self.ended_us.fetch_min(self.now_us(), Ordering::Relaxed);
    }

    /// Nobody waits for it any more.
    pub(super) fn dropped(&self) {
        if self.ended_us.load(Ordering::Relaxed) == NEVER {
            self.failed(RequestFault::Aborted);
        }
    }

    fn has_left(&self) -> bool {
        let fault = self.fault.get();
        !self.is_refused && fault.is_none_or(|fault| fault.after_connecting())
    }

    fn now_us(&self) -> u64 {
        Receipt::micros(self.began.elapsed())
    }

    fn receipt(&self, masker: &Masker) -> RequestReceipt {
        let since_start = |at: &AtomicU64| match at.load(Ordering::Relaxed) {
            NEVER => None,
            at => Some(at.saturating_sub(self.started_us)),
        };
        let status = self.status.load(Ordering::Relaxed);
        let fault = self.fault.get().copied();
        let decision = if self.is_refused || fault.is_some_and(RequestFault::is_denial) {
            Decision::Denied
        } else {
            Decision::Allowed { rule: self.rule }
        };
        RequestReceipt {
            method: masker.mask(&self.method).truncated(MAX_NAME_BYTES),
            scheme: self.target.scheme,
            host: masker.mask(&self.target.host).truncated(MAX_NAME_BYTES),
            port: self.target.port,
            decision,
            status: (status != 0).then_some(status),
            fault,
            started_us: self.started_us,
            first_byte_us: since_start(&self.first_byte_us),
            total_us: since_start(&self.ended_us),
            sent_bytes: self.sent_bytes.load(Ordering::Relaxed),
            received_bytes: self.received_bytes.load(Ordering::Relaxed),
            credentials: self.credentials().clone(),
        }
    }
}
