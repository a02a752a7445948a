//! What a worker tells, a line of JSON each: before it begins something, and after it was answered.

use lockstep_step::{OutcomeKind, RunId};
use serde::{Deserialize, Serialize};

use super::Operation;

/// What a worker tells.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub enum Event {
    /// It has opened everything.
    Ready,
    /// It is about to do this.
    Began {
        /// Which lane.
        lane: usize,
        /// A name that no other operation has; its values are made from it.
        name: String,
        /// What.
        operation: Operation,
    },
    /// The last operation of the lane was acknowledged.
    Done {
        /// Which lane.
        lane: usize,
        /// Of credentials that were set, the versions.
        versions: Vec<u64>,
    },
    /// The last operation of the lane was refused, by a rule.
    Refused {
        /// Which lane.
        lane: usize,
        /// The error.
        why: String,
    },
    /// It is about to run a step.
    RunBegan,
    /// A run was acknowledged.
    RunDone {
        /// Its name in the record.
        run: RunId,
        /// How it ended.
        kind: OutcomeKind,
    },
    /// It is about to put a new key-encryption key before the others.
    RotateBegan,
    /// The new key is the primary.
    Rotated {
        /// Which one.
        primary: String,
    },
    /// All keys of workspaces were wrapped anew.
    Rewrapped {
        /// How many.
        count: u64,
    },
    /// A key-encryption key is retired.
    Retired {
        /// Which one.
        id: String,
    },
    /// Something failed that must not.
    Failed {
        /// What, and how.
        what: String,
    },
}
