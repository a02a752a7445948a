//! ECDSA and ECDH on the curves of NIST. A private key is its scalar, a public key its point, uncompressed.

use elliptic_curve::Generate;
use elliptic_curve::sec1::ToSec1Point;
use elliptic_curve::{NonZeroScalar, PublicKey, SecretKey};
use rquickjs::{Ctx, Function, Object, Result, TypedArray};

use super::random::{Fill, HostRandom};
use crate::web::bytes::{self, Bytes};

/// What a curve can do, by bytes.
struct Curve {
    generate: fn(Fill) -> Vec<u8>,
    /// The point of a scalar.
    public: fn(&[u8]) -> Option<Vec<u8>>,
    /// A point that is on the curve, uncompressed.
    point: fn(&[u8]) -> Option<Vec<u8>>,
    sign: fn(Fill, &[u8], &[u8]) -> Option<Vec<u8>>,
    verify: fn(&[u8], &[u8], &[u8]) -> Option<bool>,
    agree: fn(&[u8], &[u8]) -> Option<Vec<u8>>,
}

/// The functions of a curve. The crates' traits tell them in bounds that are longer than the functions.
macro_rules! curve {
    ($curve:ty) => {
        Curve {
            generate: |random| {
                SecretKey::<$curve>::generate_from_rng(&mut HostRandom(random))
                    .to_bytes()
                    .to_vec()
            },
            public: |scalar| {
                Some(
                    SecretKey::<$curve>::from_slice(scalar)
                        .ok()?
                        .public_key()
                        .to_sec1_point(false)
                        .as_bytes()
                        .to_vec(),
                )
            },
            point: |point| {
                Some(
                    PublicKey::<$curve>::from_sec1_bytes(point)
                        .ok()?
                        .to_sec1_point(false)
                        .as_bytes()
                        .to_vec(),
                )
            },
            sign: |random, scalar, digest| {
                let key = SecretKey::<$curve>::from_slice(scalar)
                    .ok()?
                    .to_nonzero_scalar();
                let once = NonZeroScalar::<$curve>::generate_from_rng(&mut HostRandom(random));
                Some(
                    ecdsa::hazmat::sign_prehashed(&key, &once, digest)
                        .ok()?
                        .0
                        .to_vec(),
                )
            },
            verify: |point, digest, signature| {
                let key = PublicKey::<$curve>::from_sec1_bytes(point)
                    .ok()?
                    .to_projective();
                let signature = ecdsa::Signature::<$curve>::from_slice(signature).ok()?;
                Some(ecdsa::hazmat::verify_prehashed(&key, digest, &signature).is_ok())
            },
            agree: |scalar, point| {
                let key = SecretKey::<$curve>::from_slice(scalar).ok()?;
                let other = PublicKey::<$curve>::from_sec1_bytes(point).ok()?;
                Some(key.diffie_hellman(&other).raw_secret_bytes().to_vec())
            },
        }
    };
}

static P256: Curve = curve!(p256::NistP256);
static P384: Curve = curve!(p384::NistP384);
static P521: Curve = curve!(p521::NistP521);

fn named(name: &str) -> Option<&'static Curve> {
    match name {
        "P-256" => Some(&P256),
        "P-384" => Some(&P384),
        "P-521" => Some(&P521),
        _ => None,
    }
}

pub(super) fn install<'js>(ctx: &Ctx<'js>, natives: &Object<'js>, random: Fill) -> Result<()> {
    let generate = move |ctx: Ctx<'js>, curve: String| {
        array(&ctx, named(&curve).map(|curve| (curve.generate)(random)))
    };
    natives.set("ecGenerate", Function::new(ctx.clone(), generate)?)?;
    natives.set("ecPublic", Function::new(ctx.clone(), public)?)?;
    natives.set("ecPoint", Function::new(ctx.clone(), point)?)?;
    let sign = move |ctx: Ctx<'js>, curve: String, scalar: Bytes<'js>, digest: Bytes<'js>| {
        array(
            &ctx,
            named(&curve).and_then(|curve| (curve.sign)(random, &scalar, &digest)),
        )
    };
    natives.set("ecdsaSign", Function::new(ctx.clone(), sign)?)?;
    natives.set("ecdsaVerify", Function::new(ctx.clone(), verify)?)?;
    natives.set("ecdh", Function::new(ctx.clone(), agree)?)
}

fn public<'js>(
    ctx: Ctx<'js>,
    curve: String,
    scalar: Bytes<'js>,
) -> Result<Option<TypedArray<'js, u8>>> {
    array(
        &ctx,
        named(&curve).and_then(|curve| (curve.public)(&scalar)),
    )
}

fn point<'js>(
    ctx: Ctx<'js>,
    curve: String,
    encoded: Bytes<'js>,
) -> Result<Option<TypedArray<'js, u8>>> {
    array(
        &ctx,
        named(&curve).and_then(|curve| (curve.point)(&encoded)),
    )
}

fn verify<'js>(
    curve: String,
    point: Bytes<'js>,
    digest: Bytes<'js>,
    signature: Bytes<'js>,
) -> bool {
    named(&curve)
        .and_then(|curve| (curve.verify)(&point, &digest, &signature))
        .unwrap_or(false)
}

fn agree<'js>(
    ctx: Ctx<'js>,
    curve: String,
    scalar: Bytes<'js>,
    point: Bytes<'js>,
) -> Result<Option<TypedArray<'js, u8>>> {
    array(
        &ctx,
        named(&curve).and_then(|curve| (curve.agree)(&scalar, &point)),
    )
}

fn array<'js>(ctx: &Ctx<'js>, output: Option<Vec<u8>>) -> Result<Option<TypedArray<'js, u8>>> {
    output.map(|output| bytes::array(ctx, output)).transpose()
}
