//! On `wasm32-unknown-unknown` the standard library knows no output: `println!` and the message of a panic go nowhere.
//! This writes to the stderr of WASI preview 1 by hand; Lockstep gives preview 1 to every core module.

use std::fmt;

const STDERR: u32 = 2;

/// One piece of a write, as preview 1 lays it out.
#[repr(C)]
struct Piece {
    start: *const u8,
    length: usize,
}

#[link(wasm_import_module = "wasi_snapshot_preview1")]
unsafe extern "C" {
    fn fd_write(descriptor: u32, pieces: *const Piece, count: usize, written: *mut usize) -> i32;
}

/// Writes a line to the log of the run.
pub fn write_line(line: fmt::Arguments<'_>) {
    let text = format!("{line}\n");
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        match write(rest) {
            // A log that takes no more is no reason to fail.
            0 => return,
            written => rest = &rest[written.min(rest.len())..],
        }
    }
}

fn write(bytes: &[u8]) -> usize {
    let piece = Piece {
        start: bytes.as_ptr(),
        length: bytes.len(),
    };
    let mut written = 0;
    // SAFETY: `piece` describes `bytes` and lives through the call, which writes to nothing but `written`.
    let errno = unsafe { fd_write(STDERR, &piece, 1, &mut written) };
    if errno == 0 { written } else { 0 }
}
