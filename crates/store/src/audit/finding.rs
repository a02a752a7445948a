//! What a check of a chain can find.

use std::fmt;

/// What is wrong with a chain, or with what it speaks of.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AuditFinding {
    /// Entries are not there, and others behind them are.
    Missing {
        /// The first.
        first: u64,
        /// The last.
        last: u64,
    },
    /// An entry is not what was written at its place.
    Altered {
        /// Which one.
        sequence: u64,
    },
    /// An entry stands where it cannot: its place was taken already.
    OutOfOrder {
        /// Which place it names.
        sequence: u64,
    },
    /// An entry cannot be read.
    Unreadable {
        /// Which one.
        sequence: u64,
        /// Why not.
        reason: String,
    },
    /// Entries are gone from the end.
    Truncated {
        /// The last that is there; 0 if there is none.
        last: u64,
        /// The last that was there.
        expected: u64,
    },
    /// There are more entries than the head knows of.
    BeyondHead {
        /// The first that the head does not know.
        sequence: u64,
    },
    /// The head, which the database keeps apart, has another hash than its entry.
    OtherHead {
        /// The entry.
        sequence: u64,
    },
    /// There are entries, and no head.
    NoHead,
    /// There is a workspace, and nothing of its chain.
    NoChain,
    /// The chain begins with something else than the workspace.
    NoBeginning,
    /// The chain up to this entry is not the one that was sealed.
    SealBroken {
        /// The last that was sealed.
        sequence: u64,
    },
    /// It was sealed, and the seal is gone.
    SealGone,
    /// An exported head says otherwise.
    OtherThanExported {
        /// The entry that it names.
        sequence: u64,
    },
    /// A version was written that does not follow the one before: entries between them are gone.
    Skipped {
        /// The entry.
        sequence: u64,
        /// Which credential.
        credential: String,
        /// The version that the entry has.
        version: u64,
        /// The last version before.
        before: u64,
    },
    /// The database has something of which the host's chain should speak, and does not.
    Untold {
        /// What it is.
        what: String,
    },
    /// The database has something else of a credential than the chain.
    Credential {
        /// Which one.
        credential: String,
        /// What is wrong with it.
        finding: CredentialFinding,
    },
}

/// How a credential in the database differs from what its chain says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CredentialFinding {
    /// It has another version.
    OtherVersion {
        /// In the database.
        found: u64,
        /// In the chain.
        expected: u64,
    },
    /// It was deleted, and it is there.
    Back,
    /// It was set, and it is not there.
    Gone {
        /// The version that was set last.
        expected: u64,
    },
    /// The chain knows nothing of it.
    Unknown,
    /// It expires at another time than was sealed with its value.
    OtherEnd,
}

// === impl AuditFinding ===

impl AuditFinding {
    /// The first entry that it is about; `None` if it is about none.
    #[must_use]
    pub fn sequence(&self) -> Option<u64> {
        match self {
            Self::Missing { first, .. } => Some(*first),
            Self::Truncated { last, .. } => Some(last + 1),
            Self::Altered { sequence }
            | Self::OutOfOrder { sequence }
            | Self::Unreadable { sequence, .. }
            | Self::BeyondHead { sequence }
            | Self::OtherHead { sequence }
            | Self::SealBroken { sequence }
            | Self::OtherThanExported { sequence }
            | Self::Skipped { sequence, .. } => Some(*sequence),
            Self::NoHead
            | Self::NoChain
            | Self::NoBeginning
            | Self::SealGone
            | Self::Untold { .. }
            | Self::Credential { .. } => None,
        }
    }

    /// The same without the keys of credentials and the names of workflows, for those whom they do not concern.
    #[must_use]
    pub fn without_names(self) -> Self {
        let unnamed = || "a credential".to_owned();
        match self {
            Self::Skipped {
                sequence,
                version,
                before,
                ..
            } => Self::Skipped {
                sequence,
                credential: unnamed(),
                version,
                before,
            },
            Self::Credential { finding, .. } => Self::Credential {
                credential: unnamed(),
                finding,
            },
            Self::Missing { .. }
            | Self::Altered { .. }
            | Self::OutOfOrder { .. }
            | Self::Unreadable { .. }
            | Self::Truncated { .. }
            | Self::BeyondHead { .. }
            | Self::OtherHead { .. }
            | Self::NoHead
            | Self::NoChain
            | Self::NoBeginning
            | Self::SealBroken { .. }
            | Self::SealGone
            | Self::OtherThanExported { .. }
            | Self::Untold { .. } => self,
        }
    }

    /// The word for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "missing",
            Self::Altered { .. } => "altered",
            Self::OutOfOrder { .. } => "out_of_order",
            Self::Unreadable { .. } => "unreadable",
            Self::Truncated { .. } => "truncated",
            Self::BeyondHead { .. } => "beyond_head",
            Self::OtherHead { .. } => "other_head",
            Self::NoHead => "no_head",
            Self::NoChain => "no_chain",
            Self::NoBeginning => "no_beginning",
            Self::SealBroken { .. } => "seal_broken",
            Self::SealGone => "seal_gone",
            Self::OtherThanExported { .. } => "other_than_exported",
            Self::Skipped { .. } => "version_skipped",
            Self::Untold { .. } => "untold",
            Self::Credential { finding, .. } => finding.code(),
        }
    }
}

impl fmt::Display for AuditFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { first, last } if first == last => {
                write!(f, "entry {first} is missing")
            }
            Self::Missing { first, last } => write!(f, "entries {first} to {last} are missing"),
            Self::Altered { sequence } => write!(
                f,
                "entry {sequence} is not what was written there: it was edited, or moved from another place"
            ),
            Self::OutOfOrder { sequence } => {
                write!(f, "entry {sequence} stands behind a later one, or twice")
            }
            Self::Unreadable { sequence, reason } => {
                write!(f, "entry {sequence} cannot be read: {reason}")
            }
            Self::Truncated { last, expected } => write!(
                f,
                "the chain ends with entry {last}, and it had {expected}: what came behind is missing"
            ),
            Self::BeyondHead { sequence } => write!(
                f,
                "entry {sequence} is there, and the head of the chain does not know it"
            ),
            Self::OtherHead { sequence } => write!(
                f,
                "entry {sequence} is another than the head of the chain says"
            ),
            Self::NoHead => f.write_str("the head of the chain is missing"),
            Self::NoChain => f.write_str("the workspace is there, and its chain is missing"),
            Self::NoBeginning => {
                f.write_str("the chain does not begin with its workspace: its beginning is missing")
            }
            Self::SealBroken { sequence } => write!(
                f,
                "the chain up to entry {sequence} is not the one that was sealed: it was cut or written anew by someone without the key"
            ),
            Self::SealGone => f.write_str("the seal of the chain is missing"),
            Self::OtherThanExported { sequence } => write!(
                f,
                "entry {sequence} is another than the exported head says: the chain was written anew, or an older database was put in its place"
            ),
            Self::Skipped {
                sequence,
                credential,
                version,
                before,
            } => write!(
                f,
                "entry {sequence} sets version {version} of {credential}, and the version before was {before}"
            ),
            Self::Untold { what } => write!(
                f,
                "{what} is in the database, and no entry speaks of it: entries are gone from the end"
            ),
            Self::Credential {
                credential,
                finding,
            } => write!(f, "{credential} {finding}"),
        }
    }
}

// === impl CredentialFinding ===

impl CredentialFinding {
    fn code(self) -> &'static str {
        match self {
            Self::OtherVersion { .. } => "other_version",
            Self::Back => "deleted_and_there",
            Self::Gone { .. } => "set_and_gone",
            Self::Unknown => "not_in_chain",
            Self::OtherEnd => "other_end",
        }
    }
}

impl fmt::Display for CredentialFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherVersion { found, expected } => write!(
                f,
                "has version {found} in the database, and {expected} was set last: another row was put in its place"
            ),
            Self::Back => {
                f.write_str("was deleted, and is in the database: an older row was put back")
            }
            Self::Gone { expected } => write!(
                f,
                "is missing from the database, and version {expected} was set last"
            ),
            Self::Unknown => f.write_str("is in the database, and no entry speaks of it"),
            Self::OtherEnd => f.write_str(
                "expires by the database at another time than was sealed with its value, and does not open",
            ),
        }
    }
}
