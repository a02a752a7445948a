//! Credentials over the wire: all that is known of one but its value.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use lockstep_runner::{
    CredentialChanged, CredentialEntry, CredentialLastUse, CredentialPut, CredentialUsage,
    Dependents, EffectiveCredential,
};
use lockstep_step::{CredentialKey, Expiry, Handling, Scope, SealedPlace};

use super::{StepOf, UsedBy};

/// A credential that was set. Its value is told by nobody.
#[derive(Serialize, ToSchema)]
pub(crate) struct PutAnswer {
    key: String,
    version: u64,
    /// `created` or `rotated`.
    result: &'static str,
    /// Whether the value will be taken out of logs and outputs: `masked`, or `too_short` or `blank` if it cannot be.
    masking: &'static str,
    /// Whether steps get a placeholder in place of the value.
    sealed: bool,
    /// From when on no run that starts gets it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// The end of the version before, which is gone with that version.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    previous_expires_at: Option<Timestamp>,
}

/// A credential, without its value.
#[derive(Serialize, ToSchema)]
pub(crate) struct Credential {
    key: String,
    /// `workspace` or `workflow`.
    scope: &'static str,
    /// The workflow whose own it is.
    workflow: Option<String>,
    version: u64,
    /// Length of the value, in bytes; null where the record cannot be read.
    size: Option<usize>,
    /// Whether the value can be taken out of logs and outputs; null where that is not known.
    maskable: Option<bool>,
    /// Whether steps get a placeholder in place of the value; null where the record cannot be read.
    sealed: Option<bool>,
    /// Where requests may take the value of a sealed one.
    hosts: Vec<String>,
    /// Where in them it may stand: `header`, `query`, `basic`, `body`.
    places: Vec<&'static str>,
    note: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    created_by: String,
    #[schema(value_type = String, format = DateTime)]
    rotated_at: Timestamp,
    rotated_by: String,
    /// From when on no run that starts gets it.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// `never`, `later`, `soon` (within 14 days) or `expired`.
    expiry: &'static str,
    /// The last run that was given it, to the minute; null if none is known.
    last_used: Option<LastUsed>,
}

/// The last run that is known to have been given a credential.
#[derive(Serialize, ToSchema)]
pub(crate) struct LastUsed {
    /// When it ended.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    run: String,
    /// The version that it was given.
    version: u64,
}

/// The credentials of one scope, by key.
#[derive(Serialize, ToSchema)]
pub(crate) struct Credentials {
    pub(crate) credentials: Vec<Credential>,
    /// Ask again with `after` as this for those behind them; null if these were the last.
    pub(crate) next: Option<String>,
}

/// A credential, and what would miss it.
#[derive(Serialize, ToSchema)]
pub(crate) struct CredentialShown {
    #[serde(flatten)]
    credential: Credential,
    used_by: UsedBy,
}

/// What was done to several credentials, in the order of the request.
#[derive(Serialize, ToSchema)]
pub(crate) struct Changes {
    results: Vec<Change>,
}

/// What was done to one of several credentials.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum Change {
    Set(PutAnswer),
    Gone(Gone),
}

/// A credential that is not there any more.
#[derive(Serialize, ToSchema)]
struct Gone {
    key: String,
    /// `deleted`, or `absent` if it was not there before either.
    result: &'static str,
}

/// Who uses a credential.
#[derive(Serialize, ToSchema)]
pub(crate) struct Usage {
    key: String,
    used_by: UsedBy,
    /// The last run that was given it, to the minute; null if none is known.
    last_used: Option<LastUsed>,
}

/// What a workflow gets for each key, by key.
#[derive(Serialize, ToSchema)]
pub(crate) struct EffectiveCredentials {
    pub(crate) credentials: Vec<Effective>,
    /// Ask again with `after` as this for those behind them; null if these were the last.
    pub(crate) next: Option<String>,
}

/// What a workflow gets for a key.
#[derive(Serialize, ToSchema)]
pub(crate) struct Effective {
    #[serde(flatten)]
    credential: Credential,
    /// Whether it stands before one of the workspace with the same key.
    overrides: bool,
    /// Whether the workflow may use it.
    permitted: bool,
}

impl From<&CredentialPut> for PutAnswer {
    fn from(put: &CredentialPut) -> Self {
        Self {
            key: put.key.to_string(),
            version: put.version,
            result: put.result.as_str(),
            masking: put.masking.as_str(),
            sealed: put.handling.sealing().is_some(),
            expires_at: put.expires_at,
            previous_expires_at: put.expired_before,
        }
    }
}

impl Credential {
    /// As it stands at `now`.
    pub(crate) fn new(entry: &CredentialEntry, now: Timestamp) -> Self {
        let sealing = entry.handling.as_ref().ok().and_then(Handling::sealing);
        let hosts = sealing.map(|it| it.destinations().map(ToString::to_string).collect());
        let places = sealing.map(|it| it.places().map(SealedPlace::as_str).collect());
        Self {
            key: entry.key.to_string(),
            scope: match entry.scope {
                Scope::Workspace => "workspace",
                Scope::Workflow(_) => "workflow",
            },
            workflow: entry.scope.workflow().map(ToString::to_string),
            version: entry.version,
            size: entry.value_bytes,
            maskable: entry.maskable,
            sealed: entry
                .handling
                .as_ref()
                .ok()
                .map(|it| it.sealing().is_some()),
            hosts: hosts.unwrap_or_default(),
            places: places.unwrap_or_default(),
            note: entry.note.clone(),
            created_at: entry.created_at,
            created_by: entry.created_by.clone(),
            rotated_at: entry.rotated_at,
            rotated_by: entry.rotated_by.clone(),
            expires_at: entry.expires_at,
            expiry: Expiry::at(entry.expires_at, now).as_str(),
            last_used: entry.last_use.as_ref().map(LastUsed::from),
        }
    }
}

impl From<&CredentialLastUse> for LastUsed {
    fn from(last: &CredentialLastUse) -> Self {
        Self {
            at: last.at,
            run: last.run.to_string(),
            version: last.version,
        }
    }
}

impl CredentialShown {
    /// As it stands at `now`.
    pub(crate) fn new(usage: &CredentialUsage, now: Timestamp) -> Self {
        Self {
            credential: Credential::new(&usage.credential, now),
            used_by: (&usage.dependents).into(),
        }
    }
}

impl From<&Dependents> for UsedBy {
    fn from(dependents: &Dependents) -> Self {
        let of = |steps: &[(_, _)]| steps.iter().map(StepOf::from).collect();
        let workflows = dependents.workflows.iter();
        Self {
            workflows: workflows.map(ToString::to_string).collect(),
            steps: of(&dependents.steps),
            dynamic: of(&dependents.dynamic),
        }
    }
}

// === impl Changes ===

impl From<&[CredentialChanged]> for Changes {
    fn from(changed: &[CredentialChanged]) -> Self {
        Self {
            results: changed.iter().map(Change::from).collect(),
        }
    }
}

impl From<&CredentialChanged> for Change {
    fn from(changed: &CredentialChanged) -> Self {
        let gone = |key: &CredentialKey, result| {
            Self::Gone(Gone {
                key: key.to_string(),
                result,
            })
        };
        match changed {
            CredentialChanged::Set(put) => Self::Set(put.into()),
            CredentialChanged::Deleted(key) => gone(key, "deleted"),
            CredentialChanged::Absent(key) => gone(key, "absent"),
        }
    }
}

// === impl Usage ===

impl From<&CredentialUsage> for Usage {
    fn from(usage: &CredentialUsage) -> Self {
        let entry = &usage.credential;
        Self {
            key: entry.key.to_string(),
            used_by: (&usage.dependents).into(),
            last_used: entry.last_use.as_ref().map(LastUsed::from),
        }
    }
}

// === impl Effective ===

impl Effective {
    /// As it stands at `now`.
    pub(crate) fn new(effective: &EffectiveCredential, now: Timestamp) -> Self {
        Self {
            credential: Credential::new(&effective.credential, now),
            overrides: effective.overrides,
            permitted: effective.permitted,
        }
    }
}
