//! Room for one more run, asked for before anything is read or recorded for it.

use lockstep_sandbox::NoCapacity;
use lockstep_step::WorkspaceName;

use crate::runner::Runner;
use crate::shares::Share;

/// The right of a workspace to have one more run wait, and room for what the run is asked with.
#[must_use]
pub struct Ticket {
    pub(crate) place: lockstep_sandbox::Ticket,
    pub(crate) bytes: Share,
}

/// The host has no room for one more run.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NoTicket {
    /// In its queue.
    #[error(transparent)]
    Queue(#[from] NoCapacity),
    /// For the request.
    #[error(
        "runs of the workspace were asked for with {taken} bytes, and {asked} more are more than it leaves to others; \
         the limit of the host is {limit} bytes"
    )]
    Bytes {
        /// Of this request.
        asked: usize,
        /// What the workspace has.
        taken: usize,
        /// Of all workspaces.
        limit: usize,
    },
}

impl Runner {
    /// Room for a run that is asked for with so many bytes.
    ///
    /// # Errors
    /// [`NoTicket`]: not now.
    pub fn ticket(&self, workspace: &WorkspaceName, bytes: usize) -> Result<Ticket, NoTicket> {
        let place = self.parts.sandbox.ticket(workspace.as_str())?;
        let room = self.parts.requests.take(workspace, bytes);
        let bytes = room.map_err(|full| NoTicket::Bytes {
            asked: bytes,
            taken: full.taken,
            limit: full.limit,
        })?;
        Ok(Ticket { place, bytes })
    }
}
