//! Everything that the host traces, at the level `trace`.

use std::io::{self, Write};
use std::sync::{Mutex, OnceLock, PoisonError};

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::moments::Moments;

static TRACES: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Collects traces from now on, once for all tests of a process.
pub(crate) fn collect() {
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(|| {
        let layer = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_writer(|| Traces);
        tracing_subscriber::registry()
            .with(LevelFilter::TRACE)
            .with(layer)
            .with(Moments)
            .init();
    });
}

/// What was traced so far.
pub(crate) fn so_far() -> Vec<u8> {
    TRACES
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

/// Whether something with this text was traced.
#[must_use]
pub fn is_traced(text: &str) -> bool {
    let traces = TRACES.lock().unwrap_or_else(PoisonError::into_inner);
    memchr::memmem::find(&traces, text.as_bytes()).is_some()
}

/// What was traced so far, for the last time.
pub(crate) fn take() -> Vec<u8> {
    std::mem::take(&mut *TRACES.lock().unwrap_or_else(PoisonError::into_inner))
}

struct Traces;

impl Write for Traces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        TRACES
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
