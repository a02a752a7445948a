//! The audit, as callers see it.

use std::collections::{BTreeMap, BTreeSet};

use lockstep_step::{Caller, WorkspaceName};
use lockstep_store::{AuditChain, AuditEntry, AuditFilter, AuditHead, AuditReport, Refusal};
use lockstep_vault::{AdminPermit, KeyPermit};

use crate::error::ManageError;
use crate::runner::Runner;

impl Runner {
    /// Entries of a workspace's chain. It may be one that is gone, as its chain is there still.
    ///
    /// # Errors
    /// [`ManageError::Forbidden`], [`ManageError::Store`].
    pub async fn audit(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        filter: &AuditFilter,
    ) -> Result<Vec<AuditEntry>, ManageError> {
        let permit = AdminPermit::check(caller, workspace)?;
        Ok(self.store().audit(&permit, filter).await?)
    }

    /// Tells in the audit that calls were refused, and gives back what could not be written, which the log says. One chain
    /// that takes no more does not keep the others from being written.
    #[must_use = "what was not written is to be tried again"]
    pub async fn tell_refused(&self, refusals: Vec<Refusal>) -> Vec<Refusal> {
        let mut by_chain: BTreeMap<AuditChain, Vec<Refusal>> = BTreeMap::new();
        for refusal in refusals {
            let chain = refusal.what.chain();
            by_chain.entry(chain).or_default().push(refusal);
        }
        let mut unwritten = Vec::new();
        for (chain, refusals) in by_chain {
            let told = self.store().tell_refused(&chain, refusals.clone()).await;
            if let Err(error) = told {
                tracing::error!(%chain, "calls were refused, and the audit does not tell it yet: {error}");
                unwritten.extend(refusals);
            }
        }
        unwritten
    }

    /// Entries of the host's own chain: workspaces that came and went, key-encryption keys, and tokens that let nobody in.
    ///
    /// # Errors
    /// [`ManageError::Forbidden`], [`ManageError::Store`].
    pub async fn host_audit(
        &self,
        caller: &Caller,
        filter: &AuditFilter,
    ) -> Result<Vec<AuditEntry>, ManageError> {
        let permit = KeyPermit::check(caller)?;
        Ok(self.store().host_audit(&permit, filter).await?)
    }

    /// Where each chain ends. Kept elsewhere, it tells later what the database alone cannot: that all of it was put back
    /// to an older state.
    ///
    /// # Errors
    /// [`ManageError::Forbidden`], [`ManageError::Store`].
    pub async fn audit_heads(&self, caller: &Caller) -> Result<Vec<AuditHead>, ManageError> {
        let permit = KeyPermit::check(caller)?;
        Ok(self.store().audit_heads(&permit).await?)
    }

    /// Checks `only` this chain, or all that there are or that were `exported`.
    ///
    /// # Errors
    /// [`ManageError::Forbidden`], [`ManageError::Store`]. What is wrong with a chain is in its report.
    pub async fn verify_audit(
        &self,
        caller: &Caller,
        only: Option<&AuditChain>,
        exported: &[AuditHead],
    ) -> Result<Vec<AuditReport>, ManageError> {
        let permit = KeyPermit::check(caller)?;
        let mut chains: BTreeSet<AuditChain> = match only {
            Some(chain) => BTreeSet::from([chain.clone()]),
            None => self
                .store()
                .audit_chains(&permit)
                .await?
                .into_iter()
                .collect(),
        };
        if only.is_none() {
            chains.extend(exported.iter().map(|head| head.chain.clone()));
        }
        let mut reports = Vec::new();
        for chain in chains {
            let report = self.store().verify_audit(&permit, &chain, exported).await?;
            reports.push(report);
        }
        Ok(reports)
    }
}
