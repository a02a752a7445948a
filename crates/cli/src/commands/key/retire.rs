//! `lockstep key retire`.

use std::fmt;

use serde::Serialize;

use lockstep_runner::{KeyRetired, KeyWas, ManageError, StoreError};

use super::RetireArguments;
use crate::config::Config;
use crate::console::{Answer, Console, Paint};
use crate::host::{Host, Keys};
use crate::problem::{Exit, Problem};

#[derive(Serialize)]
struct Retired {
    id: String,
    /// Whether it was taken off the key file.
    removed_from_key_file: bool,
}

pub(super) async fn carry_out(
    arguments: &RetireArguments,
    config: &Config,
    console: &Console,
) -> Result<Exit, Problem> {
    let Host { runner, caller } = Host::open(config, Keys::Managed, console).await?;
    let at_hand = runner.keys(&caller).await?;
    let is_at_hand = at_hand
        .keys
        .iter()
        .any(|key| key.id == arguments.id && key.on_ring);
    let KeyRetired { id, was } = runner
        .retire_key(&caller, arguments.id)
        .await
        .map_err(|error| not_retired(error, is_at_hand))?;
    console.show(&Retired {
        id: id.to_string(),
        removed_from_key_file: was == KeyWas::InKeyFile,
    })?;
    match was {
        KeyWas::InText => console.hint(&format!(
            "take the line of key `{id}` out of the text that is given as `LOCKSTEP_KEY`"
        )),
        KeyWas::InKeyFile | KeyWas::Gone => {}
    }
    console.note(&format!(
        "a backup of the database from before it was re-wrapped opens with key `{id}` only: keep a copy of that key as long as such a backup"
    ));
    Ok(Exit::Completed)
}

fn not_retired(error: ManageError, is_at_hand: bool) -> Problem {
    let wraps = matches!(error, ManageError::Store(StoreError::Wraps { .. }));
    let problem = Problem::from(error);
    if wraps && !is_at_hand {
        // Only who has the key can wrap anew what it wraps.
        return problem
            .hint("put the key back on the ring, from your copy, and run `lockstep key rewrap`");
    }
    problem
}

impl Answer for Retired {
    fn text(&self, out: &mut dyn fmt::Write, _: Paint) -> fmt::Result {
        let file = if self.removed_from_key_file {
            " and is not in the key file any more"
        } else {
            ""
        };
        writeln!(out, "key `{}` is retired{file}", self.id)
    }
}
