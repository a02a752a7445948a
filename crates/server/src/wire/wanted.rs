//! What tokens, members and the workspace are to be, as who administers them says it.

use jiff::Timestamp;
use serde::Deserialize;
use utoipa::ToSchema;

use lockstep_step::{MemberName, Role, TokenName};

/// A token that is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenWanted {
    #[schema(value_type = String, pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
    pub(crate) name: TokenName,
    /// `admin`, `editor`, `runner` or `viewer`; a member's may leave it out, and then does what the member may.
    #[schema(value_type = Option<String>, pattern = "^(admin|editor|runner|viewer)$")]
    pub(crate) role: Option<Role>,
    /// Whose it is.
    #[schema(value_type = Option<String>, pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
    pub(crate) member: Option<MemberName>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) expires_at: Option<Timestamp>,
}

/// A member that is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MemberWanted {
    #[schema(value_type = String, pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
    pub(crate) name: MemberName,
    /// `admin`, `editor`, `runner` or `viewer`.
    #[schema(value_type = String, pattern = "^(admin|editor|runner|viewer)$")]
    pub(crate) role: Role,
}

/// What a member is to be from now on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MemberChange {
    /// `admin`, `editor`, `runner` or `viewer`.
    #[schema(value_type = String, pattern = "^(admin|editor|runner|viewer)$")]
    pub(crate) role: Role,
}

/// What a new workspace is to have.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WorkspaceWanted {
    /// The name of a token of the role `admin` that is made with it: without one, nobody has any.
    #[schema(value_type = Option<String>, pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
    pub(crate) admin_token: Option<TokenName>,
}

/// What is to hold in a workspace from now on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WorkspaceChange {
    /// Whether its credentials must be sealed.
    pub(crate) require_sealing: bool,
}
