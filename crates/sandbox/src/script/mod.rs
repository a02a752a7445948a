//! Steps in JavaScript: one engine, compiled once, and a snapshot of its memory for each step.
//!
//! The engine (`guest-sdk/js/engine`) is a core module that imports its memory. Its code is compiled without its data. A
//! memory that is ready for work is kept as a module of data only, which wasmtime maps copy-on-write: the *base*, in which
//! the engine and the web platform stand ready, and one *snapshot* a step, in which its source is compiled and, where that
//! touches nothing outside of itself, its top level evaluated. A run instantiates the snapshot of its step, the engine's
//! code on it, calls `run` and drops both.

mod answer;
mod bridges;
mod call;
mod engine;
mod engine_file;
mod image;
mod imports;
mod loaded;
mod network;
mod preparing;
#[cfg(test)]
mod sealed_tests;
mod signing;
mod state;
#[cfg(test)]
mod tests;

pub(crate) use answer::{Answer, Malformed, ScriptFailure, ScriptFault};
pub(crate) use engine::ScriptEngine;
pub(crate) use loaded::LoadedScript;
pub(crate) use state::ScriptState;
