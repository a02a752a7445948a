//! What the crash tests are about: lanes that change a data directory, the events in which a worker tells of it, and the
//! model of what must be there afterwards.
//!
//! A lane is one sequence of operations on things that no other lane touches, so at most one of its operations is
//! unanswered when the process is killed: what is found must be its state before or after that one, never in between.

mod event;
mod operation;
mod state;

pub use event::Event;
pub use operation::{Operation, Place};
pub use state::{Lane, Seen, SeenCredential};

use lockstep_step::{Digest, WorkflowName, WorkspaceName};

/// Lanes of one worker.
pub const LANES: usize = 4;
/// Keys that a lane has in each place.
pub const KEYS: usize = 4;

/// The workflow whose own credentials a lane changes.
#[must_use]
pub fn own_workflow(lane: usize) -> WorkflowName {
    format!("own-{lane}").parse().unwrap()
}

/// The workflow whose usage permission and step a lane changes.
#[must_use]
pub fn permitted_workflow(lane: usize) -> WorkflowName {
    format!("permitted-{lane}").parse().unwrap()
}

/// The workspace that a lane adds and removes.
#[must_use]
pub fn tenant(lane: usize) -> WorkspaceName {
    format!("tenant-{lane}").parse().unwrap()
}

/// The keys that a lane has in a place.
pub fn keys(lane: usize, place: Place) -> impl Iterator<Item = String> {
    (0..KEYS).map(move |number| format!("{}{lane}_{number}", place.letter()))
}

/// The step of which a lane registers variants.
#[must_use]
pub fn step(variant: usize) -> Vec<u8> {
    format!(
        r#"(module
             (import "lockstep:step/output@1.0.0" "set-output" (func $set_output (param i32 i32)))
             (memory (export "memory") 1)
             (data (i32.const 0) "1{variant:03}")
             (func (export "_start") (call $set_output (i32.const 0) (i32.const 4))))"#
    )
    .into_bytes()
}

/// The value that an operation gives to a key. All values of a test begin with its canary.
#[must_use]
pub fn value(canary: &str, operation: &str, key: &str) -> String {
    format!(
        "{canary}{}",
        Digest::of(format!("{operation}/{key}").as_bytes()).hex()
    )
}

/// What the guest `proves` says of a value.
#[must_use]
pub fn proof(nonce: &str, value: &str) -> String {
    Digest::of(format!("{nonce}{value}").as_bytes()).hex()
}
