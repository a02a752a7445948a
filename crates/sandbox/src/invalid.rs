//! Why a file is not a step.

/// What a message may have, in bytes. Names in a module may have a hundred thousand.
const MAX_MESSAGE_BYTES: usize = 4 << 10;

/// Why bytes are not a step, and what a step would be.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct InvalidStep {
    /// A sentence for the author of the step.
    pub message: String,
}

impl InvalidStep {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        let mut message = message.into();
        if message.len() > MAX_MESSAGE_BYTES {
            message.truncate(message.floor_char_boundary(MAX_MESSAGE_BYTES));
            message.push('…');
        }
        Self { message }
    }
}
