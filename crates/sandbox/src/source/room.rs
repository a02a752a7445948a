//! A thread with room enough for the parser and all that walks the tree after it.

use std::thread;

use crate::InvalidStep;

/// The stack, in bytes. What counts in [`super::outline::MAX_OPEN`] takes 2 KB at most where code is optimised, a level of
/// [`super::walk::MAX_DEPTH`] 300 bytes: 10 MB, and several times that in a debug build. Only the pages that are used take
/// memory.
const STACK_BYTES: usize = 128 << 20;

/// Does `work` where it may recurse.
pub(super) fn with_room<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, InvalidStep> {
    let done = thread::scope(|scope| {
        let builder = thread::Builder::new()
            .name("parse".to_owned())
            .stack_size(STACK_BYTES);
        let thread = builder.spawn_scoped(scope, work).ok()?;
        // Panics are for whoever waits, as if there were no thread.
        Some(
            thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
        )
    });
    done.ok_or_else(|| InvalidStep::new("there is not enough memory to parse the step"))
}
