//! How much of the machine a host takes: options of the commands that serve.

use std::time::Duration;

use clap::Args;

use lockstep_runner::RunnerConfig;
use lockstep_sandbox::SandboxConfig;

use crate::quantity;

#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Capacity {
    /// Runs at the same time; more wait.
    #[arg(long, value_name = "NUMBER", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=4096))]
    runs: u32,
    /// Those of them that one workspace may have [default: all].
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=4096))]
    workspace_runs: Option<u32>,
    /// Runs that wait for a place; more are refused. A workspace leaves as much room to others as it takes [default: 16 for
    /// each of `--runs`].
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    queue: Option<u32>,
    /// How long a run may wait for a place, before it ends as `capacity`.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = quantity::time)]
    queue_wait: Duration,
    /// Memory for that with which runs are asked for, until they are over; more are refused.
    #[arg(long, value_name = "SIZE", default_value = "512MiB", value_parser = quantity::size)]
    request_memory: u64,
    /// Logs that are followed at the same time, each over a connection of its own. A workspace leaves as many to others as
    /// it has.
    #[arg(long, value_name = "NUMBER", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    followers: u32,
}

impl Capacity {
    /// That of a command that runs one step.
    pub(crate) fn one_run() -> Self {
        Self {
            runs: 1,
            workspace_runs: None,
            queue: None,
            queue_wait: Duration::from_secs(10),
            request_memory: 0,
            followers: 0,
        }
    }

    pub(crate) fn sandbox(self) -> SandboxConfig {
        let mut config = SandboxConfig::for_runs(self.runs);
        config.share_runs = self.workspace_runs.unwrap_or(self.runs);
        config.queued_runs = self
            .queue
            .map_or(config.queued_runs, |queue| queue as usize);
        config.queue_wait = self.queue_wait;
        config
    }

    pub(crate) fn runner(self) -> RunnerConfig {
        RunnerConfig {
            followers: self.followers as usize,
            request_bytes: usize::try_from(self.request_memory).unwrap_or(usize::MAX),
        }
    }
}
