//! The audit.

use lockstep_client::{AuditFilter as ClientFilter, AuditFrom as ClientFrom, Client};
use lockstep_runner::{AuditChain, AuditEntry, AuditFilter, AuditFrom, AuditHead};
use lockstep_step::WorkspaceName;

use super::answers::{audit_chain, audit_entry, audit_head, checked_chains, client_head};
use super::{Backend, CheckedChain};
use crate::problem::Problem;

impl Backend {
    /// Entries of a chain.
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
            (Self::There(client), chain) => {
                let (asked, from) = (asked(filter), from(filter.from));
                let chain = audit_chain(chain);
                let entries = client.audit(&chain, &asked, from, filter.limit).await?;
                Ok(entries.into_iter().map(audit_entry).collect())
            }
        }
    }

    /// Where chains end: that of `only` this workspace, or all that there are; of a server, those that the token is for.
    pub(crate) async fn audit_heads(
        &self,
        only: Option<&WorkspaceName>,
    ) -> Result<Vec<AuditHead>, Problem> {
        match (self, only) {
            (Self::Here(host), None) => Ok(host.runner.audit_heads(&host.caller).await?),
            (Self::Here(host), Some(name)) => {
                let head = host.runner.audit_head(&host.caller, name).await?;
                Ok(head.into_iter().collect())
            }
            (Self::There(client), only) => {
                let heads = match reach(client, only).await? {
                    None => client.audit_heads().await?,
                    Some(name) => client.audit_head(&name).await?,
                };
                Ok(heads.into_iter().map(audit_head).collect())
            }
        }
    }

    /// Checks chains: those of which [`Backend::audit_heads`] tells where they end, and all of which one was kept.
    pub(crate) async fn verify_audit(
        &self,
        only: Option<&WorkspaceName>,
        kept: Vec<AuditHead>,
    ) -> Result<Vec<CheckedChain>, Problem> {
        match (self, only) {
            (Self::Here(host), None) => {
                let reports = host.runner.verify_all_audits(&host.caller, kept).await?;
                Ok(reports.into_iter().map(CheckedChain::from).collect())
            }
            (Self::Here(host), Some(name)) => {
                let report = host.runner.verify_audit(&host.caller, name, &kept).await?;
                Ok(vec![report.into()])
            }
            (Self::There(client), only) => {
                let only = reach(client, only).await?;
                let kept = kept.iter().map(client_head);
                let verified = match &only {
                    None => client.verify_all_audits(&kept.collect::<Vec<_>>()).await?,
                    Some(name) => {
                        let chain = lockstep_client::AuditChain::Workspace(name.clone());
                        let kept: Vec<_> = kept.filter(|head| head.chain == chain).collect();
                        client.verify_audit(name, &kept).await?
                    }
                };
                checked_chains(verified, only.as_ref())
            }
        }
    }
}

/// Which chains are asked for of a server: that of `only` this workspace; if none is named, all of them (`None`) where the
/// token speaks for the host, and otherwise that of the token's workspace.
async fn reach(
    client: &Client,
    only: Option<&WorkspaceName>,
) -> Result<Option<WorkspaceName>, Problem> {
    if let Some(name) = only {
        return Ok(Some(name.clone()));
    }
    let who = client.whoami().await?;
    Ok((!who.speaks_for_host()).then_some(who.workspace))
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
