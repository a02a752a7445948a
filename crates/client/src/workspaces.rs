//! The workspace of the token and its workflows; and which workspaces there are.

use std::collections::BTreeSet;
use std::net::IpAddr;

use http::Method;
use http::header::IF_NONE_MATCH;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use lockstep_step::{
    CredentialKey, EgressRule, Scheme, TokenName, UsagePermission, WorkflowEgress, WorkflowName,
    WorkspaceName,
};

use crate::client::Client;
use crate::credentials::Removal;
use crate::error::ClientError;
use crate::tokens::TokenMade;

/// A workspace.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct Workspace {
    /// Its name.
    pub name: WorkspaceName,
    /// When it was added.
    pub created_at: Timestamp,
    /// How many workflows it has.
    pub workflows: u64,
    /// How many credentials it has, those of its workflows included.
    pub credentials: u64,
    /// Whether they must be sealed.
    pub require_sealing: bool,
    /// When that was last set.
    pub require_sealing_set_at: Option<Timestamp>,
    /// By whom.
    pub require_sealing_set_by: Option<String>,
}

/// A workspace that was added.
#[derive(Debug, Deserialize)]
pub struct WorkspaceAdded {
    /// Its name.
    pub workspace: WorkspaceName,
    /// Its first token, if one was asked for. It is told here, and never again.
    pub admin_token: Option<TokenMade>,
}

/// A workflow.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct Workflow {
    /// Its name.
    pub name: WorkflowName,
    /// When it was added.
    pub created_at: Timestamp,
    permission: Mode,
    keys: Option<BTreeSet<CredentialKey>>,
    /// When its permission was last set.
    pub permission_set_at: Option<Timestamp>,
    /// By whom.
    pub permission_set_by: Option<String>,
    /// Where its requests may go.
    pub egress: Egress,
    /// How many credentials are its own.
    pub credentials: u64,
    /// How many steps it has.
    pub steps: u64,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    All,
    Selected,
    Only,
}

/// Where the requests of a workflow may go.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct Egress {
    mode: Mode,
    #[serde(default, deserialize_with = "rules")]
    rules: Vec<EgressRule>,
    /// When that was last set.
    pub set_at: Option<Timestamp>,
    /// By whom.
    pub set_by: Option<String>,
}

/// What would become of a request.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct Explained {
    /// Why it would be refused; `None`: it would be sent.
    pub reason: Option<String>,
    /// Its scheme.
    pub scheme: Option<Scheme>,
    /// Its host.
    pub host: Option<String>,
    /// Its port.
    pub port: Option<u16>,
    /// Everything that was looked at.
    pub findings: Vec<Finding>,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct Finding {
    /// `url`, `operator`, `address`, `name`, `workflow` or `credential`.
    pub of: String,
    /// Whether it speaks for the request.
    pub allows: bool,
    /// What there is to say.
    pub message: String,
    /// Of an address.
    pub address: Option<IpAddr>,
    /// The number of the rule that allows, from 1 on.
    pub rule: Option<usize>,
}

#[derive(Deserialize)]
struct Workspaces {
    workspaces: Vec<Workspace>,
}

#[derive(Deserialize)]
struct Workflows {
    workflows: Vec<Workflow>,
}

#[derive(Serialize)]
struct WorkspaceWanted<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    admin_token: Option<&'a TokenName>,
}

#[derive(Serialize)]
struct WorkspaceChange {
    require_sealing: bool,
}

#[derive(Serialize)]
struct EgressChange {
    mode: Mode,
    #[serde(skip_serializing_if = "Option::is_none")]
    rules: Option<Vec<String>>,
}

#[derive(Serialize)]
struct PermissionChange<'a> {
    mode: Mode,
    #[serde(skip_serializing_if = "Option::is_none")]
    keys: Option<&'a BTreeSet<CredentialKey>>,
}

#[derive(Serialize)]
struct Asked<'a> {
    method: &'a str,
    url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a CredentialKey>,
}

/// The path of a workspace.
pub(crate) fn of(workspace: &WorkspaceName) -> String {
    format!("/v1/workspaces/{workspace}")
}

/// The path of a workflow.
pub(crate) fn of_workflow(workspace: &WorkspaceName, workflow: &WorkflowName) -> String {
    format!("/v1/workspaces/{workspace}/workflows/{workflow}")
}

impl Client {
    /// The workspaces that the token may see: the one that it is for, or all if it is of an admin of `default`.
    ///
    /// # Errors
    /// [`ClientError`], here and in all that follow.
    pub async fn workspaces(&self) -> Result<Vec<Workspace>, ClientError> {
        let answer = self.get("/v1/workspaces").send().await?;
        Ok(answer.json::<Workspaces>().await?.workspaces)
    }

    /// Adds a workspace that is not there, and a token of the role `admin` of this name for it. For admins of `default`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn add_workspace(
        &self,
        workspace: &WorkspaceName,
        admin_token: Option<&TokenName>,
    ) -> Result<WorkspaceAdded, ClientError> {
        let ask = self.ask(Method::PUT, of(workspace));
        let ask = ask.json(&WorkspaceWanted { admin_token });
        ask.send().await?.json().await
    }

    /// Removes a workspace with all that is in it. For admins of `default`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn remove_workspace(
        &self,
        workspace: &WorkspaceName,
        removal: Removal,
    ) -> Result<(), ClientError> {
        let path = format!("{}{}", of(workspace), removal.query());
        self.ask(Method::DELETE, path).send().await?;
        Ok(())
    }

    /// A workspace.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn workspace(&self, workspace: &WorkspaceName) -> Result<Workspace, ClientError> {
        self.get(of(workspace)).send().await?.json().await
    }

    /// Says whether the credentials of a workspace must be sealed.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn require_sealing(
        &self,
        workspace: &WorkspaceName,
        require_sealing: bool,
    ) -> Result<Workspace, ClientError> {
        let change = WorkspaceChange { require_sealing };
        let ask = self.ask(Method::PATCH, of(workspace)).json(&change);
        ask.send().await?.json().await
    }

    /// The workflows of a workspace, by name.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn workflows(&self, workspace: &WorkspaceName) -> Result<Vec<Workflow>, ClientError> {
        let answer = self.get(format!("{}/workflows", of(workspace))).send();
        Ok(answer.await?.json::<Workflows>().await?.workflows)
    }

    /// A workflow.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn workflow(
        &self,
        workspace: &WorkspaceName,
        workflow: &WorkflowName,
    ) -> Result<Workflow, ClientError> {
        let answer = self.get(of_workflow(workspace, workflow)).send();
        answer.await?.json().await
    }

    /// Adds a workflow that is not there.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn add_workflow(
        &self,
        workspace: &WorkspaceName,
        workflow: &WorkflowName,
    ) -> Result<Workflow, ClientError> {
        let ask = self.ask(Method::PUT, of_workflow(workspace, workflow));
        let answer = ask.header(IF_NONE_MATCH, "*").send();
        answer.await?.json().await
    }

    /// Removes a workflow with its steps.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn remove_workflow(
        &self,
        workspace: &WorkspaceName,
        workflow: &WorkflowName,
        removal: Removal,
    ) -> Result<(), ClientError> {
        let path = format!("{}{}", of_workflow(workspace, workflow), removal.query());
        self.ask(Method::DELETE, path).send().await?;
        Ok(())
    }

    /// Sets which credentials a workflow may use.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn set_permission(
        &self,
        workspace: &WorkspaceName,
        workflow: &WorkflowName,
        permission: &UsagePermission,
    ) -> Result<(), ClientError> {
        let change = match permission {
            UsagePermission::All => PermissionChange {
                mode: Mode::All,
                keys: None,
            },
            UsagePermission::Selected(keys) => PermissionChange {
                mode: Mode::Selected,
                keys: Some(keys),
            },
        };
        let path = format!(
            "{}/credential-permissions",
            of_workflow(workspace, workflow)
        );
        self.ask(Method::PUT, path).json(&change).send().await?;
        Ok(())
    }

    /// Sets where the requests of a workflow may go.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn set_egress(
        &self,
        workspace: &WorkspaceName,
        workflow: &WorkflowName,
        egress: &WorkflowEgress,
    ) -> Result<Egress, ClientError> {
        let change = match egress {
            WorkflowEgress::All => EgressChange {
                mode: Mode::All,
                rules: None,
            },
            WorkflowEgress::Only(rules) => EgressChange {
                mode: Mode::Only,
                rules: Some(rules.iter().map(ToString::to_string).collect()),
            },
        };
        let path = format!("{}/egress", of_workflow(workspace, workflow));
        let ask = self.ask(Method::PUT, path).json(&change);
        ask.send().await?.json().await
    }

    /// Tells what would become of a request. Nothing is sent.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn explain_request(
        &self,
        workspace: &WorkspaceName,
        workflow: &WorkflowName,
        method: &str,
        url: &str,
        key: Option<&CredentialKey>,
    ) -> Result<Explained, ClientError> {
        let path = format!("{}/egress/explain", of_workflow(workspace, workflow));
        let ask = self.ask(Method::POST, path);
        let ask = ask.json(&Asked { method, url, key });
        ask.send().await?.json().await
    }
}

impl Workflow {
    /// Which credentials it may use. What is not understood allows nothing.
    #[must_use]
    pub fn permission(&self) -> UsagePermission {
        match self.permission {
            Mode::All => UsagePermission::All,
            Mode::Selected | Mode::Only => {
                UsagePermission::Selected(self.keys.clone().unwrap_or_default())
            }
        }
    }
}

impl Egress {
    /// Where requests may go. What is not understood allows nothing.
    #[must_use]
    pub fn rules(&self) -> WorkflowEgress {
        match self.mode {
            Mode::All => WorkflowEgress::All,
            Mode::Selected | Mode::Only => WorkflowEgress::Only(self.rules.clone()),
        }
    }
}

/// Rules as they are written; null for none.
fn rules<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<EgressRule>, D::Error> {
    let texts = Option::<Vec<String>>::deserialize(from)?.unwrap_or_default();
    let parsed = texts.iter().map(|text| text.parse());
    parsed
        .collect::<Result<_, _>>()
        .map_err(serde::de::Error::custom)
}
