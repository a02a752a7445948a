//! Signs a webhook with HMAC-SHA-256, so that its receiver knows whom it is from.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit, Mac};
use lockstep_step::{Failure, credential};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::Sha256;

#[derive(Deserialize)]
struct Input {
    id: String,
    /// Seconds since 1970. The engine gives it, so that a step that is run again signs the same.
    timestamp: u64,
    payload: Value,
}

#[derive(Serialize)]
struct Output {
    headers: BTreeMap<&'static str, String>,
    body: String,
}

#[lockstep_step::step]
fn run(input: Input) -> Result<Output, Failure> {
    let key = credential("WEBHOOK_SIGNING_KEY")?;
    let body = input.payload.to_string();
    let signature = sign(&key, &format!("{}.{}.{body}", input.id, input.timestamp))?;
    println!("signed webhook {} of {} bytes", input.id, body.len());
    let headers = BTreeMap::from([
        ("webhook-id", input.id),
        ("webhook-signature", format!("v1={signature}")),
        ("webhook-timestamp", input.timestamp.to_string()),
    ]);
    Ok(Output { headers, body })
}

/// In hex.
fn sign(key: &str, content: &str) -> Result<String, Failure> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes())?;
    mac.update(content.as_bytes());
    Ok(mac
        .finalize()
        .into_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_rfc_4231() {
        let signature = sign("Jefe", "what do ya want for nothing?").unwrap();
        assert_eq!(
            signature,
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
