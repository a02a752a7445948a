//! Work that may take minutes, and that the end of the server does not wait for.

use lockstep_runner::ManageError;

use crate::host::Host;
use crate::problem::Problem;

/// What is asked of the runner, unless the server ends before it is done.
pub(crate) async fn unless_it_ends<T>(
    host: &Host,
    work: impl Future<Output = Result<T, ManageError>>,
) -> Result<T, Problem> {
    tokio::select! {
        done = work => Ok(done?),
        () = host.cancel.cancelled() => Err(Problem::ending()),
    }
}
