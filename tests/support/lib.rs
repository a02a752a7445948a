//! What the tests of the whole stand on: a host with canary credentials, which fails a test if one of them got out.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "test support: a test that cannot go on ends with a message"
)]

mod allocator;
mod collector;
mod command;
pub mod corpus;
pub mod crash;
mod disk;
mod filter;
mod guest_memory;
mod guests;
mod host;
mod keys;
mod machine;
mod memory;
mod moments;
mod random;
mod resident;
mod scripts;
mod served;
mod spellings;
mod traces;
mod upstream;

pub use allocator::Allocator;
pub use collector::Collector;
pub use command::{Finished, compiler, finish, lockstep_binary};
pub use disk::{SmallDisk, in_own_mounts};
pub use filter::{Filter, Filtered};
pub use guest_memory::guest_memory;
pub use guests::{bundle, foreign_guest, guest, repository, wat};
pub use host::{Ran, TestHost, Wanted, runner_in};
pub use keys::digits_of_keys;
pub use machine::Machine;
pub use memory::{Canary, Needles, Remnant};
pub use moments::{Listening, Moment, listen};
pub use random::Random;
pub use resident::Resident;
pub use scripts::fill_cache;
pub use served::{Answer, Served};
pub use spellings::spelling_in;
pub use traces::is_traced;
pub use upstream::{Names, egress_to, sandbox_to};

pub use lockstep_upstream::{Accounts, Received, S3Account, Upstream};
