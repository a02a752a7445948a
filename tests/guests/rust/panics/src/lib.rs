//! Panics with the message that the input gives, or, with no message, does not. Either way half a line is left in the
//! buffer of stdout.

use lockstep_step::Failure;

#[lockstep_step::step]
fn run(message: Option<String>) -> Result<(), Failure> {
    print!("half a line");
    match message {
        Some(message) => panic!("{message}"),
        None => Ok(()),
    }
}
