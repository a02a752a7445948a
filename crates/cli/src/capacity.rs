//! How much of the machine a host takes: options of the commands that serve.

use clap::Args;

use lockstep_runner::RunnerConfig;
use lockstep_sandbox::SandboxConfig;

#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Capacity {
    /// Runs at the same time; more wait.
    #[arg(long, value_name = "NUMBER", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=4096))]
    runs: u32,
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
            followers: 0,
        }
    }

    pub(crate) fn sandbox(self) -> SandboxConfig {
        SandboxConfig::for_runs(self.runs)
    }

    pub(crate) fn runner(self) -> RunnerConfig {
        RunnerConfig {
            followers: self.followers as usize,
        }
    }
}
