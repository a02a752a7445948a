//! What the path of a request names. Each part is valid once it is here.

use std::collections::HashMap;
use std::str::FromStr;

use axum::RequestPartsExt as _;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

use lockstep_runner::{KekId, Token};
use lockstep_secret::Secret;
use lockstep_step::{
    CredentialKey, MemberName, RunId, Scope, StepName, TokenName, WorkflowName, WorkspaceName,
};

use crate::problem::Problem;

/// The parts of a path by their names in the route, decoded.
pub(crate) struct Place(HashMap<String, String>);

impl Place {
    /// The workspace that the path names, where that is not the caller's.
    pub(crate) fn workspace(&self) -> Result<WorkspaceName, Problem> {
        self.named("workspace", "invalid_name")
    }

    /// The workflow that the path names.
    pub(crate) fn workflow(&self) -> Result<WorkflowName, Problem> {
        self.named("workflow", "invalid_name")
    }

    /// The step that the path names.
    pub(crate) fn step(&self) -> Result<StepName, Problem> {
        self.named("step", "invalid_name")
    }

    /// The run that the path names.
    pub(crate) fn run(&self) -> Result<RunId, Problem> {
        self.named("run", "invalid_run_id")
    }

    /// The token that the path names.
    pub(crate) fn token(&self) -> Result<TokenName, Problem> {
        // Not repeated: a message that it does not exist would tell it to a log.
        if self.0.get("name").is_some_and(|name| is_token(name)) {
            let detail = "that is a token, and not the name of one";
            return Err(Problem::bad_request("invalid_name", detail)
                .hint("`GET …/tokens` tells the names; revoke a token that was sent by mistake"));
        }
        self.named("name", "invalid_name")
    }

    /// The member that the path names.
    pub(crate) fn member(&self) -> Result<MemberName, Problem> {
        self.named("member", "invalid_name")
    }

    /// The key that the path names.
    pub(crate) fn key(&self) -> Result<CredentialKey, Problem> {
        self.named("key", "invalid_key")
    }

    /// The key-encryption key that the path names.
    pub(crate) fn kek(&self) -> Result<KekId, Problem> {
        self.named("id", "invalid_key_id")
    }

    /// The workflow's, if the path names one, and otherwise the workspace's.
    pub(crate) fn scope(&self) -> Result<Scope, Problem> {
        if self.0.contains_key("workflow") {
            self.workflow().map(Scope::Workflow)
        } else {
            Ok(Scope::Workspace)
        }
    }

    fn named<T: FromStr<Err: std::fmt::Display>>(
        &self,
        part: &str,
        code: &'static str,
    ) -> Result<T, Problem> {
        let text = self.0.get(part).map_or("", String::as_str);
        text.parse()
            .map_err(|error| Problem::bad_request(code, error))
    }
}

fn is_token(text: &str) -> bool {
    Token::parse(Secret::new(text.to_owned())).is_ok()
}

impl<S: Sync> FromRequestParts<S> for Place {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        names(parts).await.map(Self)
    }
}

/// The parts of the path by their names in the route.
pub(crate) async fn names(parts: &mut Parts) -> Result<HashMap<String, String>, Problem> {
    let names = parts.extract::<Path<HashMap<String, String>>>().await;
    let Path(names) = names.map_err(|_| Problem::path_not_utf8())?;
    Ok(names)
}
