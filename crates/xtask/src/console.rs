//! What `cargo xtask` itself says, apart from the programs that it runs.

/// Progress and errors, on stderr.
#[expect(
    clippy::print_stderr,
    reason = "the one place where xtask writes to stderr"
)]
pub(crate) fn say(line: &str) {
    eprintln!("xtask: {line}");
}

/// What was asked for, on stdout.
#[expect(
    clippy::print_stdout,
    reason = "the one place where xtask writes to stdout"
)]
pub(crate) fn print(text: &str) {
    println!("{text}");
}
