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

use crate::{__private, Failure, host};

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
