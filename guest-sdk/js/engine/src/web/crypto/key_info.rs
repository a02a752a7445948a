//! Keys in DER: PKCS #8 for private keys, SubjectPublicKeyInfo for public ones, and the RSA and EC keys inside of them.

use rquickjs::{Array, Ctx, Function, Object, Result, TypedArray};
use rsa::pkcs1::{RsaPrivateKeyRef, RsaPublicKeyRef};
use rsa::pkcs8::der::asn1::{AnyRef, BitStringRef, OctetStringRef, UintRef};
use rsa::pkcs8::der::{self, Decode, Encode};
use rsa::pkcs8::spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};
use rsa::pkcs8::{ObjectIdentifier, PrivateKeyInfoRef};
use sec1::EcPrivateKey;

use crate::web::bytes::{self, Bytes};

pub(super) fn install<'js>(ctx: &Ctx<'js>, natives: &Object<'js>) -> Result<()> {
    natives.set("readPkcs8", Function::new(ctx.clone(), read_pkcs8)?)?;
    natives.set("writePkcs8", Function::new(ctx.clone(), write_pkcs8)?)?;
    natives.set("readSpki", Function::new(ctx.clone(), read_spki)?)?;
    natives.set("writeSpki", Function::new(ctx.clone(), write_spki)?)?;
    natives.set(
        "readRsaPrivate",
        Function::new(ctx.clone(), read_rsa_private)?,
    )?;
    natives.set(
        "writeRsaPrivate",
        Function::new(ctx.clone(), write_rsa_private)?,
    )?;
    natives.set(
        "readRsaPublic",
        Function::new(ctx.clone(), read_rsa_public)?,
    )?;
    natives.set(
        "writeRsaPublic",
        Function::new(ctx.clone(), write_rsa_public)?,
    )?;
    natives.set(
        "readEcPrivate",
        Function::new(ctx.clone(), read_ec_private)?,
    )?;
    natives.set(
        "writeEcPrivate",
        Function::new(ctx.clone(), write_ec_private)?,
    )
}

/// `[algorithm, parameters, key]`: object identifiers as text (parameters: undefined where they are something else), and
/// the private key inside.
fn read_pkcs8<'js>(ctx: Ctx<'js>, der: Bytes<'js>) -> Result<Option<Array<'js>>> {
    let Ok(info) = PrivateKeyInfoRef::from_der(&der) else {
        return Ok(None);
    };
    described(&ctx, &info.algorithm, info.private_key.as_bytes()).map(Some)
}

fn read_spki<'js>(ctx: Ctx<'js>, der: Bytes<'js>) -> Result<Option<Array<'js>>> {
    let Ok(info) = SubjectPublicKeyInfoRef::from_der(&der) else {
        return Ok(None);
    };
    let Some(key) = info.subject_public_key.as_bytes() else {
        return Ok(None);
    };
    described(&ctx, &info.algorithm, key).map(Some)
}

fn described<'js>(
    ctx: &Ctx<'js>,
    algorithm: &AlgorithmIdentifierRef<'_>,
    key: &[u8],
) -> Result<Array<'js>> {
    let parts = Array::new(ctx.clone())?;
    parts.set(0, algorithm.oid.to_string())?;
    parts.set(
        1,
        algorithm.parameters_oid().ok().map(|oid| oid.to_string()),
    )?;
    parts.set(2, bytes::array(ctx, key.to_vec())?)?;
    Ok(parts)
}

/// `parameters`: an object identifier, `"null"`, or undefined for none.
fn write_pkcs8<'js>(
    ctx: Ctx<'js>,
    algorithm: String,
    parameters: Option<String>,
    key: Bytes<'js>,
) -> Result<Option<TypedArray<'js, u8>>> {
    let encoded = with_algorithm(&algorithm, parameters.as_deref(), |algorithm| {
        PrivateKeyInfoRef::new(algorithm, OctetStringRef::new(&key)?).to_der()
    });
    array(&ctx, encoded)
}

fn write_spki<'js>(
    ctx: Ctx<'js>,
    algorithm: String,
    parameters: Option<String>,
    key: Bytes<'js>,
) -> Result<Option<TypedArray<'js, u8>>> {
    let encoded = with_algorithm(&algorithm, parameters.as_deref(), |algorithm| {
        SubjectPublicKeyInfoRef {
            algorithm,
            subject_public_key: BitStringRef::from_bytes(&key)?,
        }
        .to_der()
    });
    array(&ctx, encoded)
}

fn with_algorithm(
    algorithm: &str,
    parameters: Option<&str>,
    encode: impl FnOnce(AlgorithmIdentifierRef<'_>) -> der::Result<Vec<u8>>,
) -> der::Result<Vec<u8>> {
    let oid = ObjectIdentifier::new(algorithm)?;
    let named;
    let parameters = match parameters {
        None => None,
        Some("null") => Some(AnyRef::NULL),
        Some(name) => {
            named = ObjectIdentifier::new(name)?;
            Some(AnyRef::from(&named))
        }
    };
    encode(AlgorithmIdentifierRef { oid, parameters })
}

/// The eight numbers n, e, d, p, q, dp, dq, qi of a key with two primes, as big-endian bytes.
fn read_rsa_private<'js>(
    ctx: Ctx<'js>,
    der: Bytes<'js>,
) -> Result<Option<Vec<TypedArray<'js, u8>>>> {
    match RsaPrivateKeyRef::from_der(&der) {
        Ok(key) if key.other_prime_infos.is_none() => {
            let numbers = [
                key.modulus,
                key.public_exponent,
                key.private_exponent,
                key.prime1,
                key.prime2,
                key.exponent1,
                key.exponent2,
                key.coefficient,
            ];
            arrays(&ctx, &numbers).map(Some)
        }
        _ => Ok(None),
    }
}

fn write_rsa_private<'js>(
    ctx: Ctx<'js>,
    numbers: Vec<Bytes<'js>>,
) -> Result<Option<TypedArray<'js, u8>>> {
    let encode = || {
        let [n, e, d, p, q, dp, dq, qi] = numbers.as_slice() else {
            return Err(der::ErrorKind::Failed.into());
        };
        RsaPrivateKeyRef {
            modulus: UintRef::new(n)?,
            public_exponent: UintRef::new(e)?,
            private_exponent: UintRef::new(d)?,
            prime1: UintRef::new(p)?,
            prime2: UintRef::new(q)?,
            exponent1: UintRef::new(dp)?,
            exponent2: UintRef::new(dq)?,
            coefficient: UintRef::new(qi)?,
            other_prime_infos: None,
        }
        .to_der()
    };
    array(&ctx, encode())
}

/// The numbers n and e.
fn read_rsa_public<'js>(
    ctx: Ctx<'js>,
    der: Bytes<'js>,
) -> Result<Option<Vec<TypedArray<'js, u8>>>> {
    RsaPublicKeyRef::from_der(&der)
        .ok()
        .map(|key| arrays(&ctx, &[key.modulus, key.public_exponent]))
        .transpose()
}

fn write_rsa_public<'js>(
    ctx: Ctx<'js>,
    n: Bytes<'js>,
    e: Bytes<'js>,
) -> Result<Option<TypedArray<'js, u8>>> {
    let encode = || {
        RsaPublicKeyRef {
            modulus: UintRef::new(&n)?,
            public_exponent: UintRef::new(&e)?,
        }
        .to_der()
    };
    array(&ctx, encode())
}

/// `[scalar, point, curve]`; point and curve are undefined where the key does not have them.
fn read_ec_private<'js>(ctx: Ctx<'js>, der: Bytes<'js>) -> Result<Option<Array<'js>>> {
    let Ok(key) = EcPrivateKey::from_der(&der) else {
        return Ok(None);
    };
    let parts = Array::new(ctx.clone())?;
    parts.set(0, bytes::array(&ctx, key.private_key.to_vec())?)?;
    parts.set(
        1,
        key.public_key
            .map(|point| bytes::array(&ctx, point.to_vec()))
            .transpose()?,
    )?;
    parts.set(
        2,
        key.parameters
            .and_then(|parameters| parameters.named_curve())
            .map(|oid| oid.to_string()),
    )?;
    Ok(Some(parts))
}

fn write_ec_private<'js>(
    ctx: Ctx<'js>,
    scalar: Bytes<'js>,
    point: Bytes<'js>,
) -> Result<Option<TypedArray<'js, u8>>> {
    let key = EcPrivateKey {
        private_key: &scalar,
        parameters: None,
        public_key: Some(&point),
    };
    array(&ctx, key.to_der())
}

fn arrays<'js>(ctx: &Ctx<'js>, numbers: &[UintRef<'_>]) -> Result<Vec<TypedArray<'js, u8>>> {
    numbers
        .iter()
        .map(|number| bytes::array(ctx, number.as_bytes().to_vec()))
        .collect()
}

fn array<'js>(
    ctx: &Ctx<'js>,
    encoded: der::Result<Vec<u8>>,
) -> Result<Option<TypedArray<'js, u8>>> {
    encoded.ok().map(|der| bytes::array(ctx, der)).transpose()
}
