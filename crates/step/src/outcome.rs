//! How a run ended, as data. A guest's fault is one of these; a fault of the host is an `Err`.

use std::fmt;

use serde::{Deserialize, Serialize};

use lockstep_secret::Masked;

/// The closed set of ways in which a run ends.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeKind {
    /// The step returned an output.
    Completed,
    /// The step reported a failure, or a command ended with an exit code other than 0.
    StepFailed,
    /// The step needs a credential that is not there or that its workflow may not use.
    MissingCredential,
    /// The bytes are not a step.
    InvalidStep,
    /// The input is not JSON, or larger than its limit.
    InvalidInput,
    /// The guest trapped: `unreachable`, an access out of bounds, a stack overflow, a division by zero.
    Trap,
    /// The guest ran for longer than `timeout`.
    Timeout,
    /// The guest trapped after the host refused it memory.
    MemoryExceeded,
    /// The output is larger than `output_bytes`.
    OutputTooLarge,
    /// A request was refused by policy or by the limit of requests.
    EgressDenied,
    /// The caller cancelled the run, or went away.
    Cancelled,
    /// The host had no place for the run within the time that it may queue.
    Capacity,
    /// A fault of the host. Details are in the log of the host, not here.
    Internal,
}

/// Where in a run it failed.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Before a place was had: input, permission, queue.
    Admit,
    /// While the step was validated, compiled or read from the cache.
    Load,
    /// While the instance was made: memories, start functions.
    Start,
    /// While the guest's code ran.
    Run,
    /// While its output was taken.
    Output,
}

/// How a run failed.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Failure {
    /// Never `completed`.
    pub kind: OutcomeKind,
    /// For people; masked.
    pub message: Masked<String>,
    /// Where it failed.
    pub phase: Phase,
    /// Whether guest code had started: if not, the run had no effect.
    pub started: bool,
    /// How many requests had left.
    pub requests_sent: u32,
    /// Whether the same run may succeed when it is tried again.
    pub retryable: bool,
}

/// How a run ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// The step returned this output: JSON text, masked.
    Completed(Masked<String>),
    /// The step, or what it was given, is at fault.
    Failed(Failure),
    /// The host ended it: time, memory, capacity, cancellation.
    Stopped(Failure),
}

// === impl OutcomeKind ===

impl OutcomeKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 13] = [
        Self::Completed,
        Self::StepFailed,
        Self::MissingCredential,
        Self::InvalidStep,
        Self::InvalidInput,
        Self::Trap,
        Self::Timeout,
        Self::MemoryExceeded,
        Self::OutputTooLarge,
        Self::EgressDenied,
        Self::Cancelled,
        Self::Capacity,
        Self::Internal,
    ];

    /// The word of the API, the database and the terminal.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::StepFailed => "step_failed",
            Self::MissingCredential => "missing_credential",
            Self::InvalidStep => "invalid_step",
            Self::InvalidInput => "invalid_input",
            Self::Trap => "trap",
            Self::Timeout => "timeout",
            Self::MemoryExceeded => "memory_exceeded",
            Self::OutputTooLarge => "output_too_large",
            Self::EgressDenied => "egress_denied",
            Self::Cancelled => "cancelled",
            Self::Capacity => "capacity",
            Self::Internal => "internal",
        }
    }

    /// The kind of this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// Whether the host ended the run, rather than the step.
    #[must_use]
    pub fn is_stop(self) -> bool {
        match self {
            Self::Timeout | Self::MemoryExceeded | Self::Cancelled | Self::Capacity => true,
            Self::Completed
            | Self::StepFailed
            | Self::MissingCredential
            | Self::InvalidStep
            | Self::InvalidInput
            | Self::Trap
            | Self::OutputTooLarge
            | Self::EgressDenied
            | Self::Internal => false,
        }
    }
}

impl fmt::Display for OutcomeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

// === impl Phase ===

impl Phase {
    /// Every phase, in order.
    pub const ALL: [Self; 5] = [
        Self::Admit,
        Self::Load,
        Self::Start,
        Self::Run,
        Self::Output,
    ];

    /// The word of the API and the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admit => "admit",
            Self::Load => "load",
            Self::Start => "start",
            Self::Run => "run",
            Self::Output => "output",
        }
    }

    /// The phase of this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.as_str() == word)
    }
}

// === impl Outcome ===

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        if failure.kind.is_stop() {
            Self::Stopped(failure)
        } else {
            Self::Failed(failure)
        }
    }
}

impl Outcome {
    /// How the run ended, in one word.
    #[must_use]
    pub fn kind(&self) -> OutcomeKind {
        match self {
            Self::Completed(_) => OutcomeKind::Completed,
            Self::Failed(failure) | Self::Stopped(failure) => failure.kind,
        }
    }

    /// The output of a completed run.
    #[must_use]
    pub fn output(&self) -> Option<&Masked<String>> {
        match self {
            Self::Completed(output) => Some(output),
            Self::Failed(_) | Self::Stopped(_) => None,
        }
    }

    /// How a run that did not complete failed.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Completed(_) => None,
            Self::Failed(failure) | Self::Stopped(failure) => Some(failure),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_leads_back_to_its_kind() {
        for kind in OutcomeKind::ALL {
            assert_eq!(OutcomeKind::from_word(kind.as_str()), Some(kind));
        }
        for phase in Phase::ALL {
            assert_eq!(Phase::from_word(phase.as_str()), Some(phase));
        }
        assert_eq!(OutcomeKind::from_word("Completed"), None);
    }
}
