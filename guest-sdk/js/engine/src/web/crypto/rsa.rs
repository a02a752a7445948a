//! RSA: keys are PKCS #1 in DER. Private operations are blinded with randomness of the host.

use rquickjs::{Ctx, Function, Object, Result, TypedArray};
use rsa::pkcs1::{DecodeRsaPrivateKey, DecodeRsaPublicKey, EncodeRsaPrivateKey};
use rsa::traits::{PaddingScheme, PublicKeyParts, SignatureScheme};
use rsa::{BoxedUint, Oaep, Pkcs1v15Sign, PrivateKey, Pss, PublicKey};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};

use super::hash::Hash;
use super::random::{Fill, HostRandom};
use crate::web::bytes::{self, Bytes};

/// Larger keys are of no use to a step, and take minutes.
const MODULUS_BITS: std::ops::RangeInclusive<usize> = 1024..=4096;

pub(super) fn install<'js>(ctx: &Ctx<'js>, natives: &Object<'js>, random: Fill) -> Result<()> {
    let generate = move |ctx: Ctx<'js>, bits: usize, exponent: Bytes<'js>| {
        array(&ctx, generate(random, bits, &exponent))
    };
    natives.set("rsaGenerate", Function::new(ctx.clone(), generate)?)?;
    let can_generate = |bits: usize, exponent: Bytes<'js>| can_generate(bits, &exponent);
    natives.set("rsaCanGenerate", Function::new(ctx.clone(), can_generate)?)?;
    natives.set("rsaIsPrivate", Function::new(ctx.clone(), is_private)?)?;
    natives.set("rsaIsPublic", Function::new(ctx.clone(), is_public)?)?;
    let sign = move |ctx: Ctx<'js>,
                     key: Bytes<'js>,
                     hash: String,
                     salt: Option<usize>,
                     digest: Bytes<'js>| {
        array(
            &ctx,
            Hash::named(&hash).and_then(|hash| sign(random, &key, hash, salt, &digest)),
        )
    };
    natives.set("rsaSign", Function::new(ctx.clone(), sign)?)?;
    natives.set("rsaVerify", Function::new(ctx.clone(), verify)?)?;
    let encrypt =
        move |ctx: Ctx<'js>, key: Bytes<'js>, hash: String, label: Bytes<'js>, data: Bytes<'js>| {
            array(
                &ctx,
                Hash::named(&hash).and_then(|hash| encrypt(random, &key, hash, &label, &data)),
            )
        };
    natives.set("rsaEncrypt", Function::new(ctx.clone(), encrypt)?)?;
    let decrypt =
        move |ctx: Ctx<'js>, key: Bytes<'js>, hash: String, label: Bytes<'js>, data: Bytes<'js>| {
            array(
                &ctx,
                Hash::named(&hash).and_then(|hash| decrypt(random, &key, hash, &label, &data)),
            )
        };
    natives.set("rsaDecrypt", Function::new(ctx.clone(), decrypt)?)
}

fn generate(random: Fill, bits: usize, exponent: &[u8]) -> Option<Vec<u8>> {
    if !can_generate(bits, exponent) {
        return None;
    }
    let exponent = BoxedUint::from_be_slice_vartime(exponent);
    let key = PrivateKey::new_with_exp(&mut HostRandom(random), bits, exponent).ok()?;
    Some(key.to_pkcs1_der().ok()?.as_bytes().to_vec())
}

fn can_generate(bits: usize, exponent: &[u8]) -> bool {
    MODULUS_BITS.contains(&bits) && is_odd_and_more_than_one(exponent)
}

/// No key has another exponent, and looking for one would never end.
fn is_odd_and_more_than_one(exponent: &[u8]) -> bool {
    let significant = exponent.iter().position(|byte| *byte != 0);
    match significant.map(|at| &exponent[at..]) {
        None | Some([1]) => false,
        Some(bytes) => bytes.last().is_some_and(|byte| byte % 2 == 1),
    }
}

fn is_private(key: Bytes<'_>) -> bool {
    PrivateKey::from_pkcs1_der(&key).is_ok()
}

fn is_public(key: Bytes<'_>) -> bool {
    PublicKey::from_pkcs1_der(&key).is_ok()
}

/// With a length of salt RSA-PSS, without RSASSA-PKCS1-v1_5.
fn sign(
    random: Fill,
    key: &[u8],
    hash: Hash,
    salt: Option<usize>,
    digest: &[u8],
) -> Option<Vec<u8>> {
    let key = PrivateKey::from_pkcs1_der(key).ok()?;
    // The crate makes the salt before it sees that it does not fit.
    if salt.is_some_and(|salt| salt > key.size()) {
        return None;
    }
    let mut random = HostRandom(random);
    let signature = match (salt, hash) {
        (None, hash) => key.sign_with_rng(&mut random, pkcs1(hash), digest),
        (Some(salt), Hash::Sha1) => {
            key.sign_with_rng(&mut random, Pss::<Sha1>::new_with_salt(salt), digest)
        }
        (Some(salt), Hash::Sha256) => {
            key.sign_with_rng(&mut random, Pss::<Sha256>::new_with_salt(salt), digest)
        }
        (Some(salt), Hash::Sha384) => {
            key.sign_with_rng(&mut random, Pss::<Sha384>::new_with_salt(salt), digest)
        }
        (Some(salt), Hash::Sha512) => {
            key.sign_with_rng(&mut random, Pss::<Sha512>::new_with_salt(salt), digest)
        }
    };
    signature.ok()
}

fn verify<'js>(
    key: Bytes<'js>,
    hash: String,
    salt: Option<usize>,
    digest: Bytes<'js>,
    signature: Bytes<'js>,
) -> bool {
    let Some(hash) = Hash::named(&hash) else {
        return false;
    };
    match (salt, hash) {
        (None, hash) => verify_with(&key, pkcs1(hash), &digest, &signature),
        (Some(salt), Hash::Sha1) => {
            verify_with(&key, Pss::<Sha1>::new_with_salt(salt), &digest, &signature)
        }
        (Some(salt), Hash::Sha256) => verify_with(
            &key,
            Pss::<Sha256>::new_with_salt(salt),
            &digest,
            &signature,
        ),
        (Some(salt), Hash::Sha384) => verify_with(
            &key,
            Pss::<Sha384>::new_with_salt(salt),
            &digest,
            &signature,
        ),
        (Some(salt), Hash::Sha512) => verify_with(
            &key,
            Pss::<Sha512>::new_with_salt(salt),
            &digest,
            &signature,
        ),
    }
}

fn verify_with(key: &[u8], scheme: impl SignatureScheme, digest: &[u8], signature: &[u8]) -> bool {
    PublicKey::from_pkcs1_der(key).is_ok_and(|key| key.verify(scheme, digest, signature).is_ok())
}

fn pkcs1(hash: Hash) -> Pkcs1v15Sign {
    match hash {
        Hash::Sha1 => Pkcs1v15Sign::new::<Sha1>(),
        Hash::Sha256 => Pkcs1v15Sign::new::<Sha256>(),
        Hash::Sha384 => Pkcs1v15Sign::new::<Sha384>(),
        Hash::Sha512 => Pkcs1v15Sign::new::<Sha512>(),
    }
}

fn encrypt(random: Fill, key: &[u8], hash: Hash, label: &[u8], data: &[u8]) -> Option<Vec<u8>> {
    match hash {
        Hash::Sha1 => encrypt_with(random, key, Oaep::<Sha1>::new_with_label(label), data),
        Hash::Sha256 => encrypt_with(random, key, Oaep::<Sha256>::new_with_label(label), data),
        Hash::Sha384 => encrypt_with(random, key, Oaep::<Sha384>::new_with_label(label), data),
        Hash::Sha512 => encrypt_with(random, key, Oaep::<Sha512>::new_with_label(label), data),
    }
}

fn encrypt_with(
    random: Fill,
    key: &[u8],
    padding: impl PaddingScheme,
    data: &[u8],
) -> Option<Vec<u8>> {
    PublicKey::from_pkcs1_der(key)
        .ok()?
        .encrypt(&mut HostRandom(random), padding, data)
        .ok()
}

fn decrypt(random: Fill, key: &[u8], hash: Hash, label: &[u8], data: &[u8]) -> Option<Vec<u8>> {
    match hash {
        Hash::Sha1 => decrypt_with(random, key, Oaep::<Sha1>::new_with_label(label), data),
        Hash::Sha256 => decrypt_with(random, key, Oaep::<Sha256>::new_with_label(label), data),
        Hash::Sha384 => decrypt_with(random, key, Oaep::<Sha384>::new_with_label(label), data),
        Hash::Sha512 => decrypt_with(random, key, Oaep::<Sha512>::new_with_label(label), data),
    }
}

fn decrypt_with(
    random: Fill,
    key: &[u8],
    padding: impl PaddingScheme,
    data: &[u8],
) -> Option<Vec<u8>> {
    PrivateKey::from_pkcs1_der(key)
        .ok()?
        .decrypt_blinded(&mut HostRandom(random), padding, data)
        .ok()
}

fn array<'js>(ctx: &Ctx<'js>, output: Option<Vec<u8>>) -> Result<Option<TypedArray<'js, u8>>> {
    output.map(|output| bytes::array(ctx, output)).transpose()
}
