//! `lockstep audit head`.

use std::fmt;

use serde::{Deserialize, Serialize};

use lockstep_runner::AuditHead;

use super::needs_the_database;
use crate::config::Config;
use crate::console::{Answer, Console, Paint};
use crate::host::{Host, Keys};
use crate::problem::{Exit, Problem};
use crate::table::Table;

/// What is shown, and what `verify --heads` reads.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Heads {
    pub(super) heads: Vec<AuditHead>,
}

pub(super) async fn carry_out(config: &Config, console: &Console) -> Result<Exit, Problem> {
    if config.server.is_some() {
        return Err(needs_the_database("showing where all chains end"));
    }
    let Host { runner, caller } = Host::open(config, Keys::Unused, console).await?;
    let heads = runner.audit_heads(&caller).await?;
    console.show(&Heads { heads })?;
    Ok(Exit::Completed)
}

impl Answer for Heads {
    fn text(&self, out: &mut dyn fmt::Write, _: Paint) -> fmt::Result {
        let mut table = Table::new(["CHAIN", "ENTRIES", "SEALED UP TO", "HASH"]);
        for head in &self.heads {
            table.row([
                head.chain.to_string(),
                head.sequence.to_string(),
                head.sealed_sequence
                    .map_or_else(|| "-".to_owned(), |sequence| sequence.to_string()),
                head.hash.to_string(),
            ]);
        }
        write!(out, "{table}")
    }
}
