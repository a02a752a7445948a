//! Something of which there is only so much, shared between workspaces: each may have as much as it leaves to others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lockstep_step::WorkspaceName;

/// Clones share it.
#[derive(Clone)]
pub(crate) struct Shares(Arc<Whole>);

struct Whole {
    limit: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    /// Only of workspaces that have some.
    of_workspaces: HashMap<WorkspaceName, usize>,
}

/// Some of it. Given back when it is dropped.
#[must_use]
pub(crate) struct Share {
    workspace: WorkspaceName,
    amount: usize,
    shares: Shares,
}

/// The workspace has as much as it may have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Full {
    pub(crate) taken: usize,
    pub(crate) limit: usize,
}

// === impl Shares ===

impl Shares {
    pub(crate) fn new(limit: usize) -> Self {
        Self(Arc::new(Whole {
            limit,
            taken: Mutex::default(),
        }))
    }

    /// As with the queue of runs: one who takes all that it can has half, two have a third each, and there is always some
    /// for one who comes new.
    pub(crate) fn take(&self, workspace: &WorkspaceName, amount: usize) -> Result<Share, Full> {
        let limit = self.0.limit;
        let mut taken = self.lock();
        let own = taken.of_workspaces.get(workspace).map_or(0, |own| *own);
        let wanted = own.saturating_add(amount);
        let all = taken.all.saturating_add(amount);
        if wanted > limit.saturating_sub(all) {
            return Err(Full { taken: own, limit });
        }
        taken.all = all;
        taken.of_workspaces.insert(workspace.clone(), wanted);
        Ok(Share {
            workspace: workspace.clone(),
            amount,
            shares: self.clone(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.shares.lock();
        taken.all -= self.amount;
        if let Some(own) = taken.of_workspaces.get_mut(&self.workspace) {
            *own -= self.amount;
            if *own == 0 {
                taken.of_workspaces.remove(&self.workspace);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_leaves_as_much_to_others_and_gives_its_own_back() {
        let shares = Shares::new(80);
        assert!(shares.take(&WorkspaceName::default_name(), 41).is_err());
        let (one, other): (WorkspaceName, WorkspaceName) =
            ("one".parse().unwrap(), "other".parse().unwrap());
        let mut own: Vec<_> = std::iter::from_fn(|| shares.take(&one, 10).ok()).collect();
        assert_eq!(own.len(), 4);
        let refused = shares.take(&one, 1).err();
        let full = Full {
            taken: 40,
            limit: 80,
        };
        assert_eq!(refused, Some(full));
        let theirs: Vec<_> = std::iter::from_fn(|| shares.take(&other, 10).ok()).collect();
        assert_eq!(theirs.len(), 2);
        own.truncate(2);
        assert!(shares.take(&other, 10).is_ok());
        drop((own, theirs));
        assert!(shares.lock().of_workspaces.is_empty());
        assert_eq!(shares.lock().all, 0);
    }
}
