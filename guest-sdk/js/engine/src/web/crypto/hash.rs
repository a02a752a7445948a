//! Digests and HMAC.

use hmac::{Hmac, KeyInit, Mac};
use rquickjs::{Ctx, Function, Object, Result, TypedArray};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

use crate::web::bytes::{self, Bytes};

/// The hash functions of Web Crypto.
#[derive(Clone, Copy)]
pub(super) enum Hash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "SHA-1" => Some(Self::Sha1),
            "SHA-256" => Some(Self::Sha256),
            "SHA-384" => Some(Self::Sha384),
            "SHA-512" => Some(Self::Sha512),
            _ => None,
        }
    }

    fn digest(self, data: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1 => Sha1::digest(data).to_vec(),
            Self::Sha256 => Sha256::digest(data).to_vec(),
            Self::Sha384 => Sha384::digest(data).to_vec(),
            Self::Sha512 => Sha512::digest(data).to_vec(),
        }
    }
}

pub(super) fn install<'js>(ctx: &Ctx<'js>, natives: &Object<'js>) -> Result<()> {
    natives.set("digest", Function::new(ctx.clone(), digest)?)?;
    natives.set("hmacSign", Function::new(ctx.clone(), hmac_sign)?)?;
    natives.set("hmacVerify", Function::new(ctx.clone(), hmac_verify)?)
}

fn digest<'js>(
    ctx: Ctx<'js>,
    hash: String,
    data: Bytes<'js>,
) -> Result<Option<TypedArray<'js, u8>>> {
    Hash::named(&hash)
        .map(|hash| bytes::array(&ctx, hash.digest(&data)))
        .transpose()
}

fn hmac_sign<'js>(
    ctx: Ctx<'js>,
    hash: String,
    key: Bytes<'js>,
    data: Bytes<'js>,
) -> Result<Option<TypedArray<'js, u8>>> {
    let tag = Hash::named(&hash).and_then(|hash| match hash {
        Hash::Sha1 => sign::<Hmac<Sha1>>(&key, &data),
        Hash::Sha256 => sign::<Hmac<Sha256>>(&key, &data),
        Hash::Sha384 => sign::<Hmac<Sha384>>(&key, &data),
        Hash::Sha512 => sign::<Hmac<Sha512>>(&key, &data),
    });
    tag.map(|tag| bytes::array(&ctx, tag)).transpose()
}

fn sign<M: Mac + KeyInit>(key: &[u8], data: &[u8]) -> Option<Vec<u8>> {
    let mut mac = <M as KeyInit>::new_from_slice(key).ok()?;
    mac.update(data);
    Some(mac.finalize().into_bytes().to_vec())
}

/// Compares in constant time.
fn hmac_verify(hash: String, key: Bytes<'_>, tag: Bytes<'_>, data: Bytes<'_>) -> bool {
    Hash::named(&hash).is_some_and(|hash| match hash {
        Hash::Sha1 => verify::<Hmac<Sha1>>(&key, &tag, &data),
        Hash::Sha256 => verify::<Hmac<Sha256>>(&key, &tag, &data),
        Hash::Sha384 => verify::<Hmac<Sha384>>(&key, &tag, &data),
        Hash::Sha512 => verify::<Hmac<Sha512>>(&key, &tag, &data),
    })
}

fn verify<M: Mac + KeyInit>(key: &[u8], tag: &[u8], data: &[u8]) -> bool {
    <M as KeyInit>::new_from_slice(key).is_ok_and(|mut mac| {
        mac.update(data);
        mac.verify_slice(tag).is_ok()
    })
}
