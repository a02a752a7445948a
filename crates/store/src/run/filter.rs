//! Which runs a list has, and the words for how a run stands. This file knows nothing of the rest of the store, so that
//! queries can be fuzzed.

use jiff::Timestamp;

use lockstep_step::{OutcomeKind, RunId, StepName, WorkflowName};

/// Which runs to list: the latest first.
#[derive(Clone, Debug)]
pub struct RunFilter {
    /// Only of this workflow.
    pub workflow: Option<WorkflowName>,
    /// Only those of the registered step of this name.
    pub step: Option<StepName>,
    /// Only those that stand so.
    pub status: Option<RunStatus>,
    /// Only those that began at this time or later.
    pub since: Option<Timestamp>,
    /// Only those that began before this time.
    pub until: Option<Timestamp>,
    /// Only those that started before this one.
    pub before: Option<RunId>,
    /// At most so many.
    pub limit: u32,
}

/// Where a run stands, in one word.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RunStatus {
    /// It goes on.
    Open,
    /// It ended, so.
    Ended(OutcomeKind),
    /// The caller was not permitted to run it.
    Forbidden,
    /// Its process ended before it did.
    Lost,
}

impl RunStatus {
    /// The word of the API, the database and the terminal.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Ended(kind) => kind.as_str(),
            Self::Forbidden => "forbidden",
            Self::Lost => "lost",
        }
    }

    /// The status of this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "open" => Some(Self::Open),
            "forbidden" => Some(Self::Forbidden),
            "lost" => Some(Self::Lost),
            kind => OutcomeKind::from_word(kind).map(Self::Ended),
        }
    }
}
