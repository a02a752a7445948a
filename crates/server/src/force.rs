//! Whether what others need is removed all the same, as a query says it.

use serde::Deserialize;

use lockstep_runner::Removal;

/// The query of what removes something.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Force {
    force: bool,
}

impl Force {
    pub(crate) fn removal(&self) -> Removal {
        if self.force {
            Removal::Forced
        } else {
            Removal::IfUnused
        }
    }
}
