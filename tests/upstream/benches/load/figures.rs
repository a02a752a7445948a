//! What was measured of one case.

use std::time::Duration;

use crate::process::Process;

#[derive(Clone, Default)]
pub(crate) struct Figures {
    times: Vec<Duration>,
    errors: usize,
    /// On the clock.
    pub(crate) took: Duration,
    /// Of the server's processor time.
    pub(crate) cpu: Duration,
}

impl Figures {
    pub(crate) const HEAD: &str = "                     connections  answers/s       p50       p99       max  errors  server's CPU/answer    memory  at most";

    pub(crate) fn note(&mut self, took: Duration, is_right: bool) {
        self.times.push(took);
        self.errors += usize::from(!is_right);
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.times.extend(other.times);
        self.errors += other.errors;
        self.took += other.took;
        self.cpu += other.cpu;
    }

    #[expect(clippy::cast_precision_loss, reason = "figures for people to read")]
    pub(crate) fn tell(mut self, name: &str, connections: usize, process: &Process) {
        self.times.sort_unstable();
        let count = self.times.len();
        let at = |share: usize| self.times[(count * share / 1000).min(count - 1)];
        let (memory, most) = process.memory_mib();
        println!(
            "{name:<20} {connections:>11} {:>10.0} {:>9.1?} {:>9.1?} {:>9.1?} {:>7} {:>20.1?} {memory:>5} MiB {most:>4} MiB",
            count as f64 / self.took.as_secs_f64(),
            at(500),
            at(990),
            at(1000),
            self.errors,
            self.cpu / u32::try_from(count).unwrap(),
        );
    }
}
