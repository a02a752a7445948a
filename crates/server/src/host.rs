//! What every handler speaks to.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use lockstep_runner::Runner;

use crate::failures::Failures;
use crate::gate::Gate;
use crate::metrics::Metrics;
use crate::patience::Patience;
use crate::refusals::Refusals;
use crate::replacing::{Replacing, RestoreEnd};

/// The runner, and the end of all runs. Clones share it.
#[derive(Clone)]
pub(crate) struct Host(Arc<Parts>);

pub(crate) struct Parts {
    pub(crate) runner: Runner,
    /// When the server ends: what is being answered is answered, and nothing more is taken.
    pub(crate) stop: CancellationToken,
    /// Cancels every run, when the time for them to end is over.
    pub(crate) cancel: CancellationToken,
    /// The OpenAPI document, as it is answered.
    pub(crate) document: String,
    /// How long clients may take.
    pub(crate) patience: Patience,
    /// Whose tokens were none.
    pub(crate) failures: Failures,
    /// What the audit is to tell of those who were refused.
    pub(crate) refusals: Refusals,
    /// What is counted.
    pub(crate) metrics: Metrics,
    /// What is to take the place of the database.
    pub(crate) replacing: Replacing,
    /// What came of the last restore.
    pub(crate) restored: Option<RestoreEnd>,
}

impl Host {
    pub(crate) fn new(
        runner: Runner,
        document: String,
        patience: Patience,
        gate: &Gate,
        restored: Option<RestoreEnd>,
    ) -> Self {
        let (stop, cancel) = (CancellationToken::new(), CancellationToken::new());
        let metrics = Metrics::new(&runner, gate);
        Self(Arc::new(Parts {
            runner,
            stop,
            cancel,
            document,
            patience,
            failures: Failures::new(Instant::now()),
            refusals: Refusals::new(),
            metrics,
            replacing: Replacing::default(),
            restored,
        }))
    }
}

impl Deref for Host {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
