//! The log of a run, on every target.

#[cfg(target_family = "wasm")]
use std::{
    io::{self, Write},
    panic,
};

/// Writes a line to the log of the run, like `eprintln!`, on every target:
/// also on `wasm32-unknown-unknown`, where `println!` and `eprintln!` are silent.
///
/// ```
/// let invoice = 17;
/// lockstep_step::log!("invoice {invoice} has no lines");
/// ```
#[macro_export]
macro_rules! log {
    ($($argument:tt)*) => {
        $crate::__private::log(::core::format_args!($($argument)*))
    };
}

#[cfg_attr(
    all(target_family = "wasm", target_os = "unknown"),
    path = "log/preview1.rs"
)]
#[cfg_attr(
    not(all(target_family = "wasm", target_os = "unknown")),
    path = "log/std.rs"
)]
mod target;

pub use target::write_line;

/// Makes panics write to the log on every target: where, and what.
#[cfg(target_family = "wasm")]
pub(crate) fn log_panics() {
    panic::set_hook(Box::new(|panic| {
        write_line(format_args!("{panic}"));
        flush();
    }));
}

/// Writes what stands in the buffer of stdout: a line that has no end yet. No `main` ends here, after which the standard
/// library would do it.
#[cfg(target_family = "wasm")]
pub(crate) fn flush() {
    // A log that takes no more is no reason to fail.
    drop(io::stdout().flush());
}
