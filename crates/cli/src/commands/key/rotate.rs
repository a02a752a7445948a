//! `lockstep key rotate`.

use std::fmt;

use serde::Serialize;

use lockstep_runner::{KeyRotated, ManageError, NewKeyFile};

use super::RotateArguments;
use crate::commands::show::list;
use crate::config::{Config, KeySource};
use crate::console::{Answer, Console, Paint};
use crate::host::{Host, Keys};
use crate::problem::{Exit, Problem};

#[derive(Serialize)]
struct Rotated {
    primary: String,
    /// The keys that still open.
    kept: Vec<String>,
    /// The key file that has them all.
    key_file: String,
    /// How many records the other keys wrap.
    records_to_rewrap: u64,
}

pub(super) async fn carry_out(
    arguments: RotateArguments,
    config: &Config,
    console: &Console,
) -> Result<Exit, Problem> {
    let key_file = match (&config.key, &arguments.to_file) {
        (_, Some(path)) | (KeySource::File(path), None) => path.display().to_string(),
        (KeySource::Text(_), None) => return Err(in_the_environment()),
    };
    let into = arguments.to_file.map(|path| NewKeyFile {
        path,
        data: config.data.clone(),
    });
    let is_new_file = into.is_some();
    let Host { runner, caller } = Host::open(config, Keys::Managed, console).await?;
    let KeyRotated { primary, kept } = runner
        .rotate_key(&caller, into)
        .await
        .map_err(not_rotated)?;
    let keys = runner.keys(&caller).await?.keys;
    let others = keys.iter().filter(|key| key.id != primary);
    let records_to_rewrap = others.map(|key| key.records).sum();
    console.show(&Rotated {
        primary: primary.to_string(),
        kept: kept.iter().map(ToString::to_string).collect(),
        key_file: key_file.clone(),
        records_to_rewrap,
    })?;
    console.note(&format!(
        "copy `{key_file}` to a safe place: without `{primary}`, what is wrapped from now on cannot be opened"
    ));
    if is_new_file {
        console.hint(&format!(
            "from now on give `--key-file {key_file}` (`LOCKSTEP_KEY_FILE`), and `LOCKSTEP_KEY` no more"
        ));
    } else if records_to_rewrap > 0 {
        console.hint("`lockstep key rewrap` wraps the old records with the new key");
    }
    Ok(Exit::Completed)
}

fn in_the_environment() -> Problem {
    Problem::usage("the keys come from `LOCKSTEP_KEY`, which cannot be changed from here").hint(
        "`lockstep key rotate --to-file PATH` writes them with a new one to a key file of mode 0600; \
         then use `--key-file PATH`, or put its text into `LOCKSTEP_KEY`",
    )
}

/// A file that cannot be written, such as one of a read-only mount, can be left where it is.
fn not_rotated(error: ManageError) -> Problem {
    let is_file = matches!(&error, ManageError::Key(reason) if matches!(**reason, lockstep_vault::KeyError::File { .. }));
    let problem = Problem::from(error);
    if is_file {
        problem.hint("check the file and its directory, which must be writable; or leave it there and name a new file with `--to-file PATH`")
    } else {
        problem
    }
}

impl Answer for Rotated {
    fn text(&self, out: &mut dyn fmt::Write, _: Paint) -> fmt::Result {
        writeln!(
            out,
            "key `{}` of `{}` is the primary now; kept for opening: {}",
            self.primary,
            self.key_file,
            list(&self.kept)
        )
    }
}
