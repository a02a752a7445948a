//! Many runs that wait at the same time, and the memory that they hold.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use lockstep_sandbox::{SandboxConfig, StepFile};
use lockstep_step::OutcomeKind;

use crate::alone::Alone;
use crate::mappings::{Growth, Mappings};

pub(crate) const RUNS: u32 = 1_000;
/// Far more than so many instances need to come to their sleep.
const SETTLE: Duration = Duration::from_secs(2);

/// What the process holds more of when `RUNS` runs of a step wait than before they began. The step is to wait until it is
/// cancelled.
pub(crate) async fn park(file: StepFile, input: &'static str) -> Growth {
    let sandbox = Arc::new(Alone::new(SandboxConfig::for_runs(RUNS)));
    let step = sandbox.load(file).await;
    let cancel = CancellationToken::new();
    let before = Mappings::now();
    let mut runs = JoinSet::new();
    for _ in 0..RUNS {
        let (sandbox, step, cancel) = (Arc::clone(&sandbox), Arc::clone(&step), cancel.clone());
        runs.spawn(async move { sandbox.run(&step, input, cancel).await.outcome.unwrap() });
    }
    sleep(SETTLE).await;
    let growth = Mappings::now().since(&before);
    cancel.cancel();
    for outcome in runs.join_all().await {
        assert_eq!(outcome.kind(), OutcomeKind::Cancelled);
    }
    growth
}
