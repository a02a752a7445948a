//! The audit.

use lockstep_client::{AuditFilter as ClientFilter, AuditFrom as ClientFrom};
use lockstep_runner::{AuditChain, AuditEntry, AuditFilter, AuditFrom};

use super::answers::audit_entry;
use super::{Backend, only_at_the_machine};
use crate::problem::Problem;

impl Backend {
    /// Entries of a chain. The host's own is no business of a token, which is for one workspace.
    pub(crate) async fn audit(
        &self,
        chain: &AuditChain,
        filter: &AuditFilter,
    ) -> Result<Vec<AuditEntry>, Problem> {
        match (self, chain) {
            (Self::Here(host), AuditChain::Host) => {
                Ok(host.runner.host_audit(&host.caller, filter).await?)
            }
            (Self::Here(host), AuditChain::Workspace(name)) => {
                Ok(host.runner.audit(&host.caller, name, filter).await?)
            }
            (Self::There(_), AuditChain::Host) => {
                Err(only_at_the_machine("reading the host's own chain"))
            }
            (Self::There(client), AuditChain::Workspace(name)) => {
                let (asked, from) = (asked(filter), from(filter.from));
                let entries = client.audit(name, &asked, from, filter.limit).await?;
                Ok(entries.into_iter().map(audit_entry).collect())
            }
        }
    }
}

fn asked(filter: &AuditFilter) -> ClientFilter {
    ClientFilter {
        key: filter.key.clone(),
        run: filter.run,
        workflow: filter.workflow.clone(),
        actor: filter.actor.clone(),
        action: filter.action.map(|action| action.as_str().to_owned()),
        since: filter.since,
        until: filter.until,
    }
}

fn from(from: AuditFrom) -> ClientFrom {
    match from {
        AuditFrom::Latest => ClientFrom::Latest,
        AuditFrom::Before(before) => ClientFrom::Before(before),
        AuditFrom::After(after) => ClientFrom::After(after),
    }
}
