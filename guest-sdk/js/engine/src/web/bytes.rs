//! Bytes on their way between JavaScript and Rust.

use std::ops::Deref;

use rquickjs::{Ctx, FromJs, Result, TypedArray, Value};

/// An argument: the bytes of a `Uint8Array`, borrowed from the engine. A detached array has none.
pub(crate) struct Bytes<'js>(TypedArray<'js, u8>);

impl<'js> FromJs<'js> for Bytes<'js> {
    fn from_js(ctx: &Ctx<'js>, value: Value<'js>) -> Result<Self> {
        TypedArray::from_js(ctx, value).map(Self)
    }
}

impl Deref for Bytes<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: natives run no JavaScript while they look at their arguments, and `self` keeps the array alive.
        unsafe { self.0.as_bytes() }.unwrap_or_default()
    }
}

/// Writes `bytes` to the front of `array`, as far as both reach.
pub(crate) fn write(array: &TypedArray<'_, u8>, bytes: &[u8]) {
    if let Some(raw) = array.as_raw() {
        let length = raw.len().min(bytes.len());
        // SAFETY: `raw` was just read, so it points to `raw.len()` bytes of the engine; no JavaScript ran since, and
        // `bytes` is memory of Rust's, which never overlaps the engine's.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), raw.cast().as_ptr(), length) };
    }
}

/// A new `Uint8Array` over `bytes`, without a copy.
pub(super) fn array<'js>(ctx: &Ctx<'js>, bytes: Vec<u8>) -> Result<TypedArray<'js, u8>> {
    TypedArray::new(ctx.clone(), bytes)
}
