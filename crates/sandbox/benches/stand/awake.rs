//! Processors that do not fall asleep.

use std::hint::spin_loop;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use rustix::process::nice;

/// How little the threads ask for: the least.
const NICENESS: i32 = 19;

/// Keeps each processor awake until it is dropped, and leaves it to whoever has something to do there.
///
/// A processor that sleeps takes 50 us to wake in a virtual machine, and then finds its caches empty: that would be most of
/// what is measured of two who wait for each other.
pub(crate) struct Awake {
    has_ended: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Awake {
    pub(crate) fn new() -> Self {
        let has_ended = Arc::new(AtomicBool::new(false));
        let processors = thread::available_parallelism().unwrap().get();
        let spin = |has_ended: Arc<AtomicBool>| {
            // Of this thread alone, on Linux.
            nice(NICENESS).unwrap();
            while !has_ended.load(Ordering::Relaxed) {
                spin_loop();
            }
        };
        let threads = (0..processors)
            .map(|_| {
                let has_ended = Arc::clone(&has_ended);
                thread::spawn(move || spin(has_ended))
            })
            .collect();
        Self { has_ended, threads }
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        self.has_ended.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
    }
}
