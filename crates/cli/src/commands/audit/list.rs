//! `lockstep audit list`.

use std::fmt;

use serde::Serialize;

use lockstep_runner::{AuditChain, AuditEntry, AuditFilter, AuditFrom};

use super::ListArguments;
use crate::backend::Backend;
use crate::commands::show::time;
use crate::config::Config;
use crate::console::{Answer, Console, Paint};
use crate::host::Keys;
use crate::problem::{Exit, Problem};
use crate::table::Table;

#[derive(Serialize)]
struct Entries {
    chain: AuditChain,
    entries: Vec<AuditEntry>,
}

pub(super) async fn carry_out(
    arguments: ListArguments,
    config: &Config,
    console: &Console,
) -> Result<Exit, Problem> {
    let backend = Backend::open(config, Keys::Unused, console).await?;
    let chain = arguments.place.chain();
    let filter = AuditFilter {
        key: arguments.key,
        run: arguments.run,
        workflow: arguments.workflow,
        actor: arguments.actor,
        action: arguments.action,
        since: arguments.since,
        until: arguments.until,
        from: arguments
            .before
            .map_or(AuditFrom::Latest, AuditFrom::Before),
        limit: arguments.limit,
    };
    let entries = backend.audit(&chain, &filter).await?;
    if entries.is_empty() {
        console.note("there are no entries");
    }
    console.show(&Entries { chain, entries })?;
    Ok(Exit::Completed)
}

impl Answer for Entries {
    fn text(&self, out: &mut dyn fmt::Write, _: Paint) -> fmt::Result {
        if self.entries.is_empty() {
            return Ok(());
        }
        let mut table = Table::new(["ENTRY", "AT", "ACTOR", "ACTION", "WHAT"]);
        for entry in &self.entries {
            table.row([
                entry.sequence.to_string(),
                time(entry.at),
                entry.actor.clone(),
                entry.action.clone(),
                what(entry),
            ]);
        }
        write!(out, "{table}")
    }
}

/// What it was about, in words.
fn what(entry: &AuditEntry) -> String {
    let mut words = Vec::new();
    let mut word = |text: &Option<String>, before: &str| {
        if let Some(text) = text {
            words.push(format!("{before}{text}"));
        }
    };
    let key = match (&entry.key, entry.version) {
        (Some(key), Some(version)) => Some(format!("{key} version {version}")),
        (key, _) => key.clone(),
    };
    word(&key, "");
    word(&entry.mode, "");
    word(&entry.host, "for ");
    word(&entry.target, "");
    word(&entry.detail, "");
    word(&entry.workflow, "workflow ");
    word(&entry.step, "step ");
    word(&entry.run, "run ");
    words.join(", ")
}
