//! What a script has signed: the call `sign` of the engine (`guest-sdk/js/engine/README.md`).

use serde::{Deserialize, Serialize};

use crate::host::{CredentialDesk, Stop};
use crate::signer::{AwsAccount, AwsCall, NotSigned, Unsigned};
use crate::signing::{
    self, AwsRequest, AwsScope, Encoding, Hash, JwtAlgorithm, KeyEncoding, SigningError, Webhook,
};

/// Before what was asked for, before the key of a credential that is missing, before that of one that must be sealed first,
/// and before an error.
const SIGNED: char = 's';
const MISSING: char = 'm';
const SEALING_REQUIRED: char = 'r';
const ERROR: char = 'e';

/// What of a call is not data, in bytes: more than the limits of what is in it come to, each byte as an escape.
const MAX_ASKED_BYTES: usize = 4 << 20;

/// What is asked for. What is signed follows it.
#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Asked {
    Hmac {
        key: String,
        key_encoding: KeyEncoding,
        hash: Hash,
        encoding: Encoding,
    },
    VerifyHmac {
        key: String,
        key_encoding: KeyEncoding,
        hash: Hash,
        signature: String,
    },
    Jwt {
        key: String,
        key_encoding: KeyEncoding,
        algorithm: JwtAlgorithm,
        header: String,
        claims: String,
    },
    AwsV4 {
        #[serde(flatten)]
        call: AskedOfAws,
        unsigned_body: bool,
    },
    AwsV4Url {
        #[serde(flatten)]
        call: AskedOfAws,
        expires: u32,
    },
    Basic {
        user: String,
        key: String,
    },
    VerifyWebhook {
        key: String,
        sender: Sender,
        signature: String,
        timestamp: String,
        now: i64,
        tolerance: u32,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AskedOfAws {
    key: String,
    access_key_id: String,
    session_token: Option<String>,
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    region: String,
    service: String,
    time: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Sender {
    Github,
    Slack,
    Stripe,
}

/// Why there is no signature, as the engine makes an error of it.
#[derive(Serialize)]
struct Told<'a> {
    code: &'a str,
    key: &'a str,
    message: &'a str,
}

/// The bytes of a call are not what the engine makes.
#[derive(Debug, thiserror::Error)]
#[error("the JavaScript engine asks for a signature in a way that this host does not know")]
struct NotUnderstood;

/// Answers a call.
pub(super) fn sign(desk: &mut CredentialDesk, call: &[u8]) -> wasmtime::Result<String> {
    let (asked, data) = split(call).ok_or(NotUnderstood)?;
    let answer = parse(asked).and_then(|asked| answer(desk, asked, data));
    match answer.map_err(NotSigned::told) {
        Ok(answer) => Ok(format!("{SIGNED}{answer}")),
        Err(Ok(Unsigned::Missing(missing))) if missing.is_sealing_required() => {
            Ok(format!("{SEALING_REQUIRED}{}", missing.key))
        }
        Err(Ok(Unsigned::Missing(missing))) => Ok(format!("{MISSING}{}", missing.key)),
        Err(Ok(unsigned)) => {
            let told = Told {
                code: unsigned.code(),
                key: unsigned.key(),
                message: &unsigned.message(),
            };
            Ok(format!("{ERROR}{}", serde_json::to_string(&told)?))
        }
        Err(Err(stop)) => Err(Stop::into(stop)),
    }
}

/// The length of what is asked for, that, and the data.
fn split(call: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = call.split_first_chunk()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
}

fn parse(asked: &[u8]) -> Result<Asked, NotSigned> {
    let length = signing::check_length("what is asked for", asked.len(), MAX_ASKED_BYTES);
    // The engine has seen to the types; what is left is a number that is out of range.
    let parsed = length.and_then(|()| {
        serde_json::from_slice(asked)
            .map_err(|_| SigningError::argument("an option has a value that it cannot have"))
    });
    parsed.map_err(|error| {
        NotSigned::Unsigned(Unsigned::Refused {
            key: String::new(),
            error,
        })
    })
}

/// What was asked for: text as it is, and JSON.
fn answer(desk: &mut CredentialDesk, asked: Asked, data: &[u8]) -> Result<String, NotSigned> {
    match asked {
        Asked::Hmac {
            key,
            key_encoding,
            hash,
            encoding,
        } => Ok(encoding.encode(&desk.hmac(&key, key_encoding, hash, data)?)),
        Asked::VerifyHmac {
            key,
            key_encoding,
            hash,
            signature,
        } => {
            let is_genuine = desk.verify_hmac(&key, key_encoding, hash, data, &signature)?;
            Ok(is_genuine.to_string())
        }
        Asked::Jwt {
            key,
            key_encoding,
            algorithm,
            header,
            claims,
        } => desk.jwt(&key, key_encoding, algorithm, &header, &claims),
        Asked::AwsV4 {
            call,
            unsigned_body,
        } => {
            let headers = desk.aws_v4(call.into(), (!unsigned_body).then_some(data))?;
            let pairs = headers
                .into_iter()
                .map(|(name, value)| [name.to_owned(), value]);
            Ok(pairs
                .map(serde_json::Value::from_iter)
                .collect::<serde_json::Value>()
                .to_string())
        }
        Asked::AwsV4Url { call, expires } => desk.aws_v4_url(call.into(), expires),
        Asked::Basic { user, key } => desk.basic(&user, &key),
        Asked::VerifyWebhook {
            key,
            sender,
            signature,
            timestamp,
            now,
            tolerance,
        } => {
            let webhook = sender.says(&signature, &timestamp);
            let is_genuine = desk.verify_webhook(&key, webhook, data, now, tolerance)?;
            Ok(is_genuine.to_string())
        }
    }
}

// === impl Sender ===

impl Sender {
    fn says<'a>(&self, signature: &'a str, timestamp: &'a str) -> Webhook<'a> {
        match self {
            Self::Github => Webhook::Github { signature },
            Self::Slack => Webhook::Slack {
                signature,
                timestamp,
            },
            Self::Stripe => Webhook::Stripe { signature },
        }
    }
}

impl From<AskedOfAws> for AwsCall {
    fn from(asked: AskedOfAws) -> Self {
        Self {
            account: AwsAccount {
                access_key_id: asked.access_key_id,
                secret_access_key: asked.key,
                session_token: asked.session_token,
            },
            request: AwsRequest {
                method: asked.method,
                url: asked.url,
                headers: asked.headers,
            },
            scope: AwsScope {
                region: asked.region,
                service: asked.service,
                time_s: asked.time,
            },
        }
    }
}
