//! What this process has in memory, by whose it is.

use std::fs;

/// In bytes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Resident {
    /// Linear memories in the places of a pool.
    pub places: u64,
    /// Everything else: heaps, stacks, code, tables.
    pub rest: u64,
}

/// Address space side by side that is of a pool of linear memories: each takes more than 4 GiB of it, whatever is in it.
/// Nothing else of a process is half as large.
const POOL: u64 = 32 << 30;

/// Mappings without a gap between them.
#[derive(Default)]
struct Stretch {
    end: u64,
    length: u64,
    resident: u64,
}

// === impl Resident ===

impl Resident {
    /// At this moment, as `/proc/self/smaps` tells it.
    #[must_use]
    pub fn now() -> Self {
        let (mut resident, mut stretch) = (Self::default(), Stretch::default());
        for line in fs::read_to_string("/proc/self/smaps").unwrap().lines() {
            if let Some((from, to)) = addresses(line) {
                if from != stretch.end {
                    resident.add(&std::mem::take(&mut stretch));
                }
                stretch.end = to;
                stretch.length += to - from;
            } else if let Some(kib) = line.strip_prefix("Rss:") {
                let kib = kib.trim_end_matches("kB").trim();
                stretch.resident += kib.parse::<u64>().unwrap() * 1024;
            }
        }
        resident.add(&stretch);
        resident
    }

    fn add(&mut self, stretch: &Stretch) {
        if stretch.length >= POOL {
            self.places += stretch.resident;
        } else {
            self.rest += stretch.resident;
        }
    }
}

/// Of the line that begins a mapping.
fn addresses(line: &str) -> Option<(u64, u64)> {
    let (from, to) = line.split_once(' ')?.0.split_once('-')?;
    let address = |text| u64::from_str_radix(text, 16).ok();
    Some((address(from)?, address(to)?))
}
