//! From JSON text to the function of a step and back.

use serde::{Serialize, de::DeserializeOwned};

use crate::Failure;

#[cfg(target_family = "wasm")]
pub use crate::host::{Guest, WireFailure, bindings, export};

pub use crate::log::write_line as log;

/// Runs `step` on JSON text.
pub fn run<In, Out, E>(step: fn(In) -> Result<Out, E>, input: &str) -> Result<String, Failure>
where
    In: DeserializeOwned,
    Out: Serialize,
    E: Into<Failure>,
{
    let input = serde_json::from_str(input)
        .map_err(|error| Failure::new(format!("the input is not what this step takes: {error}")))?;
    let output = step(input).map_err(Into::into)?;
    serde_json::to_string(&output)
        .map_err(|error| Failure::new(format!("the output cannot be written as JSON: {error}")))
}
