//! What the runner counts: runs by their outcome, how long they waited and took, and how full the host is.
//!
//! No label has a name that a user chose, nor a key: what is counted is of the host as a whole.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use lockstep_step::{OutcomeKind, Receipt};

use crate::runner::{Parts, Runner};

/// Runs that have ended.
pub(crate) struct Metrics {
    by_outcome: Family<[(&'static str, &'static str); 1], Counter>,
    queue_seconds: Histogram,
    run_seconds: Histogram,
}

/// What is as it is when somebody asks.
struct Present(Arc<Parts>);

impl Metrics {
    pub(crate) fn new() -> Self {
        // From 0.1 ms to 14 minutes: a run may take ten.
        let seconds = || Histogram::new(exponential_buckets(0.0001, 2.0, 24));
        let by_outcome = Family::default();
        // All are told from the start: a rate has to begin at zero.
        for kind in OutcomeKind::ALL {
            drop(by_outcome.get_or_create(&outcome(kind)));
        }
        Self {
            by_outcome,
            queue_seconds: seconds(),
            run_seconds: seconds(),
        }
    }

    /// A run has ended and is recorded.
    pub(crate) fn ended(&self, kind: OutcomeKind, receipt: &Receipt) {
        self.by_outcome.get_or_create(&outcome(kind)).inc();
        self.queue_seconds.observe(seconds(receipt.queue_us));
        self.run_seconds.observe(seconds(receipt.run_us));
    }
}

impl Runner {
    /// Has the registry tell of runs, and of what sandbox and store count.
    pub fn register_metrics(&self, registry: &mut Registry) {
        let Metrics {
            by_outcome,
            queue_seconds,
            run_seconds,
        } = &self.parts.metrics;
        registry.register(
            "runs",
            "Runs that have ended, by outcome",
            by_outcome.clone(),
        );
        let waited = "Time that runs waited for a place";
        registry.register_with_unit("run_queue", waited, Unit::Seconds, queue_seconds.clone());
        let took = "Time from the instance of a run to its end";
        registry.register_with_unit("run", took, Unit::Seconds, run_seconds.clone());
        registry.register_collector(Box::new(Present(Arc::clone(&self.parts))));
        self.parts.sandbox.register_metrics(registry);
        self.parts.store.register_metrics(registry);
    }
}

fn outcome(kind: OutcomeKind) -> [(&'static str, &'static str); 1] {
    [("outcome", kind.as_str())]
}

#[expect(
    clippy::cast_precision_loss,
    reason = "2^53 microseconds are centuries"
)]
fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

impl Collector for Present {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let occupancy = self.0.sandbox.occupancy();
        let gauges = [
            (
                "runs_open",
                "Runs that have begun and not ended",
                self.0.runs.len(),
            ),
            ("runs_running", "Runs that have a place", occupancy.running),
            (
                "runs_waiting",
                "Runs that wait for a place",
                occupancy.waiting,
            ),
        ];
        for (name, help, count) in gauges {
            let gauge = ConstGauge::new(count as u64);
            let encoder = encoder.encode_descriptor(name, help, None, gauge.metric_type())?;
            gauge.encode(encoder)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Present {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Present")
    }
}
