//! How many may follow runs at a time: of all workspaces, and of one as many as it leaves to others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lockstep_step::WorkspaceName;

/// Clones share the seats.
#[derive(Clone)]
pub(crate) struct Seats(Arc<Room>);

struct Room {
    limit: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    /// Only of workspaces that have some.
    of_workspaces: HashMap<WorkspaceName, usize>,
}

/// The right to follow a run. Given back when it is dropped.
#[must_use]
pub(crate) struct Seat {
    workspace: WorkspaceName,
    seats: Seats,
}

/// There are as many followers as there may be.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "{taken} of the workspace follow runs already, as many as there is room for more; the limit of the host is {limit}"
)]
pub struct NoSeat {
    /// Followers in the workspace.
    pub taken: usize,
    /// Followers that the host has at most.
    pub limit: usize,
}

// === impl Seats ===

impl Seats {
    pub(crate) fn new(limit: usize) -> Self {
        Self(Arc::new(Room {
            limit,
            taken: Mutex::default(),
        }))
    }

    /// As with the queue of runs, a workspace that takes all that it can leaves as many to others.
    pub(crate) fn take(&self, workspace: &WorkspaceName) -> Result<Seat, NoSeat> {
        let limit = self.0.limit;
        let mut taken = self.lock();
        let own = taken.of_workspaces.get(workspace).map_or(0, |own| *own);
        if own >= limit.saturating_sub(taken.all) {
            return Err(NoSeat { taken: own, limit });
        }
        taken.all += 1;
        taken.of_workspaces.insert(workspace.clone(), own + 1);
        Ok(Seat {
            workspace: workspace.clone(),
            seats: self.clone(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.lock();
        taken.all -= 1;
        if let Some(own) = taken.of_workspaces.get_mut(&self.workspace) {
            *own -= 1;
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
    fn a_workspace_leaves_seats_to_others_and_gives_its_own_back() {
        let seats = Seats::new(8);
        let (one, other): (WorkspaceName, WorkspaceName) =
            ("one".parse().unwrap(), "other".parse().unwrap());
        let mut own: Vec<_> = std::iter::from_fn(|| seats.take(&one).ok()).collect();
        assert_eq!(own.len(), 4);
        let refused = seats.take(&one).err();
        assert_eq!(refused, Some(NoSeat { taken: 4, limit: 8 }));
        let theirs: Vec<_> = std::iter::from_fn(|| seats.take(&other).ok()).collect();
        assert_eq!(theirs.len(), 2);
        own.truncate(2);
        assert!(seats.take(&other).is_ok());
        drop((own, theirs));
        assert!(seats.lock().of_workspaces.is_empty());
        assert_eq!(seats.lock().all, 0);
    }
}
