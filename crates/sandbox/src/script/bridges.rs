//! Bridges between the stretches of a memory that runs of a step write to.
//!
//! After a run wasmtime copies back what the pages that were written to had before, and they stay where they are. It does so
//! for 32 stretches of pages and gives the rest of the memory back to the kernel, which costs that run and the next one some
//! hundred microseconds of page faults. A step that changes things all over its memory is beyond that. (One that only uses
//! them is not: the engine counts no references to what is in a snapshot.) Such a step gets bridges: pages in small gaps
//! between stretches, which are written to as well, so that the stretches are fewer. Pages that stay where they are cost no
//! faults, only the copying.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use wasmtime::{Engine, PoolingAllocationConfig};

use crate::pagemap::Pagemap;

/// Stretches that are left alone: wasmtime deals with 32, and not all runs are the same.
const FEW: usize = 30;
/// What those of a step are brought down to, where they are more.
const FEWER: usize = 29;
/// Pages that one step may have written to for nothing in each run.
const MAX_PAGES: usize = 256;
/// Runs between two looks, once there were some.
const RUNS_BETWEEN_LOOKS: u32 = 256;
/// What is looked at of a memory.
const MAX_BYTES: usize = 16 << 20;

/// The bridges of one step.
pub(super) struct Bridges {
    /// Whether pages of a memory stay where they are after a run.
    stay: bool,
    runs: AtomicU32,
    /// The numbers of pages, in order.
    pages: RwLock<Arc<[usize]>>,
}

// === impl Bridges ===

impl Bridges {
    pub(super) fn new(engine: &Engine) -> Self {
        let is_pooled = engine.pooling_allocator_metrics().is_some();
        Self {
            stay: is_pooled && PoolingAllocationConfig::is_pagemap_scan_available(),
            runs: AtomicU32::new(0),
            pages: RwLock::default(),
        }
    }

    /// Builds the bridges in the memory of a run that is over, and looks now and then whether they are enough.
    pub(super) fn build(&self, memory: &mut [u8]) {
        if !self.stay {
            return;
        }
        let pages = Arc::clone(&self.pages.read().unwrap_or_else(PoisonError::into_inner));
        let page_bytes = rustix::param::page_size();
        for page in &*pages {
            if let Some(byte) = memory.get_mut(page * page_bytes) {
                // It is written to, and stays what it is.
                *byte = std::hint::black_box(*byte);
            }
        }
        let run = self.runs.fetch_add(1, Ordering::Relaxed);
        if !is_looked_at(run) {
            return;
        }
        let looked_at = &memory[..memory.len().min(MAX_BYTES)];
        let written = Pagemap::get().and_then(|map| map.written(looked_at, page_bytes));
        let more = written.map_or_else(Vec::new, |written| between(&stretches(&written)));
        if !more.is_empty() && pages.len() + more.len() <= MAX_PAGES {
            let mut all: Vec<usize> = pages.iter().copied().chain(more).collect();
            all.sort_unstable();
            all.dedup();
            *self.pages.write().unwrap_or_else(PoisonError::into_inner) = all.into();
        }
    }
}

#[cfg(test)]
impl Bridges {
    /// How many pages they have. `None`: pages do not stay where they are, and there are none.
    pub(super) fn pages(&self) -> Option<usize> {
        let pages = self.pages.read().unwrap_or_else(PoisonError::into_inner);
        self.stay.then(|| pages.len())
    }
}

/// Whether the memory is looked at after this run, counted from 0. The first ones find a memory that nothing was written to
/// before.
fn is_looked_at(run: u32) -> bool {
    matches!(run, 1 | 3 | 15 | 63) || run % RUNS_BETWEEN_LOOKS == RUNS_BETWEEN_LOOKS - 1
}

/// Stretches of pages that were written to: where each begins, and where it has ended.
fn stretches(written: &[bool]) -> Vec<(usize, usize)> {
    let mut stretches: Vec<(usize, usize)> = Vec::new();
    let written = written.iter().enumerate().filter(|(_, written)| **written);
    for (page, _) in written {
        match stretches.last_mut() {
            Some((_, end)) if *end == page => *end += 1,
            _ => stretches.push((page, page + 1)),
        }
    }
    stretches
}

/// The pages of the smallest gaps between these stretches; none if the stretches are few.
fn between(stretches: &[(usize, usize)]) -> Vec<usize> {
    if stretches.len() <= FEW {
        return Vec::new();
    }
    let mut gaps: Vec<_> = stretches
        .windows(2)
        .map(|pair| pair[0].1..pair[1].0)
        .collect();
    gaps.sort_by_key(ExactSizeIterator::len);
    gaps.truncate(stretches.len() - FEWER);
    gaps.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(count: usize, gap: usize) -> Vec<(usize, usize)> {
        (0..count)
            .map(|it| (it * (gap + 1), it * (gap + 1) + 1))
            .collect()
    }

    #[test]
    fn pages_side_by_side_are_one_stretch() {
        let written = [true, true, false, true, false, false, true, true];
        assert_eq!(stretches(&written), [(0, 2), (3, 4), (6, 8)]);
    }

    #[test]
    fn a_few_stretches_get_no_bridges_and_one_more_gets_them_down_to_fewer() {
        assert!(between(&pages(FEW, 3)).is_empty());
        let mut written = vec![false; (FEW + 1) * 4];
        for (page, _) in pages(FEW + 1, 3) {
            written[page] = true;
        }
        for page in between(&stretches(&written)) {
            assert!(
                !std::mem::replace(&mut written[page], true),
                "{page} was written to already"
            );
        }
        assert_eq!(stretches(&written).len(), FEWER);
    }

    #[test]
    fn the_smallest_gaps_are_bridged() {
        let mut stretches = pages(FEW + 2, 9);
        stretches.push((2_000, 2_001));
        stretches.push((2_002, 2_003));
        let bridges = between(&stretches);
        assert!(bridges.contains(&2_001), "{bridges:?}");
        assert!(!bridges.contains(&1_000), "{bridges:?}");
    }
}
