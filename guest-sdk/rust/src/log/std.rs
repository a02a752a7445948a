//! Where the standard library knows stderr.

use std::fmt;

/// Writes a line to the log of the run.
pub fn write_line(line: fmt::Arguments<'_>) {
    eprintln!("{line}");
}
