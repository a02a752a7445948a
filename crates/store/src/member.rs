//! What the store tells about members.

use jiff::Timestamp;

use lockstep_step::{MemberName, Role};

/// A member of a workspace in a list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MemberEntry {
    /// Its name in the workspace.
    pub name: MemberName,
    /// The most that its tokens may do there.
    pub role: Role,
    /// When it was added.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When its role was last set; as `created_at` if it is the first.
    pub changed_at: Timestamp,
    /// By whom.
    pub changed_by: String,
    /// How many tokens it has that are not revoked.
    pub tokens: u64,
}
