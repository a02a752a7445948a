//! Natives of the web platform: what would be slow or large in JavaScript, in Rust crates that are kept well.
//!
//! Each module adds one object of functions to the engine object that the platform's bundle takes when it starts.
//! None of them keeps anything of a run, and none calls the host while it is installed.

mod bytes;
mod compression;
mod crypto;
mod encoding;
mod inspect;
mod url;

use rquickjs::{Ctx, Object, Result};

pub(crate) use bytes::{Bytes, write as write_bytes};
pub(crate) use crypto::random::Fill;

/// Adds the natives to `engine`. `random` fills a buffer with random bytes from the host; it is called in runs only.
pub(crate) fn install<'js>(ctx: &Ctx<'js>, engine: &Object<'js>, random: Fill) -> Result<()> {
    engine.set("url", url::natives(ctx)?)?;
    engine.set("encoding", encoding::natives(ctx)?)?;
    engine.set("inspect", inspect::natives(ctx)?)?;
    engine.set("compression", compression::natives(ctx)?)?;
    engine.set("subtle", crypto::natives(ctx, random)?)
}
