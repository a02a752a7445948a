//! The output is the input.

use lockstep_step::Failure;
use serde_json::Value;

#[lockstep_step::step]
fn run(input: Value) -> Result<Value, Failure> {
    Ok(input)
}
