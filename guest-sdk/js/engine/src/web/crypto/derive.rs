//! Keys from secrets and passwords: HKDF and PBKDF2.

use hkdf::Hkdf;
use hmac::Hmac;
use pbkdf2::pbkdf2;
use rquickjs::{Ctx, Function, Object, Result, TypedArray};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};

use super::hash::Hash;
use crate::web::bytes::{self, Bytes};

pub(super) fn install<'js>(ctx: &Ctx<'js>, natives: &Object<'js>) -> Result<()> {
    natives.set("hkdf", Function::new(ctx.clone(), hkdf)?)?;
    natives.set("pbkdf2", Function::new(ctx.clone(), derive_pbkdf2)?)
}

/// Undefined where the length is more than HKDF can give, or than there is memory for.
fn hkdf<'js>(
    ctx: Ctx<'js>,
    hash: String,
    key: Bytes<'js>,
    salt: Bytes<'js>,
    info: Bytes<'js>,
    length: usize,
) -> Result<Option<TypedArray<'js, u8>>> {
    let Some(mut output) = zeros(length) else {
        return Ok(None);
    };
    let derived = Hash::named(&hash).and_then(|hash| match hash {
        Hash::Sha1 => Hkdf::<Sha1>::new(Some(&salt), &key)
            .expand(&info, &mut output)
            .ok(),
        Hash::Sha256 => Hkdf::<Sha256>::new(Some(&salt), &key)
            .expand(&info, &mut output)
            .ok(),
        Hash::Sha384 => Hkdf::<Sha384>::new(Some(&salt), &key)
            .expand(&info, &mut output)
            .ok(),
        Hash::Sha512 => Hkdf::<Sha512>::new(Some(&salt), &key)
            .expand(&info, &mut output)
            .ok(),
    });
    derived.map(|()| bytes::array(&ctx, output)).transpose()
}

/// Undefined where there is no memory for the length.
fn derive_pbkdf2<'js>(
    ctx: Ctx<'js>,
    hash: String,
    password: Bytes<'js>,
    salt: Bytes<'js>,
    rounds: u32,
    length: usize,
) -> Result<Option<TypedArray<'js, u8>>> {
    let Some(mut output) = zeros(length) else {
        return Ok(None);
    };
    let derived = Hash::named(&hash).and_then(|hash| match hash {
        Hash::Sha1 => pbkdf2::<Hmac<Sha1>>(&password, &salt, rounds, &mut output).ok(),
        Hash::Sha256 => pbkdf2::<Hmac<Sha256>>(&password, &salt, rounds, &mut output).ok(),
        Hash::Sha384 => pbkdf2::<Hmac<Sha384>>(&password, &salt, rounds, &mut output).ok(),
        Hash::Sha512 => pbkdf2::<Hmac<Sha512>>(&password, &salt, rounds, &mut output).ok(),
    });
    derived.map(|()| bytes::array(&ctx, output)).transpose()
}

/// A step may ask for more than it has memory for: that is an error that it can catch.
fn zeros(length: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(length).ok()?;
    bytes.resize(length, 0);
    Some(bytes)
}
