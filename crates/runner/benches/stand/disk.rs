//! One bare sync of the disk: the least that a record costs which is on disk before it is acknowledged.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

const PAGE_BYTES: usize = 4096;
const PAGES: usize = 1024;

/// A file of 4 MiB that is there, as the write-ahead log is once it has been used.
pub(crate) struct Disk {
    file: File,
    page: usize,
}

impl Disk {
    pub(crate) fn new(directory: &Path) -> Self {
        let path = directory.join("syncs");
        fs::write(&path, vec![1; PAGES * PAGE_BYTES]).unwrap();
        let file = File::options().write(true).open(path).unwrap();
        file.sync_all().unwrap();
        Self { file, page: 0 }
    }

    /// Writes the next page, and waits for it.
    pub(crate) fn sync(&mut self) {
        let at = u64::try_from(self.page * PAGE_BYTES).unwrap();
        self.file.write_all_at(&[2; PAGE_BYTES], at).unwrap();
        self.file.sync_data().unwrap();
        self.page = (self.page + 1) % PAGES;
    }
}
