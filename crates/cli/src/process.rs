//! The process as a whole: no core dumps, traces, the runtime.

use std::io;
use std::num::NonZero;
use std::str::FromStr as _;

use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit,
};
use tokio::runtime::Builder;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use lockstep_sandbox::CompilerCommand;

use crate::console::{Console, Paint};
use crate::problem::Problem;
use crate::telemetry::Telemetry;

/// Values and keys are in our memory: no dump of it is written, and no other process of the user may look into it.
pub(crate) fn no_core_dumps() -> Result<(), Problem> {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none).map_err(io::Error::from)?;
    lockstep_sandbox::open_pagemap();
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(io::Error::from)?;
    Ok(())
}

/// Files that the process has open besides connections: the database, compiled code, pipes to compilers, and requests of
/// steps.
const OTHER_FILES: u64 = 512;

/// Each connection is an open file, and the usual limit is below what a server needs: what the process may allow itself,
/// it does.
pub(crate) fn allow_open_files(connections: u32, console: &Console) {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    let allowed = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    let needed = u64::from(connections) + OTHER_FILES;
    if let Some(allowed) = allowed.filter(|allowed| *allowed < needed) {
        console.warn(&format!(
            "{connections} connections may take {needed} open files, and this process may have {allowed}"
        ));
        console.hint(
            "raise the limit of the service (`ulimit -n`, `LimitNOFILE`), or lower `--connections`",
        );
    }
}

/// The first argument of a process that compiles a step and does nothing else. No user types it.
const COMPILE: &str = "compile-for-host";

/// This program, as the compiler of another process of itself, even if the file has been replaced meanwhile.
pub(crate) fn compiler() -> CompilerCommand {
    CompilerCommand {
        program: "/proc/self/exe".into(),
        arguments: vec![COMPILE.into()],
    }
}

/// Whether this process was started to compile.
pub(crate) fn is_compiler() -> bool {
    std::env::args_os()
        .nth(1)
        .is_some_and(|argument| argument == COMPILE)
}

/// Tells the traces that `filter` lets through on stderr, as `LOCKSTEP_LOG` says; warnings by default. What there is of
/// telemetry hears them, too.
pub(crate) fn trace(
    filter: Option<&str>,
    telemetry: Option<&Telemetry>,
    console: &Console,
) -> Result<(), Problem> {
    let targets = match filter {
        Some(filter) => Targets::from_str(filter).map_err(|_| {
            Problem::usage("`LOCKSTEP_LOG` is not a filter of traces")
                .hint("use a level, such as `debug`, or `lockstep_store=trace,warn`")
        })?,
        None => Targets::new().with_default(LevelFilter::WARN),
    };
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(console.stderr_paint() == Paint::Coloured);
    tracing_subscriber::registry()
        .with(layer.with_filter(targets.clone()))
        .with(telemetry.map(|telemetry| telemetry.layers(&targets)))
        .init();
    Ok(())
}

/// What drives a command.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Driver {
    /// The thread that the process has: for a command that runs one step at most. The record has a thread of its own, and a
    /// guest gives way at each tick, so that signals and connections are heard.
    ThisThread,
    /// A thread for each core: for a command that runs many steps.
    ThreadPerCore,
}

/// So many, even if there is one core.
const LEAST_THREADS: usize = 2;

impl Driver {
    /// Drives a command to its end.
    pub(crate) fn block_on<T>(
        self,
        command: impl Future<Output = Result<T, Problem>>,
    ) -> Result<T, Problem> {
        let runtime = self.builder().enable_all().build()?;
        let result = runtime.block_on(command);
        // A compilation that a cancelled run has left behind is not waited for.
        runtime.shutdown_background();
        result
    }

    fn builder(self) -> Builder {
        match self {
            Self::ThisThread => Builder::new_current_thread(),
            Self::ThreadPerCore => {
                let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
                let mut builder = Builder::new_multi_thread();
                builder.worker_threads(cores.max(LEAST_THREADS));
                builder
            }
        }
    }
}
