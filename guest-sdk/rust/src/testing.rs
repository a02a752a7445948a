//! Test a step with `cargo test`, without Lockstep: credentials of the test's own, input and output as JSON.
//!
//! Not there when a step is built for wasm: use it under `#[cfg(test)]`.
//!
//! ```
//! use lockstep_step::{Failure, credential, testing};
//! use serde_json::json;
//!
//! #[lockstep_step::step]
//! fn run(name: String) -> Result<usize, Failure> {
//!     Ok(name.len() + credential("TOKEN")?.len())
//! }
//!
//! // In a test:
//! testing::set_credentials([("TOKEN", "1234")]);
//! assert_eq!(testing::run(run, json!("ada")), Ok(json!(7)));
//!
//! testing::set_credentials([]);
//! assert_eq!(testing::run(run, json!("ada")).unwrap_err().missing_credentials(), ["TOKEN"]);
//! ```

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    __private, Failure, host,
    signing::{Algorithm, AwsAccount, AwsRequest, Hmac, SigningError, Webhook},
};

/// What a step has signed or verified.
#[derive(Clone, Copy, Debug)]
#[expect(
    missing_docs,
    reason = "they are the arguments of the functions of `signing`"
)]
pub enum Asked<'a> {
    /// [`Hmac::sign`]; the answer is [`Signature::Bytes`].
    Hmac { hmac: &'a Hmac<'a>, data: &'a [u8] },
    /// [`Hmac::verify`]; the answer is [`Signature::Genuine`].
    VerifyHmac {
        hmac: &'a Hmac<'a>,
        data: &'a [u8],
        signature: &'a str,
    },
    /// [`jwt`](crate::signing::jwt), with JSON of header and claims; the answer is [`Signature::Text`].
    Jwt {
        key: &'a str,
        algorithm: Algorithm,
        header: &'a str,
        claims: &'a str,
    },
    /// [`aws_v4`](crate::signing::aws_v4); the answer is [`Signature::Headers`].
    Aws {
        account: &'a AwsAccount<'a>,
        request: &'a AwsRequest<'a>,
        body: Option<&'a [u8]>,
    },
    /// [`aws_v4_url`](crate::signing::aws_v4_url); the answer is [`Signature::Text`].
    AwsUrl {
        account: &'a AwsAccount<'a>,
        request: &'a AwsRequest<'a>,
        expires_s: u32,
    },
    /// [`basic`](crate::signing::basic); the answer is [`Signature::Text`].
    Basic { user: &'a str, key: &'a str },
    /// [`verify_webhook`](crate::signing::verify_webhook); the answer is [`Signature::Genuine`].
    Webhook {
        key: &'a str,
        webhook: Webhook<'a>,
        body: &'a [u8],
        now_s: i64,
        tolerance_s: u32,
    },
}

/// What a test answers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Signature {
    /// The bytes of a code.
    Bytes(Vec<u8>),
    /// A token, a URL or a header.
    Text(String),
    /// Headers to add.
    Headers(Vec<(String, String)>),
    /// Whether it is genuine.
    Genuine(bool),
}

/// Says what steps on this thread get from `signing` from now on. Without it all that they sign with is missing: the
/// signatures themselves are Lockstep's, which computes them in the host.
///
/// ```
/// use lockstep_step::{signing, testing::{self, Asked, Signature}};
///
/// testing::sign_with(|asked| match asked {
///     Asked::Jwt { claims, .. } => Ok(Signature::Text(format!("signed {claims}"))),
///     other => panic!("{other:?}"),
/// });
/// let token = signing::jwt("KEY", signing::Algorithm::EdDsa, &[(); 0], &"claims");
/// assert_eq!(token.unwrap(), r#"signed "claims""#);
/// ```
pub fn sign_with(signer: impl Fn(Asked<'_>) -> Result<Signature, SigningError> + 'static) {
    host::set_signer(Box::new(signer));
}

/// Sets the credentials that steps get on this thread from now on, in place of those set before.
///
/// Each test runs in a thread of its own, and starts with none.
pub fn set_credentials<const N: usize>(credentials: [(&str, &str); N]) {
    host::set_credentials(
        credentials
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
    );
}

/// Runs a step as Lockstep does: from JSON to JSON.
///
/// # Errors
/// The failure of the step, or one which says that the input or the output does not fit.
#[expect(
    clippy::needless_pass_by_value,
    reason = "calls read better with `json!(..)` as it is"
)]
pub fn run<In, Out, E>(step: fn(In) -> Result<Out, E>, input: Value) -> Result<Value, Failure>
where
    In: DeserializeOwned,
    Out: Serialize,
    E: Into<Failure>,
{
    let output = __private::run(step, &input.to_string())?;
    Ok(serde_json::from_str(&output)?)
}
