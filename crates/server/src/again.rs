//! The answer to a request that is sent again under its idempotency key.

use axum::response::{IntoResponse as _, Response};

use lockstep_runner::RunState;
use lockstep_step::RunId;

use crate::body::json;
use crate::caller::Caller;
use crate::host::Host;
use crate::problem::Problem;
use crate::wire::RunAnswer;

/// Of an answer that was made before. Of the drafts and services that have such a header this name has most.
const REPLAYED: &str = "idempotency-replayed";

/// The answer to a request that was made before, from the record of its run.
pub(crate) async fn answer(caller: &Caller, host: &Host, run: RunId) -> Result<Response, Problem> {
    let asking = caller.as_runner_knows();
    let found = host.runner.run_record(asking, caller.workspace(), &run);
    let record = found.await?;
    match record.state {
        RunState::Open => Err(Problem::in_progress(&run)),
        RunState::Lost { .. } => Err(Problem::run_lost(&run)),
        RunState::Forbidden { .. } => Err(Problem::forbidden(asking.role)),
        RunState::Ended {
            outcome, receipt, ..
        } => {
            let answer = RunAnswer::new(run, record.digest, &outcome, *receipt);
            Ok(([(REPLAYED, "true")], json(&answer)).into_response())
        }
    }
}
