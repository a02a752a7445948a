//! The cryptography below `crypto.subtle`: crates of RustCrypto and dalek, by the bytes of keys and messages.
//!
//! JavaScript (`platform/src/crypto/`) knows algorithms, usages and formats; these functions know the mathematics and
//! DER. What a caller did wrong is `undefined`, and JavaScript names the error that the standard asks for.

mod aes;
mod curve25519;
mod derive;
mod ec;
mod hash;
mod key_info;
pub(crate) mod random;
mod rsa;

use random::Fill;
use rquickjs::{Ctx, Object, Result};

pub(super) fn natives<'js>(ctx: &Ctx<'js>, random: Fill) -> Result<Object<'js>> {
    let natives = Object::new(ctx.clone())?;
    hash::install(ctx, &natives)?;
    aes::install(ctx, &natives)?;
    derive::install(ctx, &natives)?;
    key_info::install(ctx, &natives)?;
    ec::install(ctx, &natives, random)?;
    curve25519::install(ctx, &natives)?;
    rsa::install(ctx, &natives, random)?;
    Ok(natives)
}
