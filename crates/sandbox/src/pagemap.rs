//! Which pages of this process were written to, as Linux tells it.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::OnceLock;

use wasmtime::PoolingAllocationConfig;

/// Bits of an entry of `/proc/self/pagemap` (`Documentation/admin-guide/mm/pagemap.rst` of Linux): the page is there, and it
/// is that of a file, or shared.
const IS_PRESENT: u64 = 1 << 63;
const IS_OF_FILE: u64 = 1 << 61;
const ENTRY_BYTES: usize = size_of::<u64>();

/// The list of this process's pages.
pub(crate) struct Pagemap(File);

/// Opens the list of this process's pages, by which only those that a run has touched are reset. A process that makes
/// itself undumpable calls this before: after that, Linux gives the list to root alone.
pub fn open_pagemap() {
    // Opened once for all engines of the process; each asks again whether it is there.
    let _is_there = PoolingAllocationConfig::is_pagemap_scan_available();
    Pagemap::get();
}

// === impl Pagemap ===

impl Pagemap {
    /// It is opened once.
    pub(crate) fn get() -> Option<&'static Self> {
        static PAGEMAP: OnceLock<Option<Pagemap>> = OnceLock::new();
        let opened = || File::open("/proc/self/pagemap").ok().map(Self);
        PAGEMAP.get_or_init(opened).as_ref()
    }

    /// Which pages of a memory are no longer those of the file that it began as.
    pub(crate) fn written(&self, memory: &[u8], page_bytes: usize) -> Option<Vec<bool>> {
        let mut entries = vec![0; memory.len() / page_bytes * ENTRY_BYTES];
        let first = memory.as_ptr().addr() / page_bytes * ENTRY_BYTES;
        self.0
            .read_exact_at(&mut entries, u64::try_from(first).ok()?)
            .ok()?;
        let (entries, _) = entries.as_chunks();
        let written = entries
            .iter()
            .map(|entry| u64::from_ne_bytes(*entry) & (IS_PRESENT | IS_OF_FILE) == IS_PRESENT);
        Some(written.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_tells_which_pages_were_written_to() {
        let page_bytes = rustix::param::page_size();
        let mut memory = vec![0_u8; page_bytes * 65];
        let start = memory.as_ptr().align_offset(page_bytes);
        let memory = &mut memory[start..start + page_bytes * 64];
        memory[page_bytes * 7] = 1;
        memory[page_bytes * 9] = 1;
        let written = Pagemap::get().unwrap().written(memory, page_bytes).unwrap();
        assert_eq!(written.len(), 64);
        assert!(written[7] && written[9]);
    }
}
