//! The settings of a sandbox.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::{CompilerCommand, EgressConfig, Traces};

/// The settings of a sandbox. Made with [`SandboxConfig::for_runs`]; what is not named there keeps its default.
#[derive(Clone)]
pub struct SandboxConfig {
    /// Runs that have an instance at the same time; the pool has a place for each.
    pub concurrent_runs: u32,
    /// Those of them that one share may have, when it wants more. Default: all.
    pub share_runs: u32,
    /// Runs that may wait for a place. Default: 16 for each place, at least 64. One more is turned away at once, and so is one
    /// of a share that has as many waiting as there is room left for others.
    pub queued_runs: usize,
    /// How long a run may wait for a place. Default 10 s: an engine would rather hear `capacity` and try elsewhere.
    pub queue_wait: Duration,
    /// Largest linear memory that any run may have, in bytes; a run's own limit may be smaller. Default 1 GiB.
    pub max_memory_bytes: usize,
    /// Compiled code kept in memory, in bytes of code. Default 512 MiB.
    pub code_cache_bytes: u64,
    /// Directory of the compiled code on disk; only we may write there. `None`: no cache on disk.
    pub cache_dir: Option<PathBuf>,
    /// The program that compiles, in a process of its own that can be limited and ended. `None`: a thread of this process
    /// compiles, which is weaker: at `compile_time` it is no longer waited for, but goes on, and `compile_memory_bytes` does
    /// not hold.
    pub compiler: Option<CompilerCommand>,
    /// Wall-clock time of one compilation. Default 300 s: an engine of a scripting language, 16 to 25 MB of wasm, took 14 to
    /// 25 s of CPU time, and over 120 s on the clock where five busy programs shared each core.
    pub compile_time: Duration,
    /// Address space of one compilation, in bytes. Default 3 GiB: the same 25 MB took 0.5 GB of memory, and the program, the
    /// stacks and the arenas of its threads count too.
    pub compile_memory_bytes: u64,
    /// How long a step may wait for its turn to be compiled. Default 30 s.
    pub compile_wait: Duration,
    /// Where requests may go.
    pub egress: EgressConfig,
    /// Joins spans to the traces of others. `None`: a trace that a run is in is passed on as it came.
    pub traces: Option<Arc<dyn Traces>>,
    /// Told when a compilation begins and ends, for a progress line.
    pub on_compile: Option<Arc<dyn Fn(CompileEvent) + Send + Sync>>,
}

/// What a compilation does.
#[derive(Clone, Copy, Debug)]
pub enum CompileEvent {
    /// It began, with so many bytes of wasm.
    Began {
        /// Size of the component.
        wasm_bytes: usize,
    },
    /// It ended, well or not.
    Ended {
        /// Time it took.
        took: Duration,
    },
}

impl SandboxConfig {
    /// Defaults for so many runs at a time.
    #[must_use]
    pub fn for_runs(concurrent_runs: u32) -> Self {
        Self {
            concurrent_runs,
            share_runs: concurrent_runs,
            queued_runs: (concurrent_runs as usize).saturating_mul(16).max(64),
            queue_wait: Duration::from_secs(10),
            max_memory_bytes: 1 << 30,
            code_cache_bytes: 512 << 20,
            cache_dir: None,
            compiler: None,
            compile_time: Duration::from_secs(300),
            compile_memory_bytes: 3 << 30,
            compile_wait: Duration::from_secs(30),
            egress: EgressConfig::default(),
            traces: None,
            on_compile: None,
        }
    }
}
