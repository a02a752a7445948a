//! The audit of a workspace.

use form_urlencoded::Serializer;
use jiff::Timestamp;
use serde::Deserialize;

use lockstep_step::{CredentialKey, Digest, RunId, WorkflowName, WorkspaceName};

use crate::client::Client;
use crate::error::ClientError;
use crate::workspaces::of;

/// As many as the server tells at once.
const PAGE: u32 = 1_000;

/// An entry. Its texts are as they stand in the database, and may have been tampered with there.
///
/// Its hash is over all of them, so that one of a later release, with a field that is unknown here, is refused: without
/// the field it would look as if it had been edited.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct AuditEntry {
    /// In which chain it is: its workspace.
    pub chain: WorkspaceName,
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

#[derive(Deserialize)]
struct Entries {
    entries: Vec<AuditEntry>,
    next: Option<u64>,
}

impl Client {
    /// Entries of the audit of a workspace, at most so many.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn audit(
        &self,
        workspace: &WorkspaceName,
        filter: &AuditFilter,
        mut from: AuditFrom,
        most: u32,
    ) -> Result<Vec<AuditEntry>, ClientError> {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let mut all = Vec::new();
        while all.len() < most {
            let limit = (most - all.len()).min(PAGE as usize);
            let path = format!("{}/audit?{}", of(workspace), filter.query(from, limit));
            let Entries { entries, next } = self.get(path).send().await?.json().await?;
            all.extend(entries);
            let Some(next) = next else {
                break;
            };
            from = from.next(next);
        }
        Ok(all)
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
