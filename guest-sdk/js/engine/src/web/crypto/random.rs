//! Randomness comes from the host, in runs only.

use std::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};

/// Fills a buffer with random bytes.
pub(crate) type Fill = fn(&mut [u8]);

/// The host's random numbers, as the crates want them.
pub(super) struct HostRandom(pub(super) Fill);

impl TryRng for HostRandom {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        (self.0)(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        (self.0)(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        (self.0)(bytes);
        Ok(())
    }
}

impl TryCryptoRng for HostRandom {}
