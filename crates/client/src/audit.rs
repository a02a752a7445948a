//! The audit: entries of a chain, and where it ends.

use std::fmt;

use form_urlencoded::Serializer;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use lockstep_step::{CredentialKey, Digest, RunId, WorkflowName, WorkspaceName};

use crate::client::Client;
use crate::error::ClientError;
use crate::workspaces::of;

/// As many as the server tells at once.
const PAGE: u32 = 1_000;

/// Whose chain: a workspace's, or the host's own.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum AuditChain {
    /// The host's: workspaces that came and went, and key-encryption keys. For admins of `default`.
    Host,
    /// A workspace's.
    Workspace(WorkspaceName),
}

/// An entry. Its texts are as they stand in the database, and may have been tampered with there.
///
/// Its hash is over all of them, so that one of a later release, with a field that is unknown here, is refused: without
/// the field it would look as if it had been edited.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct AuditEntry {
    /// In which chain it is.
    pub chain: AuditChain,
    /// Its place in the chain, from 1 on.
    pub sequence: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// What was done, such as `credential.used`.
    pub action: String,
    /// Whose workflow.
    pub workflow: Option<String>,
    /// Which step, or the name of the file that was run.
    pub step: Option<String>,
    /// Which run.
    pub run: Option<String>,
    /// Where the credential is defined: `workspace` or `workflow`.
    pub scope: Option<String>,
    /// The key of the credential.
    pub key: Option<String>,
    /// Its version.
    pub version: Option<u64>,
    /// How it was used.
    pub mode: Option<String>,
    /// The host that its value was sent to.
    pub host: Option<String>,
    /// A word that tells more.
    pub detail: Option<String>,
    /// What it was done to, if that is none of the above.
    pub target: Option<String>,
    /// Over all of this, and the hash of the entry before.
    pub hash: Digest,
}

/// Which entries are listed.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Only of credentials with this key.
    pub key: Option<CredentialKey>,
    /// Only of this run.
    pub run: Option<RunId>,
    /// Only of this workflow.
    pub workflow: Option<WorkflowName>,
    /// Only by this caller.
    pub actor: Option<String>,
    /// Only these, such as `credential.used`.
    pub action: Option<String>,
    /// Only from then on.
    pub since: Option<Timestamp>,
    /// Only before then.
    pub until: Option<Timestamp>,
}

/// Where a list of entries begins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AuditFrom {
    /// The latest first.
    Latest,
    /// The latest before this one first.
    Before(u64),
    /// In the order of the chain, those after this one.
    After(u64),
}

/// Where a chain ends.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct AuditHead {
    /// Which chain.
    pub chain: AuditChain,
    /// Its last entry.
    pub sequence: u64,
    /// Of that entry.
    pub hash: Digest,
    /// Up to which entry it is sealed.
    pub sealed_sequence: Option<u64>,
}

#[derive(Deserialize)]
struct Heads {
    heads: Vec<AuditHead>,
}

#[derive(Deserialize)]
struct Entries {
    entries: Vec<AuditEntry>,
    next: Option<u64>,
}

impl Client {
    /// Entries of a chain, at most so many.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn audit(
        &self,
        chain: &AuditChain,
        filter: &AuditFilter,
        mut from: AuditFrom,
        most: u32,
    ) -> Result<Vec<AuditEntry>, ClientError> {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let mut all = Vec::new();
        while all.len() < most {
            let limit = (most - all.len()).min(PAGE as usize);
            let path = format!("{}?{}", chain.path(), filter.query(from, limit));
            let Entries { entries, next } = self.get(path).send().await?.json().await?;
            all.extend(entries);
            let Some(next) = next else {
                break;
            };
            from = from.next(next);
        }
        Ok(all)
    }

    /// Where the chain of a workspace ends.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn audit_head(
        &self,
        workspace: &WorkspaceName,
    ) -> Result<Vec<AuditHead>, ClientError> {
        let chain = AuditChain::Workspace(workspace.clone());
        self.heads(&chain).await
    }

    /// Where all chains end, the host's first. For admins of `default`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn audit_heads(&self) -> Result<Vec<AuditHead>, ClientError> {
        self.heads(&AuditChain::Host).await
    }

    async fn heads(&self, chain: &AuditChain) -> Result<Vec<AuditHead>, ClientError> {
        let answer = self.get(format!("{}/head", chain.path())).send();
        Ok(answer.await?.json::<Heads>().await?.heads)
    }
}

impl AuditChain {
    /// How the host's own chain is written. No workspace has such a name.
    const HOST: &str = "<host>";

    /// The path of its entries.
    pub(crate) fn path(&self) -> String {
        match self {
            Self::Host => "/v1/host/audit".to_owned(),
            Self::Workspace(name) => format!("{}/audit", of(name)),
        }
    }
}

impl fmt::Display for AuditChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host => f.write_str(Self::HOST),
            Self::Workspace(name) => name.fmt(f),
        }
    }
}

impl TryFrom<String> for AuditChain {
    type Error = <WorkspaceName as std::str::FromStr>::Err;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text == Self::HOST {
            return Ok(Self::Host);
        }
        text.parse().map(Self::Workspace)
    }
}

impl From<AuditChain> for String {
    fn from(chain: AuditChain) -> Self {
        chain.to_string()
    }
}

impl AuditFrom {
    /// The next page, in the same order, if the last ended with this entry.
    fn next(self, last: u64) -> Self {
        match self {
            Self::Latest | Self::Before(_) => Self::Before(last),
            Self::After(_) => Self::After(last),
        }
    }
}

impl AuditFilter {
    /// The name of a caller may have any character in it.
    fn query(&self, from: AuditFrom, limit: usize) -> String {
        let (before, after) = match from {
            AuditFrom::Latest => (None, None),
            AuditFrom::Before(before) => (Some(before), None),
            AuditFrom::After(after) => (None, Some(after)),
        };
        let asked = [
            ("limit", Some(limit.to_string())),
            ("key", self.key.as_ref().map(ToString::to_string)),
            ("run", self.run.map(|run| run.to_string())),
            ("workflow", self.workflow.as_ref().map(ToString::to_string)),
            ("actor", self.actor.clone()),
            ("action", self.action.clone()),
            ("since", self.since.map(|since| since.to_string())),
            ("until", self.until.map(|until| until.to_string())),
            ("before", before.map(|before| before.to_string())),
            ("after", after.map(|after| after.to_string())),
        ];
        let mut query = Serializer::new(String::new());
        for (name, value) in asked {
            if let Some(value) = value {
                query.append_pair(name, &value);
            }
        }
        query.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_of_the_audit_stands_in_the_query() {
        let all = AuditFilter::default();
        assert_eq!(all.query(AuditFrom::Latest, 20), "limit=20");
        assert_eq!(all.query(AuditFrom::After(0), 5), "limit=5&after=0");
        let filter = AuditFilter {
            key: Some("TOKEN".parse().unwrap()),
            run: Some("01938a5e-7c1d-7c6b-8f11-2f1c9d8d2a10".parse().unwrap()),
            workflow: Some("billing".parse().unwrap()),
            actor: Some("cli:zoë & co+#1".to_owned()),
            action: Some("credential.used".to_owned()),
            since: Some("2026-01-31T12:00:00Z".parse().unwrap()),
            until: None,
        };
        assert_eq!(
            filter.query(AuditFrom::Before(7), 5),
            "limit=5&key=TOKEN&run=01938a5e-7c1d-7c6b-8f11-2f1c9d8d2a10&workflow=billing\
             &actor=cli%3Azo%C3%AB+%26+co%2B%231&action=credential.used&since=2026-01-31T12%3A00%3A00Z&before=7"
        );
    }

    #[test]
    fn a_list_goes_on_in_its_order() {
        assert_eq!(AuditFrom::Latest.next(8), AuditFrom::Before(8));
        assert_eq!(AuditFrom::Before(9).next(8), AuditFrom::Before(8));
        assert_eq!(AuditFrom::After(7).next(8), AuditFrom::After(8));
    }

    #[test]
    fn a_chain_is_a_workspace_or_the_host() {
        let read = |text: &str| serde_json::from_str::<AuditChain>(&format!("{text:?}"));
        let acme = AuditChain::Workspace("acme".parse().unwrap());
        assert_eq!(read("acme").unwrap(), acme);
        assert_eq!(acme.path(), "/v1/workspaces/acme/audit");
        assert_eq!(read("<host>").unwrap(), AuditChain::Host);
        assert_eq!(AuditChain::Host.path(), "/v1/host/audit");
        assert!(read("<other>").is_err() && read("../acme").is_err());
    }

    #[test]
    fn an_entry_with_an_unknown_field_is_refused() {
        let entry = |more: &str| {
            let hash = format!("sha256:{}", "0".repeat(64));
            let text = format!(
                r#"{{"chain":"default","sequence":1,"at":"2026-11-26T12:00:00Z","actor":"cli:a","action":"x",{more}"hash":"{hash}"}}"#
            );
            serde_json::from_str::<AuditEntry>(&text)
        };
        assert_eq!(entry("").unwrap().key, None);
        assert_eq!(entry(r#""key":"A","#).unwrap().key.as_deref(), Some("A"));
        assert!(entry(r#""place":"A","#).is_err());
    }
}
