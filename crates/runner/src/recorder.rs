//! The log of a run on its way into the record.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lockstep_sandbox::LogSink;
use lockstep_step::LogChunk;

use crate::uses::Uses;

/// Chunks that are kept apart before they are put together: a guest that writes single bytes makes no row for each.
const MAX_CHUNK_BYTES: usize = 16 << 10;

/// Collects what is not in the record yet, and tells the listener at once, or as soon as what was used before is in the
/// audit.
///
/// It holds `log_bytes` at most: the sandbox cuts the log there.
pub(crate) struct Recorder {
    pending: Mutex<Vec<LogChunk>>,
    listener: Option<Arc<dyn LogSink>>,
    /// What the listener has not heard, as it comes after uses of credentials that are not in the audit yet.
    held: Mutex<Vec<LogChunk>>,
    uses: Arc<Uses>,
}

impl Recorder {
    pub(crate) fn new(listener: Option<Arc<dyn LogSink>>, uses: Arc<Uses>) -> Self {
        Self {
            pending: Mutex::default(),
            listener,
            held: Mutex::default(),
            uses,
        }
    }

    /// Whether something is held back from the listener.
    pub(crate) fn holds(&self) -> bool {
        !self.held().is_empty()
    }

    /// Tells the listener what was held back, if all uses are in the audit.
    pub(crate) fn release(&self) {
        if self.uses.has_unwritten() {
            return;
        }
        let held = std::mem::take(&mut *self.held());
        if let Some(listener) = &self.listener {
            for chunk in held {
                listener.write(chunk);
            }
        }
    }

    /// Takes out what is to be recorded next.
    pub(crate) fn take(&self) -> Vec<LogChunk> {
        std::mem::take(&mut *self.pending.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts back what was taken out and could not be recorded, before what came since.
    pub(crate) fn put_back(&self, chunks: Vec<LogChunk>) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        pending.splice(..0, chunks);
    }

    fn held(&self) -> MutexGuard<'_, Vec<LogChunk>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, chunk: LogChunk) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        match pending.last_mut() {
            Some(last) if last.joins(&chunk, MAX_CHUNK_BYTES) => last.append(chunk),
            Some(_) | None => pending.push(chunk),
        }
    }
}

impl LogSink for Recorder {
    fn write(&self, chunk: LogChunk) {
        let Some(listener) = &self.listener else {
            return self.keep(chunk);
        };
        // First, so that it is recorded if the listener panics.
        self.keep(chunk.clone());
        let mut held = self.held();
        if !held.is_empty() || self.uses.has_unwritten() {
            held.push(chunk);
            return;
        }
        drop(held);
        listener.write(chunk);
    }
}
