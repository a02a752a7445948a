//! Growing memory for plaintext, wiped when it is dropped and when it moves.
//!
//! A `Vec` that grows leaves its old content behind in freed memory; this one wipes it first.

use std::hash::{Hash, Hasher};
use std::ops::Deref;

use zeroize::{DefaultIsZeroes, Zeroize};

/// A list of plain values that are, or give away, plaintext.
pub(crate) struct Wiped<T: DefaultIsZeroes> {
    items: Vec<T>,
    /// The list was never longer: the memory behind was never written, and need not be wiped.
    longest: usize,
}

impl<T: DefaultIsZeroes> Wiped<T> {
    pub(crate) const fn new() -> Self {
        Self {
            items: Vec::new(),
            longest: 0,
        }
    }

    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self {
            items: Vec::with_capacity(capacity),
            longest: 0,
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, item: T) {
        self.reserve(1);
        self.items.push(item);
    }

    #[inline]
    pub(crate) fn extend_from_slice(&mut self, items: &[T]) {
        self.reserve(items.len());
        self.items.extend_from_slice(items);
    }

    /// Appends `count` zeros, to be written over.
    #[inline]
    pub(crate) fn push_zeros(&mut self, count: usize) -> &mut [T] {
        let start = self.items.len();
        self.reserve(count);
        self.items.resize(start + count, T::default());
        &mut self.items[start..]
    }

    /// Makes room for `additional` items. Every way to grow leads through here.
    #[inline]
    pub(crate) fn reserve(&mut self, additional: usize) {
        if additional > self.items.capacity() - self.items.len() {
            self.grow(self.items.len() + additional);
        }
    }

    /// Removes the first `count` items.
    pub(crate) fn remove_front(&mut self, count: usize) {
        self.remember_length();
        if count == self.items.len() {
            self.items.clear();
        } else if count > 0 {
            self.items.drain(..count);
        }
    }

    pub(crate) fn truncate(&mut self, length: usize) {
        self.remember_length();
        self.items.truncate(length);
    }

    pub(crate) fn clear(&mut self) {
        self.truncate(0);
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.items
    }

    #[cold]
    fn grow(&mut self, needed: usize) {
        let mut grown = Vec::with_capacity(needed.max(2 * self.items.capacity()));
        grown.extend_from_slice(&self.items);
        self.wipe();
        self.items = grown;
        self.longest = 0;
    }

    fn remember_length(&mut self) {
        self.longest = self.longest.max(self.items.len());
    }

    /// Wipes all that was ever written.
    fn wipe(&mut self) {
        self.remember_length();
        self.items.resize(self.longest, T::default());
        self.items.as_mut_slice().zeroize();
    }
}

impl<T: DefaultIsZeroes> From<&[T]> for Wiped<T> {
    fn from(items: &[T]) -> Self {
        Self {
            items: items.to_vec(),
            longest: 0,
        }
    }
}

impl<T: DefaultIsZeroes> Default for Wiped<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: DefaultIsZeroes> Deref for Wiped<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        &self.items
    }
}

impl<T: DefaultIsZeroes> Clone for Wiped<T> {
    fn clone(&self) -> Self {
        Self::from(&**self)
    }
}

impl<T: DefaultIsZeroes + Eq> Eq for Wiped<T> {}

impl<T: DefaultIsZeroes + Hash> Hash for Wiped<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.items.hash(state);
    }
}

impl<T: DefaultIsZeroes + PartialEq> PartialEq for Wiped<T> {
    fn eq(&self, other: &Self) -> bool {
        self.items == other.items
    }
}

impl<T: DefaultIsZeroes> Drop for Wiped<T> {
    fn drop(&mut self) {
        self.wipe();
    }
}
