//! Growing memory for plaintext, wiped when it is dropped and when it moves.
//!
//! A `Vec` that grows leaves its old content behind in freed memory; this one wipes it first.

use std::ops::Deref;

use zeroize::Zeroize;

/// A list of plain values that are, or give away, plaintext.
#[derive(Eq, Hash, PartialEq)]
pub(crate) struct Wiped<T: Copy + Zeroize>(Vec<T>);

impl<T: Copy + Zeroize> Wiped<T> {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    pub(crate) fn push(&mut self, item: T) {
        self.reserve(1);
        self.0.push(item);
    }

    pub(crate) fn extend_from_slice(&mut self, items: &[T]) {
        self.reserve(items.len());
        self.0.extend_from_slice(items);
    }

    /// Makes room for `additional` items. Every way to grow leads through here.
    pub(crate) fn reserve(&mut self, additional: usize) {
        let needed = self.0.len() + additional;
        if needed <= self.0.capacity() {
            return;
        }
        let mut grown = Vec::with_capacity(needed.max(2 * self.0.capacity()));
        grown.extend_from_slice(&self.0);
        self.0.zeroize();
        self.0 = grown;
    }

    /// Removes the first `count` items. What they were stays in the spare capacity until that is wiped or used again.
    pub(crate) fn remove_front(&mut self, count: usize) {
        if count == self.0.len() {
            self.0.clear();
        } else if count > 0 {
            self.0.drain(..count);
        }
    }

    pub(crate) fn truncate(&mut self, length: usize) {
        self.0.truncate(length);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.0
    }
}

impl<T: Copy + Zeroize> From<&[T]> for Wiped<T> {
    fn from(items: &[T]) -> Self {
        Self(items.to_vec())
    }
}

impl<T: Copy + Zeroize> Default for Wiped<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Copy + Zeroize> Deref for Wiped<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: Copy + Zeroize> Clone for Wiped<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Copy + Zeroize> Drop for Wiped<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}
