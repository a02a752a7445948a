//! A copy of a database, watched: how far it is, on a terminal, and broken off when somebody interrupts.

use std::io;
use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lockstep_store::Progress;

use crate::console::Console;
use crate::quantity::in_words;
use crate::signals::Signals;

/// A smaller copy is done before a line about it can be read.
const LARGE_BYTES: u64 = 64 << 20;

/// Hears how far a copy is, and says whether it goes on.
pub(crate) type Report = Box<dyn FnMut(Progress) -> ControlFlow<()> + Send>;

/// Waits for `copy`. `what` is said of it meanwhile.
pub(crate) async fn watch<T>(
    what: &'static str,
    console: &Console,
    copy: impl AsyncFnOnce(Report) -> T,
) -> io::Result<T> {
    let mut signals = Signals::listen()?;
    let interrupted = Arc::new(AtomicBool::new(false));
    let report = report(what, console.clone(), Arc::clone(&interrupted));
    let mut copy = pin!(copy(report));
    loop {
        tokio::select! {
            result = &mut copy => return Ok(result),
            _ = signals.next() => interrupted.store(true, Ordering::Relaxed),
        }
    }
}

/// Waits for `copy`, which leaves nothing behind when it is dropped; `None`: somebody has interrupted it.
pub(crate) async fn unless_interrupted<T>(copy: impl Future<Output = T>) -> io::Result<Option<T>> {
    let mut signals = Signals::listen()?;
    tokio::select! {
        result = copy => Ok(Some(result)),
        _ = signals.next() => Ok(None),
    }
}

/// Shows how far a copy is, on a terminal.
pub(crate) fn show(what: &str, console: &Console, progress: Progress) {
    if console.stderr_is_terminal()
        && let Some(line) = line(what, progress)
    {
        console.say(line.as_bytes());
    }
}

fn report(what: &'static str, console: Console, interrupted: Arc<AtomicBool>) -> Report {
    Box::new(move |progress| {
        show(what, &console, progress);
        if interrupted.load(Ordering::Relaxed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })
}

/// A line over the last one; the last of all leaves none.
fn line(what: &str, progress: Progress) -> Option<String> {
    let Progress {
        done_bytes,
        total_bytes,
    } = progress;
    if total_bytes < LARGE_BYTES {
        return None;
    }
    // Back to the start of the line, and clear it.
    let clear = "\r\x1b[K";
    if done_bytes >= total_bytes {
        return Some(clear.to_owned());
    }
    let (done, total) = (in_words(done_bytes), in_words(total_bytes));
    Some(format!("{clear}{what}: {done} of {total}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(done_bytes: u64, total_bytes: u64, expected: Option<&str>) {
        let progress = Progress {
            done_bytes,
            total_bytes,
        };
        assert_eq!(line("copying", progress).as_deref(), expected);
    }

    #[test]
    fn a_large_copy_is_told_and_leaves_no_line() {
        let gib = 1 << 30;
        check(4 << 20, 32 << 20, None);
        check(4 << 20, gib, Some("\r\x1b[Kcopying: 4.0 MiB of 1.0 GiB"));
        check(gib, gib, Some("\r\x1b[K"));
    }
}
