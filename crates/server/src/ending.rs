//! Work that may take minutes, and that the end of the server does not wait for.

use crate::host::Host;
use crate::problem::Problem;

/// What is asked of the runner, unless the server ends before it is done.
pub(crate) async fn unless_it_ends<T, E: Into<Problem>>(
    host: &Host,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, Problem> {
    tokio::select! {
        done = work => done.map_err(Into::into),
        () = host.cancel.cancelled() => Err(Problem::ending()),
    }
}
