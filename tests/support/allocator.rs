//! What the allocator of this process has handed out, and what it holds free.

/// The state of glibc's allocator, all arenas together.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Allocator {
    /// Handed out, in bytes: by Rust and by what is written in C.
    pub used_bytes: u64,
    /// Held free, in bytes. Most of it is resident.
    pub free_bytes: u64,
}

impl Allocator {
    /// Its state now.
    #[must_use]
    pub fn now() -> Self {
        #[expect(unsafe_code, reason = "only the C library can tell")]
        // SAFETY: it takes nothing, locks what it reads, and returns numbers.
        let info = unsafe { libc::mallinfo2() };
        Self {
            // What is large is mapped by itself.
            used_bytes: (info.uordblks + info.hblkhd) as u64,
            free_bytes: info.fordblks as u64,
        }
    }
}
