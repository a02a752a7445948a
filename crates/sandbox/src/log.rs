//! The log of a run: masked first, then cut at its limit, then handed on, as it comes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use lockstep_secret::{MaskStream, Masked, Masker};
use lockstep_step::{LogChunk, LogStream};

/// How long text that only might become a value is held without input (MASKING.md, M5).
pub(crate) const WEAK_HOLD: Duration = Duration::from_millis(200);
/// What a change from one stream to the other counts as: a piece of the log is kept for each, and a guest that writes single
/// bytes to both in turn would have a million of them kept.
const CHANGE_BYTES: u64 = 16;

/// Takes the masked log of a run, as it comes. Called on the thread that runs the guest: it must not block for long.
pub trait LogSink: Send + Sync {
    /// Takes one piece of the log.
    fn write(&self, chunk: LogChunk);
}

/// Both streams of a run. Clones share them.
#[derive(Clone)]
pub(crate) struct RunLog(Arc<Mutex<State>>);

struct State {
    masker: Masker,
    sink: Arc<dyn LogSink>,
    /// Made when the guest writes: most steps use one of the two, or none.
    stdout: Option<Box<MaskStream>>,
    stderr: Option<Box<MaskStream>>,
    last_write: Instant,
    limit_bytes: u64,
    kept_bytes: u64,
    taken_bytes: u64,
    /// Where the last piece came from.
    last: Option<LogStream>,
    cut: bool,
}

// === impl RunLog ===

impl RunLog {
    /// The log of a run that began at this time.
    pub(crate) fn new(
        masker: &Masker,
        sink: Arc<dyn LogSink>,
        began: Instant,
        limit_bytes: u64,
    ) -> Self {
        Self(Arc::new(Mutex::new(State {
            masker: masker.clone(),
            sink,
            stdout: None,
            stderr: None,
            last_write: began,
            limit_bytes,
            kept_bytes: 0,
            taken_bytes: 0,
            last: None,
            cut: false,
        })))
    }

    pub(crate) fn write(&self, stream: LogStream, bytes: &[u8]) {
        let mut state = self.lock();
        state.taken_bytes += bytes.len() as u64;
        state.last_write = Instant::now();
        let masked = state.open_stream(stream).write(bytes);
        state.hand_on(stream, masked);
    }

    /// Whether it holds text that only might become a value.
    pub(crate) fn holds_weakly(&self) -> bool {
        let mut state = self.lock();
        [LogStream::Stdout, LogStream::Stderr]
            .into_iter()
            .any(|stream| {
                state
                    .stream(stream)
                    .as_ref()
                    .is_some_and(|open| open.has_weak_hold())
            })
    }

    /// Lets go of what is only weakly held, once nothing has come for a while.
    pub(crate) fn release_weak(&self) {
        let mut state = self.lock();
        if state.last_write.elapsed() < WEAK_HOLD {
            return;
        }
        for stream in [LogStream::Stdout, LogStream::Stderr] {
            if let Some(open) = state.stream(stream)
                && open.has_weak_hold()
            {
                let masked = open.release_weak();
                state.hand_on(stream, masked);
            }
        }
    }

    /// Lets go of everything that is held, and tells how many bytes the guest wrote. Nothing is taken after it.
    pub(crate) fn finish(&self) -> u64 {
        let mut state = self.lock();
        for stream in [LogStream::Stdout, LogStream::Stderr] {
            if let Some(ended) = state.stream(stream).take() {
                let masked = ended.finish();
                state.hand_on(stream, masked);
            }
        }
        state.taken_bytes
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl State ===

impl State {
    fn stream(&mut self, stream: LogStream) -> &mut Option<Box<MaskStream>> {
        match stream {
            LogStream::Stdout => &mut self.stdout,
            LogStream::Stderr => &mut self.stderr,
        }
    }

    fn open_stream(&mut self, stream: LogStream) -> &mut MaskStream {
        let fresh = self.masker.clone();
        self.stream(stream)
            .get_or_insert_with(|| Box::new(fresh.stream()))
    }

    fn hand_on(&mut self, stream: LogStream, text: Masked<Vec<u8>>) {
        if text.is_empty() || self.cut {
            return;
        }
        if self.last.replace(stream).is_some_and(|last| last != stream) {
            self.kept_bytes += CHANGE_BYTES;
        }
        let left = self.limit_bytes.saturating_sub(self.kept_bytes);
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        self.cut = text.as_bytes().len() > left;
        let text = if self.cut { text.truncated(left) } else { text };
        self.kept_bytes += text.as_bytes().len() as u64;
        if !text.is_empty() {
            self.sink.write(LogChunk {
                at: Timestamp::now(),
                stream,
                text,
            });
        }
        if self.cut {
            let limit = self.limit_bytes;
            let notice =
                format!("\n[lockstep: the log is cut here, at its limit of {limit} bytes]\n");
            let text = self.masker.mask_bytes(notice.as_bytes());
            self.sink.write(LogChunk {
                at: Timestamp::now(),
                stream,
                text,
            });
        }
    }
}
