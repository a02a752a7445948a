//! Ed25519 and X25519. Keys are their 32 bytes.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use rquickjs::{Ctx, Function, Object, Result, TypedArray};
use subtle::ConstantTimeEq;
use x25519_dalek::{X25519_BASEPOINT_BYTES, x25519};

use crate::web::bytes::{self, Bytes};

pub(super) fn install<'js>(ctx: &Ctx<'js>, natives: &Object<'js>) -> Result<()> {
    natives.set("ed25519Public", Function::new(ctx.clone(), ed25519_public)?)?;
    natives.set("ed25519Sign", Function::new(ctx.clone(), ed25519_sign)?)?;
    natives.set("ed25519Verify", Function::new(ctx.clone(), ed25519_verify)?)?;
    natives.set("x25519Public", Function::new(ctx.clone(), x25519_public)?)?;
    natives.set("x25519", Function::new(ctx.clone(), agree)?)
}

fn key(bytes: &[u8]) -> Option<[u8; 32]> {
    bytes.try_into().ok()
}

fn ed25519_public<'js>(ctx: Ctx<'js>, seed: Bytes<'js>) -> Result<Option<TypedArray<'js, u8>>> {
    array(
        &ctx,
        key(&seed).map(|seed| {
            SigningKey::from_bytes(&seed)
                .verifying_key()
                .to_bytes()
                .to_vec()
        }),
    )
}

fn ed25519_sign<'js>(
    ctx: Ctx<'js>,
    seed: Bytes<'js>,
    data: Bytes<'js>,
) -> Result<Option<TypedArray<'js, u8>>> {
    array(
        &ctx,
        key(&seed).map(|seed| {
            SigningKey::from_bytes(&seed)
                .sign(&data)
                .to_bytes()
                .to_vec()
        }),
    )
}

/// Points of small order are refused, as the draft of Web Crypto for these curves asks.
fn ed25519_verify<'js>(public: Bytes<'js>, signature: Bytes<'js>, data: Bytes<'js>) -> bool {
    let verified = || {
        let public = VerifyingKey::from_bytes(&key(&public)?).ok()?;
        let signature = Signature::from_slice(&signature).ok()?;
        public.verify_strict(&data, &signature).ok()
    };
    verified().is_some()
}

fn x25519_public<'js>(ctx: Ctx<'js>, secret: Bytes<'js>) -> Result<Option<TypedArray<'js, u8>>> {
    array(
        &ctx,
        key(&secret).map(|secret| x25519(secret, X25519_BASEPOINT_BYTES).to_vec()),
    )
}

/// The shared secret; undefined where it is all zero, as the other key is of small order then.
fn agree<'js>(
    ctx: Ctx<'js>,
    secret: Bytes<'js>,
    public: Bytes<'js>,
) -> Result<Option<TypedArray<'js, u8>>> {
    let shared = key(&secret)
        .zip(key(&public))
        .map(|(secret, public)| x25519(secret, public));
    array(
        &ctx,
        shared
            .filter(|shared| !bool::from(shared.ct_eq(&[0; 32])))
            .map(|shared| shared.to_vec()),
    )
}

fn array<'js>(ctx: &Ctx<'js>, output: Option<Vec<u8>>) -> Result<Option<TypedArray<'js, u8>>> {
    output.map(|output| bytes::array(ctx, output)).transpose()
}
