//! Tokens and members. A token itself is in one answer, that of making it.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use lockstep_runner::{MemberEntry, Token, TokenEntry};
use lockstep_step::{MemberName, Role, TokenName};

use super::TokenWanted;

/// Who calls.
#[derive(Serialize, ToSchema)]
pub(crate) struct WhoAmI {
    /// How the record names the caller.
    caller: String,
    token: String,
    /// Whose token it is; null for one that is nobody's.
    member: Option<String>,
    /// What the caller may do now.
    #[schema(value_type = String)]
    role: Role,
    /// The one workspace that the token is for.
    workspace: String,
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

/// A token that was made. No other answer has it.
#[derive(Serialize, ToSchema)]
pub(crate) struct TokenMade<'a> {
    name: &'a str,
    #[schema(value_type = Option<String>)]
    role: Option<Role>,
    member: Option<&'a str>,
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    token: &'a str,
}

/// A token, by its name.
#[derive(Serialize, ToSchema)]
pub(crate) struct TokenShown {
    name: String,
    /// What it may do, at most.
    #[schema(value_type = String)]
    role: Role,
    /// What it may do now; null for nothing, as its member was removed or may not do what it is for.
    #[schema(value_type = Option<String>)]
    role_now: Option<Role>,
    member: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    created_by: String,
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// To about a minute.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Timestamp>,
    revoked_by: Option<String>,
}

/// All tokens that the workspace ever had.
#[derive(Serialize, ToSchema)]
pub(crate) struct Tokens {
    pub(crate) tokens: Vec<TokenShown>,
}

/// A member of the workspace.
#[derive(Serialize, ToSchema)]
pub(crate) struct Member {
    name: String,
    /// The most that its tokens may do.
    #[schema(value_type = String)]
    role: Role,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    created_by: String,
    #[schema(value_type = String, format = DateTime)]
    changed_at: Timestamp,
    changed_by: String,
    /// Tokens that are not revoked.
    tokens: u64,
}

/// The members of the workspace.
#[derive(Serialize, ToSchema)]
pub(crate) struct Members {
    pub(crate) members: Vec<Member>,
}

impl WhoAmI {
    pub(crate) fn new(bearer: &TokenEntry, role: Role) -> Self {
        let member = bearer.member.as_ref();
        Self {
            caller: bearer.caller_name(),
            token: bearer.name.to_string(),
            member: member.map(|member| member.name.to_string()),
            role,
            workspace: bearer.workspace.to_string(),
            expires_at: bearer.expires_at,
        }
    }
}

impl<'a> TokenMade<'a> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a token is told once, to whoever had it made"
    )]
    pub(crate) fn new(wanted: &'a TokenWanted, token: &'a Token) -> Self {
        Self {
            name: wanted.name.as_str(),
            role: wanted.role,
            member: wanted.member.as_ref().map(MemberName::as_str),
            expires_at: wanted.expires_at,
            token: token.expose(),
        }
    }

    /// The first token of a workspace.
    #[expect(
        clippy::disallowed_methods,
        reason = "a token is told once, to whoever had it made"
    )]
    pub(crate) fn admin(name: &'a TokenName, token: &'a Token) -> Self {
        Self {
            name: name.as_str(),
            role: Some(Role::Admin),
            member: None,
            expires_at: None,
            token: token.expose(),
        }
    }
}

impl From<TokenEntry> for TokenShown {
    fn from(entry: TokenEntry) -> Self {
        Self {
            role_now: entry.role_now(),
            name: entry.name.to_string(),
            role: entry.role,
            member: entry.member.map(|member| member.name.to_string()),
            created_at: entry.created_at,
            created_by: entry.created_by,
            expires_at: entry.expires_at,
            last_used_at: entry.last_used_at,
            revoked_at: entry.revoked_at,
            revoked_by: entry.revoked_by,
        }
    }
}

impl From<MemberEntry> for Member {
    fn from(entry: MemberEntry) -> Self {
        Self {
            name: entry.name.to_string(),
            role: entry.role,
            created_at: entry.created_at,
            created_by: entry.created_by,
            changed_at: entry.changed_at,
            changed_by: entry.changed_by,
            tokens: entry.tokens,
        }
    }
}
