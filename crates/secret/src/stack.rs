//! The stack, where ciphers keep blocks of plaintext and round keys until other calls write over them.

use zeroize::Zeroize;

/// How far down is wiped: several times what AES-GCM, HMAC and SHA-256 use, in words of 8 bytes.
const WORDS: usize = 1024;

/// Runs `work` and wipes the part of the stack that it used, which nothing else does.
///
/// `work` must return no plaintext but behind a pointer.
pub fn with_wiped_stack<T>(work: impl FnOnce() -> T) -> T {
    let done = deeper(work);
    wipe();
    done
}

/// In a frame of its own, below that of its caller.
#[inline(never)]
fn deeper<T>(work: impl FnOnce() -> T) -> T {
    work()
}

/// Where the frames of what was called before were.
#[inline(never)]
fn wipe() {
    let mut left = [0_u64; WORDS];
    // Volatile writes: a compiler that sees that nobody reads them leaves others out.
    left.zeroize();
}
