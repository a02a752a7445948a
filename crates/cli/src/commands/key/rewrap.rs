//! `lockstep key rewrap`.

use std::fmt;

use serde::Serialize;

use lockstep_runner::{RewrapFailure, RewrapProgress};
use lockstep_step::WorkspaceName;

use crate::config::Config;
use crate::console::{Answer, Console, Paint};
use crate::host::{Host, Keys};
use crate::problem::{Exit, Problem};

#[derive(Serialize)]
struct Rewrapped {
    primary: String,
    /// Keys of workspaces that were wrapped anew.
    rewrapped: u64,
    /// Those that could not be.
    failed: u64,
    /// The first of them.
    failures: Vec<Failure>,
}

#[derive(Serialize)]
struct Failure {
    workspace: WorkspaceName,
    key: String,
    message: String,
}

/// Fails, after it has told how far it came, if the key of a workspace stayed under an old key.
pub(super) async fn carry_out(config: &Config, console: &Console) -> Result<Exit, Problem> {
    let Host { runner, caller } = Host::open(config, Keys::Managed, console).await?;
    let is_terminal = console.stderr_is_terminal();
    let done = runner
        .rewrap_keys(&caller, |progress| {
            if is_terminal {
                show_progress(console, progress);
            }
        })
        .await;
    if is_terminal {
        console.say(b"\r\x1b[K");
    }
    let done = done?;
    console.show(&Rewrapped {
        primary: done.primary.to_string(),
        rewrapped: done.rewrapped,
        failed: done.failed,
        failures: done.failures.iter().map(Failure::from).collect(),
    })?;
    if done.failed == 0 {
        return Ok(Exit::Completed);
    }
    console.hint(
        "`lockstep key status` shows which keys are missing; `lockstep doctor` checks the database",
    );
    Ok(Exit::NotCompleted)
}

/// A line that is written over as often as a batch is done.
fn show_progress(console: &Console, RewrapProgress { done, total }: RewrapProgress) {
    console.say(format!("\rre-wrapped {done} of {}", total.max(done)).as_bytes());
}

impl From<&RewrapFailure> for Failure {
    fn from(failure: &RewrapFailure) -> Self {
        Self {
            workspace: failure.workspace.clone(),
            key: failure.kek.to_string(),
            message: failure.error.to_string(),
        }
    }
}

impl Answer for Rewrapped {
    fn text(&self, out: &mut dyn fmt::Write, _: Paint) -> fmt::Result {
        let Self {
            primary, rewrapped, ..
        } = self;
        match (rewrapped, self.failed) {
            (0, 0) => writeln!(out, "nothing to do: key `{primary}` wraps everything"),
            (_, 0) => writeln!(
                out,
                "re-wrapped the keys of {rewrapped} workspaces: key `{primary}` wraps everything now"
            ),
            (_, failed) => {
                writeln!(
                    out,
                    "re-wrapped the keys of {rewrapped} workspaces with key `{primary}`; {failed} stay as they were:"
                )?;
                for failure in &self.failures {
                    writeln!(
                        out,
                        "  workspace `{}`: {}",
                        failure.workspace, failure.message
                    )?;
                }
                Ok(())
            }
        }
    }
}
