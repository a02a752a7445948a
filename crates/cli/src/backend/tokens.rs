//! Tokens and members.

use lockstep_client::TokenWanted;
use lockstep_runner::{MemberEntry, Token, TokenEntry, TokenRequest};
use lockstep_step::{MemberName, Role, TokenName, WorkspaceName};

use super::Backend;
use super::answers::{member_entry, token_entry};
use crate::problem::Problem;

impl Backend {
    pub(crate) async fn create_token(
        &self,
        workspace: &WorkspaceName,
        request: TokenRequest,
    ) -> Result<Token, Problem> {
        match self {
            Self::Here(host) => {
                let made = host.runner.create_token(&host.caller, workspace, request);
                Ok(made.await?)
            }
            Self::There(client) => {
                let wanted = TokenWanted {
                    name: request.name,
                    role: request.role,
                    member: request.member,
                    expires_at: request.expires_at,
                };
                let made = client.create_token(workspace, &wanted).await?;
                Token::parse(made.token).map_err(|error| Problem::host("strange_server", &error))
            }
        }
    }

    pub(crate) async fn tokens(
        &self,
        workspace: &WorkspaceName,
    ) -> Result<Vec<TokenEntry>, Problem> {
        match self {
            Self::Here(host) => Ok(host.runner.tokens(&host.caller, workspace).await?),
            Self::There(client) => {
                let tokens = client.tokens(workspace).await?.into_iter();
                Ok(tokens.map(|token| token_entry(workspace, token)).collect())
            }
        }
    }

    pub(crate) async fn revoke_token(
        &self,
        workspace: &WorkspaceName,
        token: &TokenName,
    ) -> Result<(), Problem> {
        match self {
            Self::Here(host) => {
                let runner = &host.runner;
                Ok(runner.revoke_token(&host.caller, workspace, token).await?)
            }
            Self::There(client) => Ok(client.revoke_token(workspace, token).await?),
        }
    }

    pub(crate) async fn add_member(
        &self,
        workspace: &WorkspaceName,
        member: &MemberName,
        role: Role,
    ) -> Result<(), Problem> {
        match self {
            Self::Here(host) => {
                let added = host
                    .runner
                    .add_member(&host.caller, workspace, member, role);
                Ok(added.await?)
            }
            Self::There(client) => {
                client.add_member(workspace, member, role).await?;
                Ok(())
            }
        }
    }

    pub(crate) async fn members(
        &self,
        workspace: &WorkspaceName,
    ) -> Result<Vec<MemberEntry>, Problem> {
        match self {
            Self::Here(host) => Ok(host.runner.members(&host.caller, workspace).await?),
            Self::There(client) => {
                let members = client.members(workspace).await?.into_iter();
                Ok(members.map(member_entry).collect())
            }
        }
    }

    pub(crate) async fn set_member(
        &self,
        workspace: &WorkspaceName,
        member: &MemberName,
        role: Role,
    ) -> Result<(), Problem> {
        match self {
            Self::Here(host) => {
                let set = host
                    .runner
                    .set_member(&host.caller, workspace, member, role);
                Ok(set.await?)
            }
            Self::There(client) => {
                client.set_member(workspace, member, role).await?;
                Ok(())
            }
        }
    }

    pub(crate) async fn remove_member(
        &self,
        workspace: &WorkspaceName,
        member: &MemberName,
    ) -> Result<(), Problem> {
        match self {
            Self::Here(host) => {
                let removed = host.runner.remove_member(&host.caller, workspace, member);
                Ok(removed.await?)
            }
            Self::There(client) => Ok(client.remove_member(workspace, member).await?),
        }
    }
}
