//! Whether what others need is removed.

/// Whether a thing is removed though others need it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Removal {
    /// Refused with what needs it.
    IfUnused,
    /// Removed all the same.
    Forced,
}
