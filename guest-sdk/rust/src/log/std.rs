//! Where the standard library writes to stderr, panics too.

use std::fmt;

/// Writes a line to the log of the run.
pub fn write_line(line: fmt::Arguments<'_>) {
    eprintln!("{line}");
}

#[cfg(target_family = "wasm")]
pub(crate) fn log_panics() {}
