//! Who calls, tokens and members.

use http::Method;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use lockstep_secret::Secret;
use lockstep_step::{MemberName, Role, TokenName, WorkspaceName};

use crate::client::Client;
use crate::error::ClientError;
use crate::workspaces::of;

/// Who calls.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct WhoAmI {
    /// How the record names the caller.
    pub caller: String,
    /// The name of the token.
    pub token: TokenName,
    /// Whose it is.
    pub member: Option<MemberName>,
    /// What the caller may do now.
    pub role: Role,
    /// The one workspace that the token is for.
    pub workspace: WorkspaceName,
    /// From when on it is good for nothing.
    pub expires_at: Option<Timestamp>,
}

/// A token that is wanted.
#[derive(Clone, Debug, Serialize)]
pub struct TokenWanted {
    /// Its name.
    pub name: TokenName,
    /// What it may do; a member's may leave it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Whose it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<MemberName>,
    /// From when on it is good for nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// A token that was made. It is told here, and never again.
#[derive(Debug, Deserialize)]
pub struct TokenMade {
    /// The token.
    #[serde(deserialize_with = "secret")]
    pub token: Secret,
}

/// A token, by its name.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct Token {
    /// Its name.
    pub name: TokenName,
    /// What it may do, at most.
    pub role: Role,
    /// What it may do now.
    pub role_now: Option<Role>,
    /// Whose it is.
    pub member: Option<MemberName>,
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// From when on it is good for nothing.
    pub expires_at: Option<Timestamp>,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// By whom.
    pub revoked_by: Option<String>,
}

/// A member of a workspace.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct Member {
    /// Its name.
    pub name: MemberName,
    /// The most that its tokens may do.
    pub role: Role,
    /// When it was added.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When its role was last set.
    pub changed_at: Timestamp,
    /// By whom.
    pub changed_by: String,
    /// How many tokens it has that are not revoked.
    pub tokens: u64,
}

#[derive(Deserialize)]
struct Tokens {
    tokens: Vec<Token>,
}

#[derive(Deserialize)]
struct Members {
    members: Vec<Member>,
}

#[derive(Serialize)]
struct MemberWanted<'a> {
    name: &'a MemberName,
    role: Role,
}

#[derive(Serialize)]
struct MemberChange {
    role: Role,
}

impl WhoAmI {
    /// Whether the token speaks for the host: adds and removes workspaces, and has all chains of the audit checked.
    #[must_use]
    pub fn speaks_for_host(&self) -> bool {
        self.workspace == WorkspaceName::default_name() && self.role == Role::Admin
    }
}

impl Client {
    /// Whether the server does its work.
    ///
    /// # Errors
    /// Why not.
    pub async fn ready(&self) -> Result<(), ClientError> {
        let ask = self.get("/readyz").accepting("*/*");
        ask.send().await?;
        Ok(())
    }

    /// Who calls, and what the token allows now.
    ///
    /// # Errors
    /// [`ClientError`], here and in all that follow.
    pub async fn whoami(&self) -> Result<WhoAmI, ClientError> {
        self.get("/v1/whoami").send().await?.json().await
    }

    /// Makes a token.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn create_token(
        &self,
        workspace: &WorkspaceName,
        wanted: &TokenWanted,
    ) -> Result<TokenMade, ClientError> {
        let path = format!("{}/tokens", of(workspace));
        let ask = self.ask(Method::POST, path).json(wanted);
        ask.send().await?.json().await
    }

    /// All tokens that a workspace ever had, by name.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn tokens(&self, workspace: &WorkspaceName) -> Result<Vec<Token>, ClientError> {
        let answer = self.get(format!("{}/tokens", of(workspace))).send();
        Ok(answer.await?.json::<Tokens>().await?.tokens)
    }

    /// Revokes a token.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn revoke_token(
        &self,
        workspace: &WorkspaceName,
        token: &TokenName,
    ) -> Result<(), ClientError> {
        let path = format!("{}/tokens/{token}", of(workspace));
        self.ask(Method::DELETE, path).send().await?;
        Ok(())
    }

    /// Adds a member.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn add_member(
        &self,
        workspace: &WorkspaceName,
        name: &MemberName,
        role: Role,
    ) -> Result<Member, ClientError> {
        let path = format!("{}/members", of(workspace));
        let ask = self.ask(Method::POST, path);
        let ask = ask.json(&MemberWanted { name, role });
        ask.send().await?.json().await
    }

    /// The members of a workspace, by name.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn members(&self, workspace: &WorkspaceName) -> Result<Vec<Member>, ClientError> {
        let answer = self.get(format!("{}/members", of(workspace))).send();
        Ok(answer.await?.json::<Members>().await?.members)
    }

    /// Gives a member another role.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn set_member(
        &self,
        workspace: &WorkspaceName,
        name: &MemberName,
        role: Role,
    ) -> Result<Member, ClientError> {
        let path = format!("{}/members/{name}", of(workspace));
        let ask = self.ask(Method::PATCH, path).json(&MemberChange { role });
        ask.send().await?.json().await
    }

    /// Removes a member and revokes its tokens.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn remove_member(
        &self,
        workspace: &WorkspaceName,
        name: &MemberName,
    ) -> Result<(), ClientError> {
        let path = format!("{}/members/{name}", of(workspace));
        self.ask(Method::DELETE, path).send().await?;
        Ok(())
    }
}

fn secret<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Secret, D::Error> {
    String::deserialize(from).map(Secret::new)
}
