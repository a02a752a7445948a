//! Fails as the input says.

use lockstep_step::Failure;
use serde::Deserialize;

#[derive(Deserialize)]
struct Input {
    message: String,
    #[serde(default)]
    retryable: bool,
}

#[lockstep_step::step]
fn run(input: Input) -> Result<(), Failure> {
    let failure = Failure::new(input.message);
    Err(if input.retryable {
        failure.retryable()
    } else {
        failure
    })
}
