//! Panics with the message that the input gives, or, with no message, does not.

use lockstep_step::Failure;

#[lockstep_step::step]
fn run(message: Option<String>) -> Result<(), Failure> {
    match message {
        Some(message) => panic!("{message}"),
        None => Ok(()),
    }
}
