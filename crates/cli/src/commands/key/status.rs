//! `lockstep key status`.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use lockstep_runner::{KeyEntry, KeyState, KeysFrom};

use crate::backend::{Backend, HostKeys};
use crate::commands::show::time;
use crate::config::Config;
use crate::console::{Answer, Console, Paint};
use crate::host::Keys;
use crate::problem::{Exit, Problem};
use crate::table::Table;

#[derive(Serialize)]
struct Status {
    /// Whether they are those of a server.
    #[serde(skip)]
    of_server: bool,
    /// Where the keys come from: `key_file` or `environment`, or null if none is at hand.
    source: Option<&'static str>,
    /// The path of the key file, or null for `LOCKSTEP_KEY`; null of a server, too, which does not tell where its own is.
    key_file: Option<String>,
    primary: Option<String>,
    keys: Vec<Key>,
    /// Keys of workspaces that the primary wraps, and those that others do.
    records_under_primary: u64,
    records_under_others: u64,
    /// Why no key is at hand.
    problem: Option<String>,
    /// What to do next.
    hint: Option<String>,
}

#[derive(Serialize)]
struct Key {
    id: String,
    /// `primary`, `opens`, `unused`, `unknown` or `retired`.
    state: &'static str,
    on_ring: bool,
    records: u64,
    first_seen: Option<Timestamp>,
    retired_at: Option<Timestamp>,
    retired_by: Option<String>,
}

/// Fails, after it has told everything, if something that is sealed cannot be opened.
pub(super) async fn carry_out(config: &Config, console: &Console) -> Result<Exit, Problem> {
    let backend = Backend::open(config, Keys::Shown, console).await?;
    let overview = backend.keys().await?;
    let is_locked = |key: &KeyEntry| key.state == KeyState::Unknown && key.records > 0;
    let exit = if overview.keys.iter().any(is_locked) {
        Exit::NotCompleted
    } else {
        Exit::Completed
    };
    console.show(&Status::new(&overview, config))?;
    Ok(exit)
}

// === impl Status ===

impl Status {
    fn new(overview: &HostKeys, config: &Config) -> Self {
        let primary = overview.keys.first().filter(|key| key.on_ring);
        let records_under_primary = primary.map_or(0, |key| key.records);
        let records: u64 = overview.keys.iter().map(|key| key.records).sum();
        let of_server = config.server.is_some();
        let key_file = config.key_file().filter(|_| !of_server);
        Self {
            of_server,
            source: overview.source.map(KeysFrom::as_str),
            key_file: key_file.map(|path| path.display().to_string()),
            primary: primary.map(|key| key.id.to_string()),
            keys: overview.keys.iter().map(Key::from).collect(),
            records_under_primary,
            records_under_others: records - records_under_primary,
            // Without a key file and without anything sealed there is nothing to mend.
            problem: overview
                .locked
                .as_ref()
                .filter(|_| records > 0)
                .map(|locked| locked.message.clone()),
            hint: hint(overview, records),
        }
    }
}

/// The next step, if there is one.
fn hint(overview: &HostKeys, records: u64) -> Option<String> {
    let keys = &overview.keys;
    let first = |state, wraps: bool| {
        let mut keys = keys.iter();
        keys.find(|key| key.state == state && (key.records > 0) == wraps)
    };
    if let Some(locked) = &overview.locked {
        let absent = "the first credential that is set makes the key".to_owned();
        return Some(if records == 0 {
            absent
        } else {
            locked.hint.clone()
        });
    }
    if let Some(key) = keys.first().filter(|key| key.state == KeyState::Retired) {
        let id = key.id;
        return Some(format!(
            "the primary `{id}` was retired: give the key file that was in use since, or run `lockstep key rotate`"
        ));
    }
    if let Some(key) = first(KeyState::Unknown, true) {
        let (id, records) = (key.id, key.records);
        return Some(format!(
            "put key `{id}` back on the ring, from your copy: without it the credentials of {records} workspaces cannot be opened"
        ));
    }
    if first(KeyState::Opens, true).is_some() {
        return Some(
            "`lockstep key rewrap` wraps with the primary what other keys wrap".to_owned(),
        );
    }
    let left = keys.iter().find(|key| match key.state {
        KeyState::Unused => true,
        KeyState::Retired => key.on_ring,
        KeyState::Primary | KeyState::Opens | KeyState::Unknown => false,
    })?;
    Some(format!(
        "nothing needs key `{0}`: `lockstep key retire {0}` takes it off",
        left.id
    ))
}

impl From<&KeyEntry> for Key {
    fn from(entry: &KeyEntry) -> Self {
        Self {
            id: entry.id.to_string(),
            state: entry.state.as_str(),
            on_ring: entry.on_ring,
            records: entry.records,
            first_seen: entry.first_seen,
            retired_at: entry.retired_at,
            retired_by: entry.retired_by.clone(),
        }
    }
}

impl Answer for Status {
    fn text(&self, out: &mut dyn fmt::Write, _: Paint) -> fmt::Result {
        match (self.of_server, &self.key_file, self.source) {
            (false, Some(path), _) => writeln!(out, "keys from `{path}`")?,
            (false, None, _) => writeln!(out, "keys from `LOCKSTEP_KEY`")?,
            (true, _, Some("environment")) => {
                writeln!(out, "keys of the server, from its `LOCKSTEP_KEY`")?;
            }
            (true, _, Some(_)) => writeln!(out, "keys of the server, from its key file")?,
            (true, _, None) => writeln!(out, "keys of the server")?,
        }
        if !self.keys.is_empty() {
            let mut table = Table::new(["KEY", "STATE", "RECORDS", "FIRST SEEN", "RETIRED"]);
            for key in &self.keys {
                table.row([
                    key.id.clone(),
                    key.state.to_owned(),
                    key.records.to_string(),
                    key.first_seen.map_or("-".to_owned(), time),
                    key.retired_at.map_or("-".to_owned(), time),
                ]);
            }
            write!(out, "{table}")?;
        }
        let all = self.records_under_primary + self.records_under_others;
        if self.records_under_others > 0 {
            writeln!(
                out,
                "the primary wraps {} of {all} records",
                self.records_under_primary
            )?;
        }
        if let Some(problem) = &self.problem {
            writeln!(out, "the credentials are locked: {problem}")?;
        }
        match &self.hint {
            Some(hint) => writeln!(out, "next: {hint}"),
            None => Ok(()),
        }
    }
}
