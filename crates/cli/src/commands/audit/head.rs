//! `lockstep audit head`.

use std::fmt;

use serde::{Deserialize, Serialize};

use lockstep_runner::AuditHead;

use super::ChainsArguments;
use crate::backend::Backend;
use crate::config::Config;
use crate::console::{Answer, Console, Paint};
use crate::host::Keys;
use crate::problem::{Exit, Problem};
use crate::table::Table;

/// What is shown, and what `verify --heads` reads.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Heads {
    pub(super) heads: Vec<AuditHead>,
}

pub(super) async fn carry_out(
    chains: ChainsArguments,
    config: &Config,
    console: &Console,
) -> Result<Exit, Problem> {
    let backend = Backend::open(config, Keys::Unused, console).await?;
    let heads = backend.audit_heads(chains.workspace.as_ref()).await?;
    if heads.is_empty() {
        console.note("there is no such chain");
    }
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
