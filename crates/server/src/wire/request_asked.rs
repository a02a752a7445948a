//! A request that somebody asks about.

use serde::Deserialize;
use utoipa::ToSchema;

use lockstep_step::CredentialKey;

/// A request that somebody asks about.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RequestAsked {
    pub(crate) method: String,
    pub(crate) url: String,
    /// A credential that would be in it.
    #[schema(value_type = Option<String>, pattern = "^[A-Za-z_][A-Za-z0-9_]{0,127}$")]
    pub(crate) key: Option<CredentialKey>,
}
