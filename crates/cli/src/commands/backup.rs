//! `lockstep backup`: a copy of the database while it is in use.

mod elsewhere;

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use lockstep_store::{BackupContents, BackupError, IfThere, SqliteStore, Store as _};

use super::show::list;
use crate::config::Config;
use crate::console::{Answer, Console, Paint};
use crate::copying::watch;
use crate::host::vault_at_hand;
use crate::problem::{Exit, Problem};
use crate::quantity::in_words;

#[derive(Args, Debug)]
#[command(after_help = "\
The backup holds workspaces, credentials, steps and the record of runs, and opens no credential without the key.
It does not hold the key, which it is sealed with if it is at hand: keep a copy of that in another place. Compiled code is not in it; it is made again.
Through a server it takes an admin token of the workspace `default`, and the file is written here.")]
pub(crate) struct BackupArguments {
    /// Where to write it, outside of the data directory. It is there when it is complete and checked.
    file: PathBuf,
    /// Replace a file that is there.
    #[arg(long)]
    force: bool,
}

#[derive(Serialize)]
struct BackedUp {
    file: PathBuf,
    /// Whether it has the seal of the host, without which no server restores it.
    sealed: bool,
    #[serde(flatten)]
    contents: ContentFields,
}

/// What a backup holds.
#[derive(Serialize)]
pub(super) struct ContentFields {
    bytes: u64,
    schema: u32,
    /// The key-encryption keys that open its credentials.
    keys: Vec<String>,
    workspaces: u64,
    workflows: u64,
    credentials: u64,
    steps: u64,
    runs: u64,
    open_runs: u64,
}

pub(crate) async fn carry_out(
    arguments: BackupArguments,
    config: &Config,
    console: &Console,
) -> Result<Exit, Problem> {
    let BackupArguments { file, force } = arguments;
    if file == Path::new("-") {
        return Err(Problem::usage("a backup is not written to stdout")
            .hint("name a file: when it is there, it is complete and checked"));
    }
    let if_there = if_there(force);
    let contents = match &config.server {
        Some(server) => {
            let client = server.client()?;
            elsewhere::back_up(&client, &file, if_there, console).await?
        }
        None => back_up(&file, if_there, config, console).await?,
    };
    let sealed = contents.is_sealed;
    let contents = contents.into();
    console.show(&BackedUp {
        file,
        sealed,
        contents,
    })?;
    if !sealed {
        console.note("no key was at hand to seal it with: it is restored on the machine of a host, and through no server");
    }
    Ok(Exit::Completed)
}

async fn back_up(
    file: &Path,
    if_there: IfThere,
    config: &Config,
    console: &Console,
) -> Result<BackupContents, Problem> {
    if !SqliteStore::is_in(&config.data) {
        let data = config.data.display();
        return Err(Problem::new(
            Exit::Usage,
            "not_found",
            format!("`{data}` holds no database"),
        )
        .hint("name the data directory with `--data`"));
    }
    let store = SqliteStore::open(&config.data, Timestamp::now())?;
    if let Some(vault) = vault_at_hand(config, &store, console).await {
        store.seal_heads(Arc::new(vault));
    }
    let copied = watch("backing up", console, async |report| {
        store.back_up(file, if_there, report).await
    });
    Ok(copied.await??)
}

/// What `--force` says.
pub(super) fn if_there(force: bool) -> IfThere {
    if force {
        IfThere::Replace
    } else {
        IfThere::Refuse
    }
}

impl From<BackupContents> for ContentFields {
    fn from(contents: BackupContents) -> Self {
        Self {
            bytes: contents.bytes,
            schema: contents.schema,
            keys: contents.keks.iter().map(ToString::to_string).collect(),
            workspaces: contents.workspaces,
            workflows: contents.workflows,
            credentials: contents.credentials,
            steps: contents.steps,
            runs: contents.runs,
            open_runs: contents.open_runs,
        }
    }
}

impl From<lockstep_client::BackupContents> for ContentFields {
    fn from(contents: lockstep_client::BackupContents) -> Self {
        Self {
            bytes: contents.bytes,
            schema: contents.schema,
            keys: contents.keys,
            workspaces: contents.workspaces,
            workflows: contents.workflows,
            credentials: contents.credentials,
            steps: contents.steps,
            runs: contents.runs,
            open_runs: contents.open_runs,
        }
    }
}

impl From<BackupError> for Problem {
    fn from(error: BackupError) -> Self {
        let of_the_call = |code| Self::new(Exit::Usage, code, error.to_string());
        match &error {
            BackupError::Exists { path } if path.is_dir() => {
                of_the_call("already_exists").hint("it is a directory: name a file in it")
            }
            BackupError::Exists { .. } => {
                of_the_call("already_exists").hint("`--force` replaces it")
            }
            BackupError::InDataDirectory { .. } => of_the_call("in_data_directory")
                .hint("a backup in there is lost with the database: name another directory"),
            BackupError::Target { source, .. } => {
                let hint = match source.kind() {
                    ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "make room on its disk",
                    _ => "check the path and its permissions, or name another file",
                };
                of_the_call("unwritable").because(Some(source)).hint(hint)
            }
            BackupError::Damaged { .. } => Self::host("database", &error)
                .hint("no backup was made; restore an earlier one with `lockstep restore`"),
            BackupError::NewerSchema { .. } => of_the_call("newer_schema"),
            BackupError::BrokenOff => Self::new(
                Exit::NotCompleted,
                "interrupted",
                "interrupted: no backup was made",
            ),
            BackupError::Store(error) => error.into(),
        }
    }
}

impl fmt::Display for ContentFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let some = |count: u64, what: &str| {
            let s = if count == 1 { "" } else { "s" };
            format!("{count} {what}{s}")
        };
        let parts = [
            some(self.workspaces, "workspace"),
            some(self.workflows, "workflow"),
            some(self.credentials, "credential"),
            some(self.steps, "step"),
            some(self.runs, "run"),
        ];
        let size = in_words(self.bytes);
        write!(f, "{}; {size}, schema {}", parts.join(", "), self.schema)
    }
}

impl ContentFields {
    pub(super) fn keys(&self) -> &[String] {
        &self.keys
    }

    pub(super) fn open_runs(&self) -> u64 {
        self.open_runs
    }

    /// The keys that it needs, as part of a sentence.
    pub(super) fn keys_in_words(&self) -> String {
        let names = self.keys.iter().map(|key| format!("`{key}`"));
        let word = if self.keys.len() == 1 { "key" } else { "keys" };
        format!("{word} {}", list(names))
    }
}

impl Answer for BackedUp {
    fn text(&self, out: &mut dyn fmt::Write, _: Paint) -> fmt::Result {
        let Self { file, contents, .. } = self;
        writeln!(out, "backed up into `{}`: {contents}", file.display())?;
        if contents.keys().is_empty() {
            return writeln!(
                out,
                "it holds no credentials, so no key is needed to use it"
            );
        }
        let keys = contents.keys_in_words();
        writeln!(
            out,
            "its credentials open with {keys} only; the backup holds no key, so keep a copy of it elsewhere"
        )
    }
}
