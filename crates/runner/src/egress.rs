//! Where the requests of a workflow may go.

use jiff::Timestamp;

use lockstep_sandbox::{Examined, Explanation, Finding, Question};
use lockstep_step::{
    Caller, CredentialKey, Expiry, Handling, MAX_RULES, Sealing, SealingPolicy, WorkflowEgress,
    WorkflowName, WorkspaceName,
};
use lockstep_vault::{AdminPermit, ViewPermit};

use crate::credentials::EffectiveCredential;
use crate::error::ManageError;
use crate::runner::Runner;

/// A request that somebody asks about.
#[derive(Clone, Copy, Debug)]
pub struct RequestQuestion<'a> {
    /// Its method.
    pub method: &'a str,
    /// Its URL.
    pub url: &'a str,
    /// The credential that would be in it.
    pub key: Option<&'a CredentialKey>,
}

impl Runner {
    /// Sets where the requests of a workflow may go. [`Runner::workflows`] tells it.
    ///
    /// # Errors
    /// [`ManageError::NotFound`], [`ManageError::Forbidden`], [`ManageError::TooManyRules`].
    pub async fn set_egress(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        workflow: &WorkflowName,
        egress: &WorkflowEgress,
    ) -> Result<(), ManageError> {
        let permit = AdminPermit::check(caller, workspace)?;
        if let WorkflowEgress::Only(rules) = egress
            && rules.len() > MAX_RULES
        {
            return Err(ManageError::TooManyRules {
                given: rules.len(),
                limit: MAX_RULES,
            });
        }
        let now = Timestamp::now();
        let set = self.store().set_egress(&permit, workflow, egress, now);
        let set = set.await;
        self.told(caller, workspace, set).await
    }

    /// Tells what would become of a request of a workflow, decided as for a run. The host is resolved, and nothing is
    /// sent.
    ///
    /// # Errors
    /// [`ManageError::NotFound`], [`ManageError::Forbidden`].
    pub async fn explain_request(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        workflow: &WorkflowName,
        question: RequestQuestion<'_>,
    ) -> Result<Explanation, ManageError> {
        let credential = match question.key {
            Some(key) => Some(self.carried(caller, workspace, workflow, key).await?),
            None => None,
        };
        let sealing = match &credential {
            Some(Carried::Sealed(sealing)) => Some(sealing),
            Some(Carried::Value | Carried::Not(_)) | None => None,
        };
        let rules = self.rules(caller, workspace, workflow).await?;
        let asked = Question {
            rules: &rules,
            method: question.method,
            url: question.url,
            sealing,
        };
        let mut explanation = self.parts.sandbox.explain(asked).await;
        if let Some(finding) = credential.and_then(Carried::finding) {
            if !finding.allows {
                explanation.refusal.get_or_insert(finding.message.clone());
            }
            explanation.findings.push(finding);
        }
        Ok(explanation)
    }

    async fn rules(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        workflow: &WorkflowName,
    ) -> Result<WorkflowEgress, ManageError> {
        Ok(self.workflow(caller, workspace, workflow).await?.egress)
    }

    async fn carried(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        workflow: &WorkflowName,
        key: &CredentialKey,
    ) -> Result<Carried, ManageError> {
        let credentials = self
            .effective_credentials(caller, workspace, workflow)
            .await?;
        let permit = ViewPermit::check(caller, workspace)?;
        let entry = self.store().workspace(&permit).await;
        let policy = self.told(caller, workspace, entry).await?.sealing;
        let found = credentials.into_iter().find(|it| it.credential.key == *key);
        Ok(Carried::of(found, policy, Timestamp::now()))
    }
}

/// What a run of the workflow gets of a credential.
enum Carried {
    Sealed(Sealing),
    Value,
    Not(&'static str),
}

impl Carried {
    fn of(found: Option<EffectiveCredential>, policy: SealingPolicy, now: Timestamp) -> Self {
        let Some(found) = found else {
            return Self::Not("there is no credential of this key for the workflow");
        };
        if !found.permitted {
            return Self::Not("the workflow may not use the credential");
        }
        if Expiry::at(found.credential.expires_at, now).is_over() {
            return Self::Not("the credential has expired");
        }
        match (found.credential.handling, policy) {
            (Ok(Handling::Sealed(sealing)), _) => Self::Sealed(sealing),
            (Ok(Handling::Reveal), SealingPolicy::Optional) => Self::Value,
            (Ok(Handling::Reveal), SealingPolicy::Required) => {
                Self::Not("the credential is not sealed, and the workspace requires that it is")
            }
            (Err(_), _) => Self::Not("how the credential may be used cannot be read"),
        }
    }

    /// What the sandbox does not find out.
    fn finding(self) -> Option<Finding> {
        let (allows, message) = match self {
            Self::Sealed(_) => return None,
            Self::Value => (
                true,
                "the credential is not sealed: a step gets its value, and puts it where it likes",
            ),
            Self::Not(reason) => (false, reason),
        };
        Some(Finding {
            of: Examined::Credential,
            allows,
            message: message.to_owned(),
        })
    }
}
