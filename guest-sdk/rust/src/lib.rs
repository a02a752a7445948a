//! Write a Lockstep step in Rust: a function from JSON to JSON that may ask for credentials.
//!
//! ```
//! use lockstep_step::{Failure, credential};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Deserialize)]
//! struct Input {
//!     channel: String,
//! }
//!
//! #[derive(Serialize)]
//! struct Output {
//!     posted: bool,
//! }
//!
//! #[lockstep_step::step]
//! fn run(input: Input) -> Result<Output, Failure> {
//!     let token = credential("SLACK_TOKEN")?;
//!     println!("posting to {} with {token}", input.channel); // the log reads "posting to #general with ***"
//!     Ok(Output { posted: true })
//! }
//! # lockstep_step::testing::set_credentials([("SLACK_TOKEN", "xoxb-0")]);
//! # assert!(run(Input { channel: "#general".into() }).unwrap().posted);
//! ```
//!
//! A step is a `cdylib`, built for any of three targets; Lockstep takes the `.wasm` file as it is:
//!
//! ```toml
//! [lib]
//! crate-type = ["cdylib"]
//! ```
//! ```text
//! cargo build --release --target wasm32-wasip1            # or wasm32-wasip2, or wasm32-unknown-unknown
//! ```
//!
//! | what | how |
//! |---|---|
//! | the entry | [`step`](macro@step) on a function `fn(Input) -> Result<Output, Failure>` with serde types |
//! | a credential | [`credential("KEY")`](credential()) |
//! | several, or the names of all that are missing | [`require_credentials(&["A", "B"])`](require_credentials) |
//! | which keys there are | [`keys`], [`missing`] |
//! | a signature with a key that the step never holds | [`signing`] |
//! | to fail | [`Failure::new`], or `?` on any error; [`Failure::retryable`] when trying again may help |
//! | to log | `println!` and `eprintln!`; [`log!`] where they are silent (`wasm32-unknown-unknown`) |
//! | to test a step with `cargo test` | `testing`, on the host only |
//!
//! A panic is written to the log and ends the run with the outcome `trap`: prefer an `Err`.
//!
//! # The keys that a step names
//! Lockstep lists the credentials of a step when it is registered, to warn of missing ones and to protect used ones
//! from deletion. This crate writes their keys into the wasm file: those that stand as literals in calls of
//! `credential` and `require_credentials` inside a function marked [`step`](macro@step), or inside a function,
//! `impl` or `mod` marked [`names_credentials`]; and those given to the macro [`credential!`], anywhere.
//! A key that is computed is not listed; it works all the same.

mod credentials;
mod failure;
mod log;
pub mod signing;

// What the macros expand to; nothing else may use it.
#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

// On the host, for the unit tests of steps, a double stands in for Lockstep.
#[cfg_attr(not(target_family = "wasm"), path = "host_double.rs")]
mod host;
#[cfg(not(target_family = "wasm"))]
pub mod testing;

pub use lockstep_step_macros::{names_credentials, step};

pub use credentials::{MissingCredential, credential, keys, missing, require_credentials};
pub use failure::Failure;
