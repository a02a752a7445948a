//! What the engine answers to `run`: an output, or how the step failed.

use serde::Deserialize;

use lockstep_secret::{Secret, Zeroizing};

/// The first byte of an answer that is an output; JSON text follows.
const OUTPUT: u8 = b'o';

/// What came back from a step.
pub(crate) enum Answer {
    /// JSON text.
    Output(Secret),
    Failed(ScriptFailure),
}

/// How a step failed.
#[derive(Deserialize)]
pub(crate) struct ScriptFailure {
    pub(crate) kind: ScriptFault,
    /// For people: name, message, stack and causes. A guest may say a value in it.
    pub(crate) message: String,
    /// The keys of the credentials that were missing.
    #[serde(default)]
    pub(crate) keys: Vec<String>,
    #[serde(default)]
    pub(crate) retryable: bool,
}

/// What a failure is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ScriptFault {
    /// The step threw.
    Failed,
    /// It threw that a credential is missing.
    MissingCredential,
    /// Its output is not JSON.
    Output,
    /// It ran out of memory.
    Memory,
}

impl Drop for ScriptFailure {
    fn drop(&mut self) {
        drop(Zeroizing::new(std::mem::take(&mut self.message)));
    }
}

impl Answer {
    /// `None` if the bytes are no answer.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (tag, text) = bytes.split_first()?;
        if *tag == OUTPUT {
            let text = String::from_utf8(text.to_vec()).ok()?;
            return Some(Self::Output(Secret::new(text)));
        }
        serde_json::from_slice(text).ok().map(Self::Failed)
    }
}
