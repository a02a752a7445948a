//! What the tests of the whole stand on: a host with canary credentials, which fails a test if one of them got out.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "test support: a test that cannot go on ends with a message"
)]

mod command;
pub mod crash;
mod guests;
mod host;
mod random;
mod spellings;
mod traces;

pub use command::{Finished, compiler};
pub use guests::{guest, repository, wat};
pub use host::{Ran, TestHost, Wanted, runner_in};
pub use random::Random;
pub use spellings::spelling_in;
