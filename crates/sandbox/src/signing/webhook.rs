//! Whether a webhook comes from who holds the secret.

use super::encoding::{KeyEncoding, from_hex};
use super::hmac::{Hash, HmacKey};
use super::{MAX_DATA_BYTES, SigningError, check_length};

/// Signatures that are looked at in one header: a sender has two while a secret is rotated.
const MAX_SIGNATURES: usize = 8;

/// Who sends it, and what it says in its headers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Webhook<'a> {
    /// `X-Hub-Signature-256`: `sha256=` and hexadecimal digits, of the body.
    Github { signature: &'a str },
    /// `X-Slack-Signature`: `v0=` and hexadecimal digits, of `v0:`, `X-Slack-Request-Timestamp`, `:` and the body.
    Slack {
        signature: &'a str,
        timestamp: &'a str,
    },
    /// `Stripe-Signature`: `t=<time>,v1=<hexadecimal digits>`, of the time, `.` and the body.
    Stripe { signature: &'a str },
}

/// Whether the secret signed `body`, not longer than `tolerance_s` before or after `now_s`, seconds since 1970. A sender
/// that says no time is not asked for it.
pub(crate) fn is_genuine(
    secret: &str,
    webhook: Webhook<'_>,
    body: &[u8],
    now_s: i64,
    tolerance_s: u32,
) -> Result<bool, SigningError> {
    check_length("the body", body.len(), MAX_DATA_BYTES)?;
    let key = HmacKey::new(secret, KeyEncoding::Text)?;
    let is_now = |timestamp: &str| {
        let said: Option<i64> = timestamp.parse().ok();
        said.is_some_and(|said| said.abs_diff(now_s) <= u64::from(tolerance_s))
    };
    Ok(match webhook {
        Webhook::Github { signature } => {
            signature.starts_with("sha256=") && key.verify(Hash::Sha256, body, signature)?
        }
        Webhook::Slack {
            signature,
            timestamp,
        } => {
            let code = signature.strip_prefix("v0=").and_then(code);
            is_now(timestamp)
                && code.is_some_and(|code| {
                    key.made(&code, &[b"v0:", timestamp.as_bytes(), b":", body])
                })
        }
        Webhook::Stripe { signature } => {
            let (timestamp, codes) = stripe(signature);
            timestamp.is_some_and(|timestamp| {
                let made = |code: &Vec<u8>| key.made(code, &[timestamp.as_bytes(), b".", body]);
                is_now(timestamp) && codes.iter().any(made)
            })
        }
    })
}

/// The time and the signatures of the scheme `v1` in the header of Stripe.
fn stripe(header: &str) -> (Option<&str>, Vec<Vec<u8>>) {
    let parts = || {
        header
            .split(',')
            .filter_map(|part| part.trim().split_once('='))
    };
    let timestamp = parts().find(|(name, _)| *name == "t").map(|(_, time)| time);
    let codes = parts().filter(|(name, _)| *name == "v1");
    let codes = codes.filter_map(|(_, digits)| code(digits));
    (timestamp, codes.take(MAX_SIGNATURES).collect())
}

fn code(digits: &str) -> Option<Vec<u8>> {
    from_hex(digits.as_bytes())
}
