//! `lockstep audit export`.

use std::ops::ControlFlow;

use lockstep_runner::{AuditChain, AuditFilter, AuditFrom};

use crate::backend::Backend;
use crate::config::Config;
use crate::console::Console;
use crate::host::Keys;
use crate::problem::{Exit, Problem};

/// Entries that are read at once.
const PAGE: u32 = 1_000;

pub(super) async fn carry_out(
    chain: &AuditChain,
    mut after: u64,
    config: &Config,
    console: &Console,
) -> Result<Exit, Problem> {
    let backend = Backend::open(config, Keys::Unused, console).await?;
    loop {
        let filter = AuditFilter {
            from: AuditFrom::After(after),
            limit: PAGE,
            ..AuditFilter::all()
        };
        let page = backend.audit(chain, &filter).await?;
        let Some(last) = page.last() else {
            return Ok(Exit::Completed);
        };
        after = last.sequence;
        let mut lines = Vec::new();
        for entry in &page {
            serde_json::to_writer(&mut lines, entry).map_err(std::io::Error::other)?;
            lines.push(b'\n');
        }
        if let ControlFlow::Break(()) = console.pass_on(&lines)? {
            return Ok(Exit::Completed);
        }
    }
}
