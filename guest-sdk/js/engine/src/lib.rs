//! The JavaScript engine that runs steps: QuickJS-ng, and what a step finds in it, as a core WebAssembly module.
//!
//! The host makes one memory, calls `init`, and keeps what the memory then holds. For each step it goes on from there
//! with `declare` and `evaluate`, and keeps that; each run starts from it with `run` and ends by being dropped. So
//! everything here up to `run` happens once per step, and nothing is ever given back at the end.

#[cfg(not(target_arch = "wasm32"))]
compile_error!("the engine is for wasm32-unknown-unknown: build it with `cargo xtask engine`");

mod abi;
mod buffer;
mod engine;
mod failure;
mod heap;
mod host;
mod native;
mod output;
mod positions;
mod rejections;
mod run;
mod script;
mod turn;
mod web;
