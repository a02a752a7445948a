//! Key-encryption keys as canaries: their digits may stand in the key file and nowhere else.

use std::fs;
use std::path::Path;

use crate::host::TestHost;

impl TestHost {
    /// Takes the digits of all keys in the key file for canaries, as is done with those that are there at the end.
    pub fn guard_keys(&self) {
        self.guard_keys_of(&self.key_file());
    }

    /// Takes the digits of all keys in another key file for canaries.
    pub fn guard_keys_of(&self, file: &Path) {
        for digits in digits_of_keys(file) {
            self.guard(&digits);
            self.guard(&digits.to_uppercase());
        }
    }
}

/// The digits of the keys in a key file; none if there is none.
#[must_use]
pub fn digits_of_keys(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let keys = text
        .lines()
        .filter(|line| line.starts_with("lockstep-kek-1:"));
    keys.filter_map(|line| line.rsplit(':').next())
        .map(str::to_owned)
        .collect()
}
