//! One step, run once in wasmtime, under limits.
//!
//! A step comes in as the bytes a user handed in, is [`prepare`]d into a component, loaded (compiled once per digest),
//! and run in a fresh instance that is never used again. What the guest writes is masked before anybody sees it.

mod config;

// Registration: knows nothing of wasmtime, so that it can be fuzzed without it.
mod artifact;
mod bounds;
mod encode;
mod imports;
mod invalid;
mod nesting;
mod prepare;
mod references;
mod source;
mod validate;

// The network: knows nothing of wasmtime.
mod egress;

// Signatures: knows nothing of wasmtime.
mod signing;

mod cache;
mod child;
mod code;
mod compiler;
mod engine;
mod load;
mod pagemap;
mod script;
mod ticker;
mod turns;
mod world;

mod admission;
mod credentials;
mod ending;
mod host;
mod limiter;
mod log;
mod meter;
mod run;
mod sandbox;
mod signer;
mod signing_imports;
mod stdio;
mod threshold;
mod traces;
mod wasi_http;

#[cfg(test)]
mod tests;

pub use admission::{NoCapacity, Occupancy, Place, Ticket};
pub use artifact::{Artifact, ArtifactKind, SourceKind, StepFile};
pub use child::serve_compilation;
pub use compiler::{CompilerCommand, StepCode};
pub use config::{CompileEvent, SandboxConfig};
pub use credentials::{Credentials, Handling, Purpose, Reveal, RevealError};
pub use egress::{
    EgressConfig, Examined, Explanation, Finding, InvalidRoot, InvalidRoots, Origin, Question,
    Reach, Resolve, SystemResolver,
};
pub use engine::Allocation;
pub use invalid::InvalidStep;
pub use load::{LoadError, LoadedStep};
pub use log::LogSink;
pub use pagemap::open_pagemap;
pub use prepare::prepare;
pub use run::{Ended, Invocation, StepContext, Usage};
pub use sandbox::{Sandbox, SandboxError};
pub use threshold::Threshold;
pub use traces::Traces;
pub use turns::NoTurn;
