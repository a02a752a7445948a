//! The work that a hostile step can make expensive, and where it is done: preparing and compiling.
//!
//! Cranelift cannot be interrupted, and what a step makes it do is not foretold by the step's size. With a
//! [`CompilerCommand`] the work is done in a process of its own, under a limit on its time and one on its memory
//! ([`child`](crate::child)). Without one it is done on a thread of this process: the structural limits
//! ([`bounds`](crate::bounds)) still hold, the caller still stops waiting at the time limit, but the thread goes on, and
//! nothing limits its memory.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use wasmtime::Engine;

use crate::load::{LoadError, blocking};
use crate::turns::Turn;
use crate::{Artifact, InvalidStep, SandboxConfig, SourceKind, StepFile, child, prepare};

/// How much a compilation gives way to other runs, of 19.
const NICENESS: i32 = 5;

/// A program that compiles, started for each compilation: it hands its standard input and output to
/// [`serve_compilation`](crate::serve_compilation). It must be of the same version as this crate.
#[derive(Clone, Debug)]
pub struct CompilerCommand {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

/// What a step is loaded from.
pub enum StepCode {
    /// What a user handed in.
    Source(StepFile),
    /// The bytes of an [`Artifact`] that was prepared before.
    Artifact(Vec<u8>),
}

/// A piece of work.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Job {
    /// From what a user handed in, under this name, to an artifact.
    Prepare { name: String, kind: SourceKind },
    /// From WebAssembly that a user handed in to code.
    CompileSource,
    /// From a component to code.
    CompileComponent,
}

/// What a job makes.
pub(crate) enum Product {
    Artifact(Artifact),
    Code(Vec<u8>),
}

/// What a job may use.
#[derive(Clone, Copy)]
pub(crate) struct JobLimits {
    pub(crate) time: Duration,
    pub(crate) memory_bytes: u64,
    /// How much the process that does it gives way.
    pub(crate) niceness: i32,
}

/// Does jobs, here or in processes.
pub(crate) struct Compiler {
    engine: Engine,
    command: Option<CompilerCommand>,
    limits: JobLimits,
}

impl Compiler {
    pub(crate) fn new(engine: Engine, config: &SandboxConfig) -> Self {
        let limits = JobLimits {
            time: config.compile_time,
            memory_bytes: config.compile_memory_bytes,
            // Where one run has the only place there is nobody to give way to, and somebody who waits.
            niceness: if config.concurrent_runs > 1 {
                NICENESS
            } else {
                0
            },
        };
        Self {
            engine,
            command: config.compiler.clone(),
            limits,
        }
    }

    /// From what a user handed in to an artifact.
    pub(crate) async fn prepare(
        &self,
        file: StepFile,
        turn: Arc<Turn>,
    ) -> Result<Artifact, LoadError> {
        let StepFile { name, kind, bytes } = file;
        match self
            .carry_out(Job::Prepare { name, kind }, bytes, turn)
            .await?
        {
            Product::Artifact(artifact) => Ok(artifact),
            Product::Code(_) => Err(mixed_up()),
        }
    }

    /// From WebAssembly to what wasmtime loads.
    pub(crate) async fn compile(
        &self,
        job: Job,
        wasm: Vec<u8>,
        turn: Arc<Turn>,
    ) -> Result<Vec<u8>, LoadError> {
        match self.carry_out(job, wasm, turn).await? {
            Product::Code(code) => Ok(code),
            Product::Artifact(_) => Err(mixed_up()),
        }
    }

    /// The turn is given back when the work has ended, not when somebody stops waiting for it.
    async fn carry_out(
        &self,
        job: Job,
        wasm: Vec<u8>,
        turn: Arc<Turn>,
    ) -> Result<Product, LoadError> {
        let Some(command) = &self.command else {
            let engine = self.engine.clone();
            let work = blocking(move || {
                let _turn = turn;
                Ok(carry_out(&engine, job, wasm)?)
            });
            let Ok(done) = timeout(self.limits.time, work).await else {
                return Err(too_slow(self.limits).into());
            };
            return done;
        };
        let done = child::carry_out(command, self.limits, job, &wasm).await;
        drop(turn);
        done
    }
}

/// Does a job on this thread.
pub(crate) fn carry_out(engine: &Engine, job: Job, wasm: Vec<u8>) -> Result<Product, InvalidStep> {
    let component = match job {
        Job::Prepare { name, kind } => {
            let bytes = wasm;
            return Ok(Product::Artifact(prepare(&StepFile { name, kind, bytes })?));
        }
        Job::CompileSource => prepare(&StepFile::wasm(wasm))?.bytes,
        Job::CompileComponent => wasm,
    };
    match engine.precompile_component(&component) {
        Ok(code) => Ok(Product::Code(code)),
        Err(error) => Err(InvalidStep::new(format!(
            "the step does not compile: {error:#}"
        ))),
    }
}

pub(crate) fn too_slow(limits: JobLimits) -> InvalidStep {
    let limit = limits.time.as_secs_f64();
    InvalidStep::new(format!(
        "compiling the step takes longer than its limit of {limit} s (`compile_time`)"
    ))
}

pub(crate) fn too_large(limits: JobLimits) -> InvalidStep {
    let limit = limits.memory_bytes >> 20;
    InvalidStep::new(format!(
        "compiling the step takes more memory than its limit of {limit} MiB (`compile_memory`)"
    ))
}

fn mixed_up() -> LoadError {
    LoadError::Host("the compiler did another job than it was given".to_owned())
}
