//! The memory limit: one sum over all linear memories and tables of a run.

use wasmtime::ResourceLimiter;

/// A table element is a pointer in the host.
const TABLE_ELEMENT_BYTES: usize = size_of::<usize>();

/// How often a guest may ask for memory that it does not get. One that goes on asking has no use for the answer: QuickJS, for
/// one, forgets a promise for which it has no memory, and goes on.
const MAX_REFUSALS: u32 = 100_000;

/// A guest does not stop asking.
#[derive(Debug, thiserror::Error)]
#[error("it was refused {MAX_REFUSALS} times, and went on asking")]
struct KeepsAsking;

/// Counts what the guest has grown to, and refuses what goes over the limit.
#[derive(Debug)]
pub(crate) struct MemoryLimiter {
    limit_bytes: usize,
    held_bytes: usize,
    peak_bytes: usize,
    /// The last growth that was allowed, to be given back if the host then could not provide it.
    last_growth_bytes: usize,
    refusals: u32,
}

impl MemoryLimiter {
    pub(crate) fn new(limit_bytes: u64) -> Self {
        Self {
            limit_bytes: usize::try_from(limit_bytes).unwrap_or(usize::MAX),
            held_bytes: 0,
            peak_bytes: 0,
            last_growth_bytes: 0,
            refusals: 0,
        }
    }

    pub(crate) fn peak_bytes(&self) -> u64 {
        self.peak_bytes as u64
    }

    /// Whether the guest asked for more than it may have.
    pub(crate) fn refused(&self) -> bool {
        self.refusals > 0
    }

    fn grow(&mut self, growth_bytes: usize) -> wasmtime::Result<bool> {
        let Some(held) = self
            .held_bytes
            .checked_add(growth_bytes)
            .filter(|sum| *sum <= self.limit_bytes)
        else {
            self.refusals += 1;
            return match self.refusals {
                ..MAX_REFUSALS => Ok(false),
                _ => Err(KeepsAsking.into()),
            };
        };
        self.held_bytes = held;
        self.peak_bytes = self.peak_bytes.max(held);
        self.last_growth_bytes = growth_bytes;
        Ok(true)
    }

    fn give_back(&mut self) {
        self.held_bytes = self.held_bytes.saturating_sub(self.last_growth_bytes);
        self.last_growth_bytes = 0;
        self.refusals = self.refusals.saturating_add(1);
    }
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.grow(desired.saturating_sub(current))
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.give_back();
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let elements = desired.saturating_sub(current);
        self.grow(elements.saturating_mul(TABLE_ELEMENT_BYTES))
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.give_back();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_that_goes_on_asking_is_ended() {
        let mut limiter = MemoryLimiter::new(100);
        for _ in 1..MAX_REFUSALS {
            assert!(!limiter.memory_growing(0, 101, None).unwrap());
        }
        limiter.memory_growing(0, 101, None).unwrap_err();
    }

    #[test]
    fn the_limit_holds_over_the_sum_of_all_memories() {
        let mut limiter = MemoryLimiter::new(100);
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        assert!(limiter.memory_growing(0, 40, None).unwrap());
        assert!(!limiter.refused());
        assert!(!limiter.memory_growing(40, 41, None).unwrap());
        assert!(limiter.refused());
        assert_eq!(limiter.peak_bytes(), 100);
    }

    #[test]
    fn a_table_counts_with_eight_bytes_an_element() {
        let mut limiter = MemoryLimiter::new(80);
        assert!(limiter.table_growing(0, 10, None).unwrap());
        assert!(!limiter.table_growing(10, 11, None).unwrap());
    }

    #[test]
    fn growth_that_the_host_could_not_provide_is_given_back() {
        let mut limiter = MemoryLimiter::new(100);
        assert!(limiter.memory_growing(0, 100, None).unwrap());
        limiter
            .memory_grow_failed(wasmtime::Error::msg("no memory"))
            .unwrap();
        assert!(limiter.memory_growing(0, 100, None).unwrap());
    }
}
