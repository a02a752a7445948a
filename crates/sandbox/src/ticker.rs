//! The epoch ticker: how a guest that never returns is interrupted.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use wasmtime::Engine;

/// Time between two epochs. A guest yields to the other runs, and notices its deadline, this often.
const TICK: Duration = Duration::from_millis(10);
/// Epochs in a second.
pub(crate) const TICKS_PER_SECOND: u64 = 100;

/// A thread that moves the epoch of an engine while runs are under way, and sleeps once there were none at a tick.
///
/// It is not woken for each run: a tick in the midst of a run makes the guest yield, and a wake-up costs more than a
/// short run does.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// Keeps the epoch moving for as long as it lives.
pub(crate) struct Ticking {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    runs: usize,
    /// Whether the thread sleeps until it is told of a run.
    sleeps: bool,
    ended: bool,
}

impl Ticker {
    pub(crate) fn start(engine: &Engine) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                runs: 0,
                sleeps: false,
                ended: false,
            }),
            changed: Condvar::new(),
        });
        let thread = std::thread::Builder::new()
            .name("epoch".to_owned())
            .spawn({
                let shared = Arc::clone(&shared);
                let engine = engine.clone();
                move || tick(&shared, &engine)
            })?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    pub(crate) fn ticking(&self) -> Ticking {
        let mut state = self.shared.lock();
        state.runs += 1;
        if std::mem::take(&mut state.sleeps) {
            self.shared.changed.notify_one();
        }
        drop(state);
        Ticking {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.lock().ended = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // The thread cannot panic; if it did there is nothing left to tick for.
            drop(thread.join());
        }
    }
}

impl Drop for Ticking {
    fn drop(&mut self) {
        self.shared.lock().runs -= 1;
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tick(shared: &Shared, engine: &Engine) {
    let mut state = shared.lock();
    while !state.ended {
        if state.runs == 0 {
            state.sleeps = true;
            state = shared
                .changed
                .wait_while(state, |state| state.sleeps && !state.ended)
                .unwrap_or_else(PoisonError::into_inner);
        }
        (state, _) = shared
            .changed
            .wait_timeout_while(state, TICK, |state| !state.ended)
            .unwrap_or_else(PoisonError::into_inner);
        engine.increment_epoch();
    }
}
