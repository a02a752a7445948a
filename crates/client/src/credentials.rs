//! Credentials: set, rotated, deleted, and seen without their values.

use http::Method;
use http::header::IF_MATCH;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize, Serializer};

use lockstep_secret::{Secret, Zeroizing};
use lockstep_step::{
    CredentialKey, Destination, Handling, RunId, Scope, SealedPlace, StepName, WorkflowName,
    WorkspaceName,
};

use crate::client::Client;
use crate::error::ClientError;
use crate::workspaces::{of, of_workflow};

/// A credential, without its value.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct Credential {
    /// Its key.
    pub key: CredentialKey,
    /// The workflow whose own it is; `None`: it is the workspace's.
    pub workflow: Option<WorkflowName>,
    /// Its present version.
    pub version: u64,
    /// Whether steps get a placeholder in place of the value; `None` where the record cannot be read.
    pub sealed: Option<bool>,
    /// Where requests may take the value of a sealed one.
    #[serde(default)]
    pub hosts: Vec<Destination>,
    /// Where in requests.
    #[serde(default)]
    pub places: Vec<SealedPlace>,
    /// Length of its value, in bytes.
    #[serde(default, rename = "size")]
    pub value_bytes: Option<usize>,
    /// Whether its value can be taken out of logs and outputs.
    #[serde(default)]
    pub maskable: Option<bool>,
    /// From when on no run that starts gets it.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// The last run that is known to have been given it.
    #[serde(default)]
    pub last_used: Option<LastUsed>,
    /// What people say about it.
    pub note: Option<String>,
    /// When it was first set.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When its present version was set.
    pub rotated_at: Timestamp,
    /// By whom.
    pub rotated_by: String,
}

/// The last run that is known to have been given a credential.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct LastUsed {
    /// When it ended.
    pub at: Timestamp,
    /// Which one it was.
    pub run: RunId,
    /// Which version it was given.
    pub version: u64,
}

/// What would miss a credential.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
pub struct CredentialUsedBy {
    /// Workflows whose usage permission lists the key.
    pub workflows: Vec<WorkflowName>,
    /// Steps whose code names the key.
    pub steps: Vec<StepOf>,
    /// Steps that compute keys, and may ask for this one.
    #[serde(default)]
    pub dynamic: Vec<StepOf>,
}

/// A step of a workflow.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct StepOf {
    /// The workflow.
    pub workflow: WorkflowName,
    /// The step.
    pub step: StepName,
}

/// A credential that a workflow gets for a key.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct EffectiveCredential {
    /// The one that it gets.
    #[serde(flatten)]
    pub credential: Credential,
    /// Whether it stands before one of the workspace.
    pub overrides: bool,
    /// Whether the workflow may use it.
    pub permitted: bool,
}

/// A credential that was set.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct CredentialSet {
    /// Its version now.
    pub version: u64,
    /// `created` or `rotated`.
    pub result: String,
    /// `masked`, `too_short` or `blank`.
    pub masking: String,
    /// Whether steps get a placeholder in place of the value.
    pub sealed: bool,
    /// From when on no run that starts gets it.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// The end of the version before, which is gone with that version.
    #[serde(default)]
    pub previous_expires_at: Option<Timestamp>,
}

/// A new value of a credential, and what is said beside it.
#[derive(Debug)]
pub struct NewCredential {
    /// The key.
    pub key: CredentialKey,
    /// The value.
    pub value: Secret,
    /// What a step gets of it. `None` leaves what is there.
    pub handling: Option<Handling>,
    /// What people say about it. `None` leaves what is there.
    pub note: Option<String>,
    /// From when on no run that starts gets it. `None`: it does not expire.
    pub expires_at: Option<Timestamp>,
}

/// Whether a credential must be there already.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PutRule {
    /// Set it, whether it is there or not.
    CreateOrRotate,
    /// Give a new value to one that is there.
    Rotate,
}

/// Whether a thing is removed though others need it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Removal {
    /// Refused with what needs it.
    IfUnused,
    /// Removed all the same.
    Forced,
}

/// A part of a list, and the name behind which the next begins.
#[derive(Deserialize)]
struct Part<T> {
    credentials: Vec<T>,
    #[serde(default)]
    next: Option<CredentialKey>,
}

#[derive(Deserialize)]
struct Changes {
    results: Vec<CredentialSet>,
}

#[derive(Deserialize)]
struct Shown {
    #[serde(flatten)]
    credential: Credential,
    used_by: CredentialUsedBy,
}

/// A credential as the body of a request says it.
#[derive(Serialize)]
struct Setting<'a> {
    value: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sealed: Option<Sealed<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Sealed<'a> {
    For {
        hosts: Vec<&'a Destination>,
        places: Vec<SealedPlace>,
    },
    Is(bool),
}

/// The path of the credentials of a scope.
fn below(workspace: &WorkspaceName, scope: &Scope) -> String {
    let base = match scope {
        Scope::Workspace => of(workspace),
        Scope::Workflow(workflow) => of_workflow(workspace, workflow),
    };
    format!("{base}/credentials")
}

impl Client {
    /// The credentials of one scope.
    ///
    /// # Errors
    /// [`ClientError`], here and in all that follow.
    pub async fn credentials(
        &self,
        workspace: &WorkspaceName,
        scope: &Scope,
    ) -> Result<Vec<Credential>, ClientError> {
        self.all(&below(workspace, scope)).await
    }

    /// What a workflow gets for each key.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn effective_credentials(
        &self,
        workspace: &WorkspaceName,
        workflow: &WorkflowName,
    ) -> Result<Vec<EffectiveCredential>, ClientError> {
        let scope = Scope::Workflow(workflow.clone());
        let path = format!("{}/effective", below(workspace, &scope));
        self.all(&path).await
    }

    /// All parts of a list.
    async fn all<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, ClientError> {
        let (mut all, mut query) = (Vec::new(), String::new());
        loop {
            let part = self.get(format!("{path}{query}")).send().await?;
            let Part { credentials, next } = part.json::<Part<T>>().await?;
            let is_end = credentials.is_empty();
            all.extend(credentials);
            match next {
                Some(after) if !is_end => query = format!("?after={after}"),
                Some(_) | None => return Ok(all),
            }
        }
    }

    /// A credential, and what would miss it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn credential(
        &self,
        workspace: &WorkspaceName,
        scope: &Scope,
        key: &CredentialKey,
    ) -> Result<(Credential, CredentialUsedBy), ClientError> {
        let path = format!("{}/{key}", below(workspace, scope));
        let Shown {
            credential,
            used_by,
        } = self.get(path).send().await?.json().await?;
        Ok((credential, used_by))
    }

    /// Sets or rotates a credential.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn put_credential(
        &self,
        workspace: &WorkspaceName,
        scope: &Scope,
        new: NewCredential,
        rule: PutRule,
    ) -> Result<CredentialSet, ClientError> {
        let path = format!("{}/{}", below(workspace, scope), new.key);
        let ask = self.ask(Method::PUT, path);
        let ask = match rule {
            PutRule::CreateOrRotate => ask,
            PutRule::Rotate => ask.header(IF_MATCH, "*"),
        };
        let is_value_alone =
            new.handling.is_none() && new.note.is_none() && new.expires_at.is_none();
        let ask = if is_value_alone {
            ask.secret("application/octet-stream", new.value)
        } else {
            ask.secret("application/json", document(room(&new), &Setting::of(&new)))
        };
        ask.send().await?.json().await
    }

    /// Sets or rotates credentials of one scope: all of them or none. What was done is told in their order.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn put_credentials(
        &self,
        workspace: &WorkspaceName,
        scope: &Scope,
        new: &[NewCredential],
    ) -> Result<Vec<CredentialSet>, ClientError> {
        let body = document(new.iter().map(room).sum(), &Settings(new));
        let ask = self.ask(Method::PATCH, below(workspace, scope));
        let answer = ask.secret("application/json", body).send().await?;
        Ok(answer.json::<Changes>().await?.results)
    }

    /// Deletes a credential.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn delete_credential(
        &self,
        workspace: &WorkspaceName,
        scope: &Scope,
        key: &CredentialKey,
        removal: Removal,
    ) -> Result<(), ClientError> {
        let path = format!("{}/{key}{}", below(workspace, scope), removal.query());
        self.ask(Method::DELETE, path).send().await?;
        Ok(())
    }
}

impl Removal {
    pub(crate) fn query(self) -> &'static str {
        match self {
            Self::IfUnused => "",
            Self::Forced => "?force=true",
        }
    }
}

/// Credentials by their keys, in the order in which they are given.
struct Settings<'a>(&'a [NewCredential]);

impl Serialize for Settings<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|new| (&new.key, Setting::of(new))))
    }
}

impl<'a> Setting<'a> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the value goes to the server, in the body of a request, which is wiped"
    )]
    fn of(new: &'a NewCredential) -> Self {
        Self {
            value: new.value.expose(),
            note: new.note.as_deref(),
            sealed: new.handling.as_ref().map(Sealed::of),
            expires_at: new.expires_at,
        }
    }
}

impl<'a> Sealed<'a> {
    fn of(handling: &'a Handling) -> Self {
        match handling {
            Handling::Reveal => Self::Is(false),
            Handling::Sealed(sealing) => Self::For {
                hosts: sealing.destinations().collect(),
                places: sealing.places().collect(),
            },
        }
    }
}

/// As much as the document of a credential takes: a character is `\u0000` at most, of six bytes.
fn room(new: &NewCredential) -> usize {
    const FIELDS: usize = 256;
    const DESTINATION: usize = 300;
    let note = new.note.as_ref().map_or(0, String::len);
    let sealing = new.handling.as_ref().and_then(Handling::sealing);
    let hosts = sealing.map_or(0, |sealing| sealing.destinations().len());
    6 * (new.value.len() + note) + hosts * DESTINATION + FIELDS
}

/// A document with values in it, written into memory that has room for it and does not move.
fn document(room: usize, document: &impl Serialize) -> Secret {
    let mut text = Zeroizing::new(Vec::with_capacity(room));
    // Writing into memory does not fail, and names have a form in JSON.
    serde_json::to_writer(&mut *text, document).unwrap_or_default();
    Secret::from_utf8(std::mem::take(&mut *text)).unwrap_or_else(|_| Secret::new(String::new()))
}

#[cfg(test)]
mod tests {
    use lockstep_step::Sealing;

    use super::*;

    fn new(key: &str, handling: Option<Handling>) -> NewCredential {
        NewCredential {
            key: key.parse().unwrap(),
            value: Secret::new("a \"value\"\n".to_owned()),
            handling,
            note: None,
            expires_at: None,
        }
    }

    #[track_caller]
    #[expect(clippy::disallowed_methods, reason = "a test compares what is sent")]
    fn check(room: usize, body: &impl Serialize, expected: &str) {
        let document = document(room, body);
        assert_eq!(document.expose(), expected);
        assert!(
            document.len() <= room,
            "{room} is too little for {expected}"
        );
    }

    #[test]
    fn a_value_is_sent_with_what_is_said_of_it() {
        let revealed = new("KEY", Some(Handling::Reveal));
        let expected = r#"{"value":"a \"value\"\n","sealed":false}"#;
        check(room(&revealed), &Setting::of(&revealed), expected);
        let to = "a.test".parse().unwrap();
        let sealing = Sealing::new([to], [SealedPlace::Body]).unwrap();
        let sealed = NewCredential {
            note: Some("for a".to_owned()),
            expires_at: Some("2099-01-01T00:00:00Z".parse().unwrap()),
            ..new("KEY", Some(Handling::Sealed(sealing)))
        };
        let expected = r#"{"value":"a \"value\"\n","note":"for a","sealed":{"hosts":["a.test"],"places":["body"]},"expires_at":"2099-01-01T00:00:00Z"}"#;
        check(room(&sealed), &Setting::of(&sealed), expected);
    }

    #[test]
    fn several_credentials_are_one_document_by_their_keys() {
        let both = [new("B", None), new("A", None)];
        let expected = r#"{"B":{"value":"a \"value\"\n"},"A":{"value":"a \"value\"\n"}}"#;
        check(both.iter().map(room).sum(), &Settings(&both), expected);
    }
}
