//! What a lane does.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::Random;

use super::keys;

/// Variants of a step that a lane registers.
const VARIANTS: usize = 6;

/// Where a credential of a lane is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub enum Place {
    /// In the workspace `default`, which all lanes share.
    Workspace,
    /// In the lane's workflow.
    Workflow,
    /// In the lane's workspace.
    Tenant,
}

/// One change, which happens as a whole or not at all.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Operation {
    /// Sets or rotates credentials in one call.
    Put {
        /// Where.
        place: Place,
        /// Which.
        keys: Vec<String>,
    },
    /// Deletes a credential.
    Delete {
        /// Where.
        place: Place,
        /// Which.
        key: String,
    },
    /// Lets a workflow use all keys, or these.
    Permit {
        /// Which, or all.
        keys: Option<BTreeSet<String>>,
    },
    /// Adds the lane's workspace.
    AddTenant,
    /// Removes it with its credentials.
    RemoveTenant,
    /// Registers a step.
    AddStep {
        /// Which one.
        variant: usize,
    },
}

impl Place {
    /// All places.
    pub const ALL: [Self; 3] = [Self::Workspace, Self::Workflow, Self::Tenant];

    /// The first letter of the keys in there.
    #[must_use]
    pub fn letter(self) -> char {
        match self {
            Self::Workspace => 'W',
            Self::Workflow => 'F',
            Self::Tenant => 'T',
        }
    }
}

impl Operation {
    /// The next operation of a lane. It may be one that is refused, such as the removal of what is not there.
    #[must_use]
    pub fn next(lane: usize, random: &mut Random) -> Self {
        let place = random.pick(&Place::ALL);
        let mut of_place = |place| {
            keys(lane, place)
                .filter(|_| random.below(2) == 0)
                .collect::<Vec<_>>()
        };
        let some = of_place(place);
        let permitted = of_place(Place::Workspace).into_iter().collect();
        let first = some.first().cloned();
        match (random.below(20), first) {
            (0..12, Some(_)) => Self::Put { place, keys: some },
            (12..15, Some(key)) => Self::Delete { place, key },
            (15, _) => Self::Permit { keys: None },
            (16, _) => Self::AddStep {
                variant: 1 + random.below(VARIANTS),
            },
            (17, _) => Self::RemoveTenant,
            (18, _) => Self::AddTenant,
            _ => Self::Permit {
                keys: Some(permitted),
            },
        }
    }
}
