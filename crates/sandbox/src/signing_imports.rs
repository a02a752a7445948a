//! `lockstep:step/signing`, as components import it.

use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Lift, Linker, Lower, WasmList, WasmStr};

use crate::host::{MAX_KEY_BYTES, RunState, Stop};
use crate::signer::{AwsAccount, AwsCall, NotSigned};
use crate::signing::{
    AwsRequest, AwsScope, Hash, JwtAlgorithm, KeyEncoding, MAX_DATA_BYTES, Webhook,
};

/// `signing-error` of step.wit.
#[derive(ComponentType, Lower)]
#[component(record)]
struct SigningError {
    code: String,
    key: String,
    message: String,
}

/// `hash` of step.wit.
#[derive(Clone, ComponentType, Copy, Lift)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "made of the number that the guest hands in")]
enum WireHash {
    #[component(name = "sha256")]
    Sha256,
    #[component(name = "sha384")]
    Sha384,
    #[component(name = "sha512")]
    Sha512,
}

/// `key-encoding` of step.wit.
#[derive(Clone, ComponentType, Copy, Lift)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "made of the number that the guest hands in")]
enum WireEncoding {
    #[component(name = "text")]
    Text,
    #[component(name = "hex")]
    Hex,
    #[component(name = "base64")]
    Base64,
}

/// `jwt-algorithm` of step.wit.
#[derive(Clone, ComponentType, Copy, Lift)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "made of the number that the guest hands in")]
enum WireAlgorithm {
    #[component(name = "hs256")]
    Hs256,
    #[component(name = "rs256")]
    Rs256,
    #[component(name = "es256")]
    Es256,
    #[component(name = "eddsa")]
    EdDsa,
}

/// `aws-account` of step.wit.
#[derive(ComponentType, Lift)]
#[component(record)]
struct WireAccount {
    #[component(name = "access-key-id")]
    access_key_id: String,
    #[component(name = "secret-access-key")]
    secret_access_key: String,
    #[component(name = "session-token")]
    session_token: Option<String>,
}

/// `aws-request` of step.wit.
#[derive(ComponentType, Lift)]
#[component(record)]
struct WireRequest {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    region: String,
    service: String,
    time: i64,
}

/// `aws-body` of step.wit.
#[derive(ComponentType, Lift)]
#[component(variant)]
enum WireBody {
    #[component(name = "signed")]
    Signed(WasmList<u8>),
    #[component(name = "unsigned")]
    Unsigned,
}

/// `webhook` of step.wit.
#[derive(ComponentType, Lift)]
#[component(variant)]
enum WireWebhook {
    #[component(name = "github")]
    Github(String),
    #[component(name = "slack")]
    Slack((String, String)),
    #[component(name = "stripe")]
    Stripe(String),
}

/// What a function returns to the guest.
type Told<T> = (Result<T, SigningError>,);
type Store<'a> = StoreContextMut<'a, RunState>;

pub(crate) fn add_to_linker(linker: &mut Linker<RunState>) -> wasmtime::Result<()> {
    let mut signing = linker.instance("lockstep:step/signing@1.0.0")?;
    signing.func_wrap("hmac", hmac)?;
    signing.func_wrap("verify-hmac", verify_hmac)?;
    signing.func_wrap("jwt", jwt)?;
    signing.func_wrap("aws-v4", aws_v4)?;
    signing.func_wrap("aws-v4-url", aws_v4_url)?;
    signing.func_wrap("basic", basic)?;
    signing.func_wrap("verify-webhook", verify_webhook)?;
    Ok(())
}

fn hmac(
    mut store: Store<'_>,
    (key, encoding, hash, data): (WasmStr, WireEncoding, WireHash, WasmList<u8>),
) -> wasmtime::Result<Told<Vec<u8>>> {
    let (key, data) = (text(&store, &key)?, bytes(&store, &data));
    let desk = &mut store.data_mut().guest.desk;
    told(desk.hmac(&key, encoding.into(), hash.into(), &data))
}

fn verify_hmac(
    mut store: Store<'_>,
    (key, encoding, hash, data, signature): (
        WasmStr,
        WireEncoding,
        WireHash,
        WasmList<u8>,
        WasmStr,
    ),
) -> wasmtime::Result<Told<bool>> {
    let (key, data) = (text(&store, &key)?, bytes(&store, &data));
    let signature = signature.to_str(&store)?.into_owned();
    let desk = &mut store.data_mut().guest.desk;
    told(desk.verify_hmac(&key, encoding.into(), hash.into(), &data, &signature))
}

fn jwt(
    mut store: Store<'_>,
    (key, encoding, algorithm, header, claims): (
        WasmStr,
        WireEncoding,
        WireAlgorithm,
        String,
        String,
    ),
) -> wasmtime::Result<Told<String>> {
    let key = text(&store, &key)?;
    let desk = &mut store.data_mut().guest.desk;
    told(desk.jwt(&key, encoding.into(), algorithm.into(), &header, &claims))
}

fn aws_v4(
    mut store: Store<'_>,
    (account, request, body): (WireAccount, WireRequest, WireBody),
) -> wasmtime::Result<Told<Vec<(&'static str, String)>>> {
    let body = match &body {
        WireBody::Signed(body) => Some(bytes(&store, body)),
        WireBody::Unsigned => None,
    };
    let desk = &mut store.data_mut().guest.desk;
    told(desk.aws_v4(call(account, request), body.as_deref()))
}

fn aws_v4_url(
    mut store: Store<'_>,
    (account, request, expires): (WireAccount, WireRequest, u32),
) -> wasmtime::Result<Told<String>> {
    let desk = &mut store.data_mut().guest.desk;
    told(desk.aws_v4_url(call(account, request), expires))
}

fn basic(mut store: Store<'_>, (user, key): (String, WasmStr)) -> wasmtime::Result<Told<String>> {
    let key = text(&store, &key)?;
    told(store.data_mut().guest.desk.basic(&user, &key))
}

fn verify_webhook(
    mut store: Store<'_>,
    (key, webhook, body, now, tolerance): (WasmStr, WireWebhook, WasmList<u8>, i64, u32),
) -> wasmtime::Result<Told<bool>> {
    let (key, body) = (text(&store, &key)?, bytes(&store, &body));
    let webhook = match &webhook {
        WireWebhook::Github(signature) => Webhook::Github { signature },
        WireWebhook::Slack((signature, timestamp)) => Webhook::Slack {
            signature,
            timestamp,
        },
        WireWebhook::Stripe(signature) => Webhook::Stripe { signature },
    };
    let desk = &mut store.data_mut().guest.desk;
    told(desk.verify_webhook(&key, webhook, &body, now, tolerance))
}

fn told<T>(signed: Result<T, NotSigned>) -> wasmtime::Result<Told<T>> {
    match signed.map_err(NotSigned::told) {
        Ok(signed) => Ok((Ok(signed),)),
        Err(Ok(unsigned)) => Ok((Err(SigningError {
            code: unsigned.code().to_owned(),
            key: unsigned.key().chars().take(MAX_KEY_BYTES).collect(),
            message: unsigned.message(),
        }),)),
        Err(Err(stop)) => Err(Stop::into(stop)),
    }
}

/// The key of a credential: of a megabyte only what an error repeats is copied.
fn text(store: &Store<'_>, key: &WasmStr) -> wasmtime::Result<String> {
    let key = key.to_str(store)?;
    Ok(key.chars().take(MAX_KEY_BYTES + 1).collect())
}

/// What is signed: one byte more than may be at most, so that what is longer is seen to be.
fn bytes(store: &Store<'_>, list: &WasmList<u8>) -> Vec<u8> {
    let bytes = list.as_le_slice(store);
    bytes[..bytes.len().min(MAX_DATA_BYTES + 1)].to_vec()
}

fn call(account: WireAccount, request: WireRequest) -> AwsCall {
    AwsCall {
        account: AwsAccount {
            access_key_id: account.access_key_id,
            secret_access_key: account.secret_access_key,
            session_token: account.session_token,
        },
        request: AwsRequest {
            method: request.method,
            url: request.url,
            headers: request.headers,
        },
        scope: AwsScope {
            region: request.region,
            service: request.service,
            time_s: request.time,
        },
    }
}

impl From<WireHash> for Hash {
    fn from(hash: WireHash) -> Self {
        match hash {
            WireHash::Sha256 => Self::Sha256,
            WireHash::Sha384 => Self::Sha384,
            WireHash::Sha512 => Self::Sha512,
        }
    }
}

impl From<WireEncoding> for KeyEncoding {
    fn from(encoding: WireEncoding) -> Self {
        match encoding {
            WireEncoding::Text => Self::Text,
            WireEncoding::Hex => Self::Hex,
            WireEncoding::Base64 => Self::Base64,
        }
    }
}

impl From<WireAlgorithm> for JwtAlgorithm {
    fn from(algorithm: WireAlgorithm) -> Self {
        match algorithm {
            WireAlgorithm::Hs256 => Self::Hs256,
            WireAlgorithm::Rs256 => Self::Rs256,
            WireAlgorithm::Es256 => Self::Es256,
            WireAlgorithm::EdDsa => Self::EdDsa,
        }
    }
}
