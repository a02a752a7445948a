//! Uses a credential in each way that a component can, keeps all that it gets for it, and waits for an answer that never
//! comes: whoever looks at its memory then sees all that a step can have of a credential.

use lockstep_step::signing::{self, Algorithm, AwsAccount, AwsRequest, Hmac, KeyEncoding};
use lockstep_step::{Failure, credential};
use serde::Deserialize;
use serde_json::json;
use wstd::http::{Body, Client, Error, Request};
use wstd::runtime::block_on;

#[derive(Deserialize)]
struct Input {
    /// The credential.
    key: String,
    /// Tells what was sent to it.
    echo: String,
    /// Never answers.
    never: String,
    /// Together they are the mark of this step's memory, which nobody else has.
    mark: [String; 2],
}

#[lockstep_step::step]
fn run(input: Input) -> Result<usize, Failure> {
    let mut kept = vec![input.mark.concat()];
    let value = credential(&input.key)?;
    let basic = signing::basic("ada", &input.key)?;
    kept.extend(signed(&input.key)?);
    block_on(async {
        for authorization in [format!("Bearer {value}"), basic] {
            for body in ["", value.as_str()] {
                kept.extend(echoed(&input.echo, &authorization, body).await?);
            }
        }
        let url = format!("{}?token={value}", input.echo);
        kept.extend(echoed(&url, "none", "").await?);
        kept.extend(echoed(&input.never, "none", "").await?);
        Ok(kept.len())
    })
}

/// All that comes back of a request.
async fn echoed(url: &str, authorization: &str, body: &str) -> Result<Vec<String>, Failure> {
    let failed = |error: Error| Failure::new(format!("{error:#}"));
    let request = Request::post(url)
        .header("authorization", authorization)
        .body(Body::from(body.to_owned()))?;
    let (head, mut body) = Client::new()
        .send(request)
        .await
        .map_err(failed)?
        .into_parts();
    let body = body.contents().await.map_err(failed)?;
    let mut kept = vec![String::from_utf8_lossy(body).into_owned()];
    for (name, value) in &head.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        kept.push(format!("{name}: {value}"));
    }
    Ok(kept)
}

fn signed(key: &str) -> Result<Vec<String>, Failure> {
    let code = Hmac::new(key).sign(b"data")?;
    let algorithm = Algorithm::Hs256(KeyEncoding::Text);
    let token = signing::jwt(key, algorithm, &json!({}), &json!({ "sub": "ada" }))?;
    let account = AwsAccount {
        access_key_id: "AKIDEXAMPLE",
        secret_access_key: key,
        session_token: Some(key),
    };
    let request = AwsRequest {
        method: "GET",
        url: "https://bucket.s3.amazonaws.com/key",
        headers: &[],
        region: "eu-central-1",
        service: "s3",
        time_s: 1_369_353_600,
    };
    let headers = signing::aws_v4(&account, &request, None)?;
    let mut kept = vec![format!("{code:x?}"), token];
    kept.extend(headers.into_iter().map(|(_, value)| value));
    Ok(kept)
}
