//! The log of a run, on every target.
//!
//! On `wasm32-wasip1` and `wasm32-wasip2` the standard library writes it. On `wasm32-unknown-unknown` the standard
//! library knows no output: `println!` and the message of a panic go nowhere. There this module writes to the stderr
//! of WASI preview 1 itself, which Lockstep gives to every core module.

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

#[cfg(target_family = "wasm")]
pub(crate) use target::log_panics;
pub use target::write_line;
