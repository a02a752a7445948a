//! What the store takes and tells about registered steps.

use std::collections::BTreeSet;

use jiff::Timestamp;

use lockstep_step::{CredentialKey, Digest, StepName, WorkflowName};

/// A version of a step, to be registered.
#[derive(Clone, Debug)]
pub struct NewStep {
    /// Of what the user handed in.
    pub digest: Digest,
    /// What it is, in the runner's word.
    pub kind: String,
    /// What is run: what the user handed in, or what it was encoded into.
    pub artifact: Vec<u8>,
    /// The keys that its code names.
    pub references: BTreeSet<CredentialKey>,
    /// Whether its code may ask for others: it computes a key.
    pub dynamic: bool,
}

/// A version of a registered step.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StepVersion {
    /// Which one.
    pub version: u64,
    /// Of what the user handed in.
    pub digest: Digest,
    /// What it is, in the runner's word.
    pub kind: String,
    /// Length of what is run, in bytes.
    pub artifact_bytes: u64,
    /// Whether its code may ask for credentials that it does not name.
    pub dynamic: bool,
    /// When it was registered.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
}

/// A registered step, in its present version.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StepEntry {
    /// Whose step it is.
    pub workflow: WorkflowName,
    /// Its name.
    pub name: StepName,
    /// Counts the times that other code was registered under this name.
    pub version: u64,
    /// Of what the user handed in.
    pub digest: Digest,
    /// What it is, in the runner's word.
    pub kind: String,
    /// Of what is run, which [`Store::artifact`](crate::Store::artifact) gives.
    pub artifact: Digest,
    /// Length of what is run, in bytes.
    pub artifact_bytes: u64,
    /// The keys that its code names.
    pub references: BTreeSet<CredentialKey>,
    /// Whether its code may ask for others: it computes a key.
    pub dynamic: bool,
    /// When this version was registered.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
}
