//! `lockstep key rewrap`.

use std::fmt;

use lockstep_runner::RewrapProgress;

use crate::backend::{Backend, KeysRewrapped};
use crate::config::Config;
use crate::console::{Answer, Console, Paint};
use crate::host::Keys;
use crate::problem::{Exit, Problem};

/// Fails, after it has told how far it came, if the key of a workspace stayed under an old key.
pub(super) async fn carry_out(config: &Config, console: &Console) -> Result<Exit, Problem> {
    let backend = Backend::open(config, Keys::Managed, console).await?;
    let is_terminal = console.stderr_is_terminal();
    let done = backend
        .rewrap_keys(|progress| {
            if is_terminal {
                show_progress(console, progress);
            }
        })
        .await;
    if is_terminal {
        console.say(b"\r\x1b[K");
    }
    let done = done?;
    console.show(&done)?;
    if done.failed == 0 {
        return Ok(Exit::Completed);
    }
    console.hint(if backend.is_there() {
        "`lockstep key status` shows which keys are missing; on the machine of the host, `lockstep doctor` checks the database"
    } else {
        "`lockstep key status` shows which keys are missing; `lockstep doctor` checks the database"
    });
    Ok(Exit::NotCompleted)
}

/// A line that is written over as often as a batch is done.
fn show_progress(console: &Console, RewrapProgress { done, total }: RewrapProgress) {
    console.say(format!("\rre-wrapped {done} of {}", total.max(done)).as_bytes());
}

impl Answer for KeysRewrapped {
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
