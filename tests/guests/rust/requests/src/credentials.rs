//! Credentials in a text.

use lockstep_step::{Failure, credential};

/// `text` with the credentials of the keys between two `@` put in.
pub(crate) fn filled(text: &str) -> Result<String, Failure> {
    let mut filled = String::new();
    for (at, part) in text.split('@').enumerate() {
        if at % 2 == 0 {
            filled.push_str(part);
        } else {
            filled.push_str(&credential(part)?);
        }
    }
    Ok(filled)
}
