//! Has everything signed that can be, with the credential `KEY`, and tells what of it a test can expect.

use lockstep_step::{
    Failure,
    signing::{
        self, Algorithm, AwsAccount, AwsRequest, Hash, Hmac, KeyEncoding, SigningError, Webhook,
    },
};
use serde_json::{Value, json};

#[lockstep_step::step]
fn run(data: String) -> Result<Value, Failure> {
    let data = data.as_bytes();
    let hmac = Hmac::new("KEY");
    let code = hex(&hmac.sign(data)?);
    let long = Hmac {
        hash: Hash::Sha512,
        ..Hmac::new("KEY")
    };
    let token = signing::jwt(
        "KEY",
        Algorithm::Hs256(KeyEncoding::Text),
        &json!({ "kid": "k" }),
        &json!({ "sub": "ada" }),
    )?;
    let github = format!("sha256={code}");
    let webhook = Webhook::Github { signature: &github };
    Ok(json!({
        "sha256": code,
        "sha512": hex(&long.sign(data)?),
        "verified": [hmac.verify(data, &code)?, hmac.verify(b"other", &code)?],
        "token": token.split('.').map(str::len).collect::<Vec<_>>(),
        "aws": aws()?,
        "basic": signing::basic("ada", "KEY")?.len(),
        "github": signing::verify_webhook("KEY", webhook, data, 0, 0)?,
        "refused": [
            refused(signing::jwt("KEY", Algorithm::Rs256, &json!({}), &json!({}))),
            refused(signing::basic("ada", "NONE")),
        ],
    }))
}

/// The names of the headers and the signature, and that of a URL.
fn aws() -> Result<Value, Failure> {
    let account = AwsAccount {
        access_key_id: "AKIAIOSFODNN7EXAMPLE",
        secret_access_key: "KEY",
        session_token: None,
    };
    let request = AwsRequest {
        method: "GET",
        url: "https://examplebucket.s3.amazonaws.com/test.txt",
        headers: &[("Range", "bytes=0-9")],
        region: "us-east-1",
        service: "s3",
        time_s: 1_369_353_600,
    };
    let headers = signing::aws_v4(&account, &request, Some(b""))?;
    let names: Vec<_> = headers.iter().map(|(name, _)| name).collect();
    let (_, authorization) = &headers[2];
    let link = AwsRequest {
        headers: &[],
        ..request
    };
    let url = signing::aws_v4_url(&account, &link, 86_400)?;
    Ok(json!([names, end(authorization), end(&url)]))
}

fn end(text: &str) -> &str {
    &text[text.len() - 64..]
}

fn refused(signed: Result<String, SigningError>) -> Value {
    match signed {
        Ok(_) => Value::Null,
        Err(error) => json!([error.code(), error.key()]),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
