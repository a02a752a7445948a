//! The audit, as callers see it.

use std::collections::BTreeSet;

use lockstep_step::{Caller, WorkspaceName};
use lockstep_store::{AuditChain, AuditEntry, AuditFilter, AuditHead, AuditReport};
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

    /// Entries of the host's own chain: workspaces that came and went, and key-encryption keys.
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
