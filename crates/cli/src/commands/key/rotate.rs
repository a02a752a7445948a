//! `lockstep key rotate`.

use std::fmt;

use serde::Serialize;

use lockstep_runner::{KeyRotated, NewKeyFile};

use super::RotateArguments;
use crate::backend::Backend;
use crate::commands::show::list;
use crate::config::{Config, KeySource};
use crate::console::{Answer, Console, Paint};
use crate::host::Keys;
use crate::problem::{Exit, Problem};

#[derive(Serialize)]
struct Rotated {
    primary: String,
    /// The keys that still open.
    kept: Vec<String>,
    /// The key file that has them all; null of a server, which does not tell where its own is.
    key_file: Option<String>,
    /// How many records the other keys wrap.
    records_to_rewrap: u64,
}

pub(super) async fn carry_out(
    arguments: RotateArguments,
    config: &Config,
    console: &Console,
) -> Result<Exit, Problem> {
    let key_file = key_file(&arguments, config)?;
    let into = arguments.to_file.map(|path| NewKeyFile {
        path,
        data: config.data.clone(),
    });
    let is_new_file = into.is_some();
    let backend = Backend::open(config, Keys::Managed, console).await?;
    let KeyRotated {
        primary,
        kept,
        records_to_rewrap,
    } = backend.rotate_key(into).await?;
    console.show(&Rotated {
        primary: primary.to_string(),
        kept: kept.iter().map(ToString::to_string).collect(),
        key_file: key_file.clone(),
        records_to_rewrap,
    })?;
    let file = match &key_file {
        Some(path) => format!("copy `{path}` to a safe place"),
        None => {
            "on the machine of the host, copy the key file of the server to a safe place".to_owned()
        }
    };
    console.note(&format!(
        "{file}: without `{primary}`, what is wrapped from now on cannot be opened"
    ));
    match key_file.filter(|_| is_new_file) {
        Some(path) => console.hint(&format!(
            "from now on give `--key-file {path}` (`LOCKSTEP_KEY_FILE`), and `LOCKSTEP_KEY` no more"
        )),
        None if records_to_rewrap > 0 => {
            console.hint("`lockstep key rewrap` wraps the old records with the new key");
        }
        None => {}
    }
    Ok(Exit::Completed)
}

/// The key file that is to have the new key; `None` for that of a server.
fn key_file(arguments: &RotateArguments, config: &Config) -> Result<Option<String>, Problem> {
    if config.server.is_some() {
        return Ok(None);
    }
    match (&config.key, &arguments.to_file) {
        (_, Some(path)) | (KeySource::File(path), None) => Ok(Some(path.display().to_string())),
        (KeySource::Text(_), None) => Err(in_the_environment()),
    }
}

fn in_the_environment() -> Problem {
    let message = "the keys come from `LOCKSTEP_KEY`, which cannot be changed from here";
    Problem::new(Exit::Usage, "key_in_environment", message).hint(
        "`lockstep key rotate --to-file PATH` writes them with a new one to a key file of mode 0600; \
         then use `--key-file PATH`, or put its text into `LOCKSTEP_KEY`",
    )
}

impl Answer for Rotated {
    fn text(&self, out: &mut dyn fmt::Write, _: Paint) -> fmt::Result {
        let (primary, kept) = (&self.primary, list(&self.kept));
        match &self.key_file {
            Some(path) => write!(out, "key `{primary}` of `{path}`")?,
            None => write!(out, "key `{primary}` of the server")?,
        }
        writeln!(out, " is the primary now; kept for opening: {kept}")
    }
}
