//! `lockstep key retire`.

use std::fmt;

use serde::Serialize;

use lockstep_runner::{KeyRetired, KeyWas};

use super::RetireArguments;
use crate::backend::Backend;
use crate::config::Config;
use crate::console::{Answer, Console, Paint};
use crate::host::Keys;
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
    let backend = Backend::open(config, Keys::Managed, console).await?;
    let at_hand = backend.keys().await?;
    let is_at_hand = at_hand
        .keys
        .iter()
        .any(|key| key.id == arguments.id && key.on_ring);
    let KeyRetired { id, was } = backend
        .retire_key(arguments.id)
        .await
        .map_err(|problem| not_retired(problem, is_at_hand))?;
    console.show(&Retired {
        id: id.to_string(),
        removed_from_key_file: was == KeyWas::InKeyFile,
    })?;
    match was {
        KeyWas::InText => {
            let to_whom = if backend.is_there() {
                " to the server"
            } else {
                ""
            };
            console.hint(&format!(
                "take the line of key `{id}` out of the text that is given{to_whom} as `LOCKSTEP_KEY`"
            ));
        }
        KeyWas::InKeyFile | KeyWas::Gone => {}
    }
    console.note(&format!(
        "a backup of the database from before it was re-wrapped opens with key `{id}` only: keep a copy of that key as long as such a backup"
    ));
    Ok(Exit::Completed)
}

fn not_retired(problem: Problem, is_at_hand: bool) -> Problem {
    if problem.code == "in_use" && !is_at_hand {
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
