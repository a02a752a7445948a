//! CPU time of a run.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// A future that counts the CPU time of the threads that poll it.
pub(crate) struct Metered<F> {
    future: F,
    cpu: Duration,
}

impl<F: Future + Unpin> Metered<F> {
    pub(crate) fn new(future: F) -> Self {
        Self {
            future,
            cpu: Duration::ZERO,
        }
    }

    /// The CPU time so far.
    pub(crate) fn cpu(&self) -> Duration {
        self.cpu
    }
}

impl<F: Future + Unpin> Future for Metered<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let began = thread_cpu();
        let poll = Pin::new(&mut self.future).poll(context);
        self.cpu += thread_cpu().saturating_sub(began);
        poll
    }
}

fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanos = u32::try_from(time.tv_nsec).unwrap_or_default();
    Duration::new(seconds, nanos)
}
