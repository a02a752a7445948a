//! What a stream gives of a write: the write itself, as long as it is that.

use std::borrow::Cow;

/// See the module.
pub(crate) struct Emitted<'a> {
    written: &'a [u8],
    /// So much of it was given, and nothing else.
    same: usize,
    /// What was given, once it is something else.
    other: Option<Vec<u8>>,
}

impl<'a> Emitted<'a> {
    pub(crate) fn new(written: &'a [u8]) -> Self {
        Self {
            written,
            same: 0,
            other: None,
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        if self.other.is_none() && self.goes_on_with(bytes) {
            self.same += bytes.len();
            return;
        }
        let (written, same) = (self.written, self.same);
        let other = self.other.get_or_insert_with(|| {
            let mut other = Vec::with_capacity(written.len());
            other.extend_from_slice(&written[..same]);
            other
        });
        other.extend_from_slice(bytes);
    }

    pub(crate) fn text(self) -> Cow<'a, [u8]> {
        match self.other {
            Some(other) => Cow::Owned(other),
            None => Cow::Borrowed(&self.written[..self.same]),
        }
    }

    /// Whether `bytes` are what comes next in the write: a part of it, which need not be looked at, or its like.
    fn goes_on_with(&self, bytes: &[u8]) -> bool {
        self.written
            .get(self.same..self.same + bytes.len())
            .is_some_and(|next| std::ptr::eq(next, bytes) || next == bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_as_it_was_written_is_no_copy() {
        let written = b"one two".as_slice();
        let mut emitted = Emitted::new(written);
        emitted.push(&written[..3]);
        emitted.push(b" tw");
        assert!(matches!(emitted.text(), Cow::Borrowed(b"one tw")));
    }

    #[test]
    fn what_differs_from_the_write_or_is_longer_is_kept() {
        for pieces in [
            [b"one".as_slice(), b"***", b" two"],
            [b"one two", b" ", b"more"],
        ] {
            let mut emitted = Emitted::new(b"one two");
            pieces.iter().for_each(|piece| emitted.push(piece));
            assert_eq!(*emitted.text(), *pieces.concat());
        }
    }
}
