//! Bytes that the host has written.

use std::{
    alloc::{Layout, alloc, handle_alloc_error},
    ffi::{CStr, c_char},
    ops::Deref,
};

use zeroize::{Zeroize, Zeroizing};

/// Bytes that the host has written, with a NUL after them as QuickJS wants it. Wiped when dropped: what is freed is else
/// part of the snapshot.
pub(crate) struct Buffer {
    bytes: Vec<u8>,
}

/// Room for so many bytes and a NUL.
pub(crate) fn allocate(length: usize) -> *mut u8 {
    let layout = layout(length);
    let pointer = unsafe { alloc(layout) };
    if pointer.is_null() {
        // Traps. The host must not write to 0.
        handle_alloc_error(layout);
    }
    unsafe { pointer.add(length).write(0) };
    pointer
}

fn layout(length: usize) -> Layout {
    match Layout::array::<u8>(length.saturating_add(1)) {
        Ok(layout) => layout,
        Err(error) => panic!("a buffer of {length} bytes: {error}"),
    }
}

impl Buffer {
    /// # Safety
    /// `pointer` comes from [`allocate`] with this `length`, and is given up; or `length` is 0 and it is anything.
    pub(crate) unsafe fn from_host(pointer: *mut u8, length: usize) -> Self {
        let bytes = if length == 0 {
            vec![0]
        } else {
            unsafe { Vec::from_raw_parts(pointer, length + 1, length + 1) }
        };
        Self { bytes }
    }

    /// A buffer with what the host had waiting.
    pub(crate) fn of(mut bytes: Zeroizing<Vec<u8>>) -> Self {
        Self::from(std::mem::take(&mut *bytes))
    }

    /// A buffer with these bytes.
    pub(crate) fn from(mut bytes: Vec<u8>) -> Self {
        bytes.push(0);
        Self { bytes }
    }

    /// A buffer with the concatenation of some texts.
    pub(crate) fn join(texts: &[&[u8]]) -> Self {
        let mut bytes = Vec::with_capacity(texts.iter().map(|text| text.len()).sum::<usize>() + 1);
        for text in texts {
            bytes.extend_from_slice(text);
        }
        bytes.push(0);
        Self { bytes }
    }

    /// What C code reads: bytes with a NUL after them.
    pub(crate) fn as_ptr(&self) -> *const c_char {
        self.bytes.as_ptr().cast()
    }

    /// The bytes up to the first NUL.
    pub(crate) fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or_default()
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.bytes.len() - 1]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}
