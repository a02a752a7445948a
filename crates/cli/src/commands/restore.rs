//! `lockstep restore`: a backup, put in the place of the database.

mod elsewhere;

use std::fmt;
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use lockstep_store::{RestoreError, RestoreStamp, Restored, SqliteStore};
use lockstep_vault::IfAbsent;

use super::backup::{ContentFields, if_there};
use crate::config::Config;
use crate::console::{Answer, Console, Paint};
use crate::copying::{Report, watch};
use crate::host::{keyring, sealed_under};
use crate::problem::{Exit, Problem};

#[derive(Args, Debug)]
#[command(after_help = "\
The backup is checked before anything is touched. Nobody may have the database open meanwhile.
Who is interrupted, or killed, has the old database or the restored one.
Through a server it takes an admin token of the workspace `default`, `--force`, and a backup that is sealed with a key of it: the server ends its runs as when it is
told to end, puts the backup in place, and goes on. From then on the tokens are those of the backup.")]
pub(crate) struct RestoreArguments {
    /// What `lockstep backup` wrote.
    file: PathBuf,
    /// Replace the database that is there. It is kept in the data directory under another name, which is told.
    #[arg(long)]
    force: bool,
}

#[derive(Serialize)]
struct Answered {
    file: PathBuf,
    /// The data directory; null for that of a server.
    data: Option<PathBuf>,
    /// The server, if it was restored there.
    server: Option<String>,
    #[serde(flatten)]
    contents: ContentFields,
    /// Where the database is that was there before; of a server, its name in the data directory of the host.
    replaced: Option<PathBuf>,
    key: KeyState,
    /// Why the credentials cannot be opened.
    locked: Option<String>,
}

/// What the key at hand is to the credentials.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum KeyState {
    /// There is nothing to open.
    NotNeeded,
    /// It opens them.
    Opens,
    /// It does not.
    Locked,
}

pub(crate) async fn carry_out(
    arguments: RestoreArguments,
    config: &Config,
    console: &Console,
) -> Result<Exit, Problem> {
    let RestoreArguments { file, force } = arguments;
    if let Some(server) = &config.server {
        return elsewhere::restore(file, server, force, console).await;
    }
    let Restored { contents, replaced } = put_in_place(&file, force, config, console).await?;
    // From here on it is restored. Opening it marks the runs that were open in the backup.
    let store = SqliteStore::open(&config.data, Timestamp::now())?;
    let sealed_under = sealed_under(&store)
        .await
        .map_err(|error| Problem::from(&error))?;
    let (key, reason) = if sealed_under.is_empty() {
        (KeyState::NotNeeded, None)
    } else {
        match keyring(config, IfAbsent::Refuse, &sealed_under, console) {
            Ok(_) => (KeyState::Opens, None),
            Err(reason) => (KeyState::Locked, Some(reason)),
        }
    };
    console.show(&Answered {
        file,
        data: Some(config.data.clone()),
        server: None,
        contents: contents.into(),
        replaced,
        key,
        locked: reason.as_ref().map(ToString::to_string),
    })?;
    if let Some(reason) = reason {
        console.warn(&format!("the credentials are locked: {reason}"));
        console.hint(reason.hint());
    }
    Ok(Exit::Completed)
}

async fn put_in_place(
    file: &Path,
    force: bool,
    config: &Config,
    console: &Console,
) -> Result<Restored, Problem> {
    let restore = async |mut report: Report| {
        let (file, data, by) = (file.to_owned(), config.data.clone(), config.caller.clone());
        let if_there = if_there(force);
        let restoring = tokio::task::spawn_blocking(move || {
            let at = Timestamp::now();
            let stamp = RestoreStamp { at, by: &by };
            SqliteStore::restore(&file, &data, if_there, stamp, &mut *report)
        });
        restoring.await
    };
    let restored = watch("restoring", console, restore).await?;
    Ok(restored.map_err(|error| Problem::host("internal", &error))??)
}

impl From<RestoreError> for Problem {
    fn from(error: RestoreError) -> Self {
        let of_the_call = |code| Self::new(Exit::Usage, code, error.to_string());
        match error {
            RestoreError::File { ref source, .. } => {
                of_the_call("unreadable").because(Some(source))
            }
            RestoreError::Foreign { .. } | RestoreError::Damaged { .. } => {
                of_the_call("invalid_backup").hint("nothing was changed; name another backup")
            }
            RestoreError::NewerSchema { .. } => of_the_call("invalid_backup"),
            RestoreError::Incomplete { ref path, .. } => {
                let directory = path.parent().unwrap_or(path).display();
                of_the_call("invalid_backup").hint(format!(
                    "make a backup of it: `lockstep --data {directory} backup FILE`"
                ))
            }
            RestoreError::Exists { .. } => of_the_call("already_exists").hint(
                "`--force` replaces it, and keeps it under another name; or name another place with `--data`",
            ),
            RestoreError::Unsealed(_) => of_the_call("backup_not_sealed"),
            RestoreError::NoRoom { .. } => of_the_call("no_room"),
            RestoreError::InUse { .. } => {
                of_the_call("in_use").hint("end what uses it, and try again")
            }
            RestoreError::BrokenOff => Self::new(
                Exit::NotCompleted,
                "interrupted",
                "interrupted: nothing was changed",
            ),
            RestoreError::Store(error) => error.into(),
        }
    }
}

impl Answer for Answered {
    fn text(&self, out: &mut dyn fmt::Write, _: Paint) -> fmt::Result {
        let (file, contents) = (self.file.display(), &self.contents);
        match (&self.data, &self.server) {
            (Some(data), _) => {
                let data = data.display();
                writeln!(out, "restored `{file}` into `{data}`: {contents}")?;
            }
            (None, Some(server)) => writeln!(out, "restored `{file}` at `{server}`: {contents}")?,
            (None, None) => writeln!(out, "restored `{file}`: {contents}")?,
        }
        if let Some(replaced) = &self.replaced {
            let path = replaced.display();
            let place = match &self.server {
                Some(_) => " in the data directory of the host",
                None => "",
            };
            writeln!(
                out,
                "what was there is kept as `{path}`{place}; remove it when you do not need it"
            )?;
        }
        match self.contents.open_runs() {
            0 => {}
            1 => writeln!(out, "1 run was open in the backup, and is marked as lost")?,
            open => writeln!(
                out,
                "{open} runs were open in the backup, and are marked as lost"
            )?,
        }
        let keys = self.contents.keys_in_words();
        match self.key {
            KeyState::NotNeeded => writeln!(out, "it holds no credentials"),
            KeyState::Opens => writeln!(out, "its credentials need {keys}: at hand"),
            KeyState::Locked => writeln!(out, "its credentials need {keys}: not at hand"),
        }
    }
}
