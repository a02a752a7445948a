//! How long something took, again and again.

use std::time::{Duration, Instant};

#[derive(Default)]
pub(crate) struct Times(pub(crate) Vec<Duration>);

impl Times {
    /// Does it, and keeps how long it took.
    pub(crate) fn time<T>(&mut self, what: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let done = what();
        self.push(start.elapsed());
        done
    }

    pub(crate) fn push(&mut self, took: Duration) {
        self.0.push(took);
    }

    /// Median and 99th percentile of all but the first, which warmed up.
    pub(crate) fn p50_p99(mut self, warm_up: usize) -> (Duration, Duration) {
        let times = &mut self.0[warm_up..];
        times.sort_unstable();
        (times[times.len() / 2], times[times.len() * 99 / 100])
    }
}
