//! `lockstep credential list`, `show`, `usage` and `delete`.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use lockstep_runner::{CredentialEntry, Dependents, EffectiveCredential};
use lockstep_step::{CredentialKey, RunId, StepName, WorkflowName, WorkspaceName};

use super::expiry::ExpiryFields;
use super::{ListArguments, OneArguments};
use crate::backend::Backend;
use crate::commands::show::{HandlingFields, ScopeFields, time};
use crate::commands::workspace::removal;
use crate::config::Config;
use crate::console::{Answer, Console, Paint};
use crate::host::Keys;
use crate::problem::Problem;
use crate::table::Table;

#[derive(Serialize)]
struct Credentials {
    workspace: WorkspaceName,
    credentials: Vec<Credential>,
}

#[derive(Serialize)]
struct Credential {
    key: CredentialKey,
    #[serde(flatten)]
    scope: ScopeFields,
    version: u64,
    /// Length of the value, in bytes; null where the record cannot be read.
    size: Option<usize>,
    /// Whether the value can be taken out of texts; null where that is not known.
    maskable: Option<bool>,
    #[serde(flatten)]
    handling: HandlingFields,
    #[serde(flatten)]
    expiry: ExpiryFields,
    created_at: Timestamp,
    created_by: String,
    rotated_at: Timestamp,
    rotated_by: String,
    /// When the last run ended that is known to have been given it, to the minute, and which one it was.
    last_used_at: Option<Timestamp>,
    last_used_by: Option<RunId>,
    note: Option<String>,
}

/// What a workflow gets.
#[derive(Serialize)]
struct EffectiveCredentials {
    workspace: WorkspaceName,
    workflow: WorkflowName,
    credentials: Vec<Effective>,
}

#[derive(Serialize)]
struct Effective {
    #[serde(flatten)]
    credential: Credential,
    /// Whether it stands before one of the workspace.
    overrides: bool,
    /// Whether the workflow may use it.
    permitted: bool,
}

#[derive(Serialize)]
struct Usage {
    #[serde(flatten)]
    credential: Credential,
    /// Workflows whose permission lists the key.
    workflows: Vec<WorkflowName>,
    /// Steps that name the key.
    steps: Vec<Step>,
    /// Steps that do not name it, and may use it all the same: they compute a key.
    dynamic: Vec<Step>,
}

#[derive(Serialize)]
struct Step {
    workflow: WorkflowName,
    step: StepName,
}

#[derive(Serialize)]
struct Deleted {
    workspace: WorkspaceName,
    key: CredentialKey,
    #[serde(flatten)]
    scope: ScopeFields,
    result: &'static str,
}

/// One credential on its own.
#[derive(Serialize)]
#[serde(transparent)]
struct Shown(Credential);

pub(super) async fn list(
    arguments: ListArguments,
    config: &Config,
    console: &Console,
) -> Result<(), Problem> {
    let host = Backend::open(config, Keys::Unused, console).await?;
    let ListArguments {
        workspace,
        workflow,
        effective,
    } = arguments;
    if effective {
        let workflow = workflow.unwrap_or_else(WorkflowName::default_name);
        return list_effective(&host, workspace, workflow, console).await;
    }
    if let Some(workflow) = &workflow {
        // An unknown one is an error, not an empty list.
        host.workflow(&workspace, workflow).await?;
    }
    let entries = host.credentials(&workspace).await?.into_iter();
    let wanted =
        |entry: &CredentialEntry| workflow.is_none() || entry.scope.workflow() == workflow.as_ref();
    let now = Timestamp::now();
    let wanted = entries.filter(wanted);
    let credentials: Vec<_> = wanted.map(|entry| Credential::new(entry, now)).collect();
    warn_of_expiry(&credentials, console);
    if credentials.is_empty() {
        console.note("there are no credentials");
    }
    console.show(&Credentials {
        workspace,
        credentials,
    })?;
    Ok(())
}

async fn list_effective(
    host: &Backend,
    workspace: WorkspaceName,
    workflow: WorkflowName,
    console: &Console,
) -> Result<(), Problem> {
    let entries = host.effective_credentials(&workspace, &workflow).await?;
    if entries.is_empty() {
        console.note("there are no credentials");
    }
    let now = Timestamp::now();
    let entries = entries.into_iter();
    let credentials = entries.map(|entry| Effective::new(entry, now)).collect();
    console.show(&EffectiveCredentials {
        workspace,
        workflow,
        credentials,
    })?;
    Ok(())
}

pub(super) async fn show(
    one: OneArguments,
    config: &Config,
    console: &Console,
) -> Result<(), Problem> {
    let (credential, _) = find(one, config, console).await?;
    console.show(&Shown(credential))?;
    Ok(())
}

pub(super) async fn usage(
    one: OneArguments,
    config: &Config,
    console: &Console,
) -> Result<(), Problem> {
    let (credential, dependents) = find(one, config, console).await?;
    let steps = |steps: Vec<_>| {
        let steps = steps.into_iter();
        steps
            .map(|(workflow, step)| Step { workflow, step })
            .collect()
    };
    console.show(&Usage {
        credential,
        workflows: dependents.workflows,
        steps: steps(dependents.steps),
        dynamic: steps(dependents.dynamic),
    })?;
    Ok(())
}

async fn find(
    one: OneArguments,
    config: &Config,
    console: &Console,
) -> Result<(Credential, Dependents), Problem> {
    let host = Backend::open(config, Keys::Unused, console).await?;
    let OneArguments { key, place } = one;
    let usage = host
        .credential_usage(&place.workspace, &place.scope(), &key)
        .await?;
    let credential = Credential::new(usage.credential, Timestamp::now());
    Ok((credential, usage.dependents))
}

/// Of what expires soon or has expired, one line each.
fn warn_of_expiry(credentials: &[Credential], console: &Console) {
    for (word, told) in [
        ("soon", "expires within 14 days"),
        ("expired", "has expired"),
    ] {
        let keys = credentials.iter().filter(|it| it.expiry.is(word));
        let keys: Vec<String> = keys.map(|it| format!("`{}`", it.key)).collect();
        if !keys.is_empty() {
            let keys = keys.join(", ");
            console.warn(&format!(
                "{told}: {keys}; `lockstep credential rotate` sets a new value"
            ));
        }
    }
}

pub(super) async fn delete(
    one: OneArguments,
    force: bool,
    config: &Config,
    console: &Console,
) -> Result<(), Problem> {
    let host = Backend::open(config, Keys::Unused, console).await?;
    let OneArguments { key, place } = one;
    let scope = place.scope();
    host.delete_credential(&place.workspace, &scope, &key, removal(force))
        .await?;
    console.show(&Deleted {
        workspace: place.workspace,
        key,
        scope: ScopeFields::from(&scope),
        result: "deleted",
    })?;
    Ok(())
}

impl Credential {
    /// As it stands at `now`.
    fn new(entry: CredentialEntry, now: Timestamp) -> Self {
        Self {
            scope: ScopeFields::from(&entry.scope),
            key: entry.key,
            version: entry.version,
            size: entry.value_bytes,
            maskable: entry.maskable,
            handling: HandlingFields::from(&entry.handling),
            expiry: ExpiryFields::new(entry.expires_at, now),
            created_at: entry.created_at,
            created_by: entry.created_by,
            rotated_at: entry.rotated_at,
            rotated_by: entry.rotated_by,
            last_used_at: entry.last_use.as_ref().map(|last| last.at),
            last_used_by: entry.last_use.map(|last| last.run),
            note: entry.note,
        }
    }
}

impl Effective {
    /// As it stands at `now`.
    fn new(effective: EffectiveCredential, now: Timestamp) -> Self {
        Self {
            credential: Credential::new(effective.credential, now),
            overrides: effective.overrides,
            permitted: effective.permitted,
        }
    }
}

impl Answer for Credentials {
    fn text(&self, out: &mut dyn fmt::Write, _: Paint) -> fmt::Result {
        if self.credentials.is_empty() {
            return Ok(());
        }
        let mut table = Table::new([
            "KEY",
            "SCOPE",
            "VERSION",
            "SEALED FOR",
            "SET",
            "BY",
            "EXPIRES",
            "LAST USED",
            "NOTE",
        ]);
        for credential in &self.credentials {
            table.row([
                credential.key.to_string(),
                credential.scope.to_string(),
                credential.version.to_string(),
                credential.handling.to_string(),
                time(credential.rotated_at),
                credential.rotated_by.clone(),
                credential.expiry.to_string(),
                credential.last_used_at.map_or_else(|| "-".to_owned(), time),
                credential.note.clone().unwrap_or_default(),
            ]);
        }
        write!(out, "{table}")
    }
}

impl Answer for EffectiveCredentials {
    fn text(&self, out: &mut dyn fmt::Write, _: Paint) -> fmt::Result {
        if self.credentials.is_empty() {
            return Ok(());
        }
        let mut table = Table::new([
            "KEY",
            "FROM",
            "VERSION",
            "SEALED FOR",
            "OVERRIDES",
            "PERMITTED",
            "EXPIRES",
        ]);
        let word = |is: bool| if is { "yes" } else { "no" }.to_owned();
        for effective in &self.credentials {
            table.row([
                effective.credential.key.to_string(),
                effective.credential.scope.to_string(),
                effective.credential.version.to_string(),
                effective.credential.handling.to_string(),
                word(effective.overrides),
                word(effective.permitted),
                effective.credential.expiry.to_string(),
            ]);
        }
        write!(out, "{table}")
    }
}

impl Answer for Shown {
    fn text(&self, out: &mut dyn fmt::Write, _: Paint) -> fmt::Result {
        let Credential {
            key,
            scope,
            version,
            handling,
            ..
        } = &self.0;
        writeln!(out, "key      {key}")?;
        writeln!(out, "scope    {scope}")?;
        writeln!(out, "version  {version}")?;
        writeln!(out, "sealed   {}", handling.in_words())?;
        writeln!(
            out,
            "created  {} by {}",
            time(self.0.created_at),
            self.0.created_by
        )?;
        if *version > 1 {
            writeln!(
                out,
                "rotated  {} by {}",
                time(self.0.rotated_at),
                self.0.rotated_by
            )?;
        }
        if let Some(size) = self.0.size {
            let masked = match self.0.maskable {
                Some(true) => ", masked in texts",
                Some(false) => ", too short or blank, and not masked in texts",
                None => "",
            };
            writeln!(out, "value    {size} bytes{masked}")?;
        }
        writeln!(out, "expires  {}", self.0.expiry)?;
        match (self.0.last_used_at, self.0.last_used_by) {
            (Some(at), Some(run)) => writeln!(out, "used     {} by run {run}", time(at))?,
            (Some(_) | None, _) => writeln!(out, "used     -")?,
        }
        match &self.0.note {
            Some(note) => writeln!(out, "note     {note}"),
            None => Ok(()),
        }
    }
}

impl Answer for Usage {
    fn text(&self, out: &mut dyn fmt::Write, _: Paint) -> fmt::Result {
        let Credential { key, handling, .. } = &self.credential;
        if handling.is_sealed() {
            writeln!(
                out,
                "`{key}` is sealed for {handling}: steps get a placeholder"
            )?;
        }
        if self.workflows.is_empty() && self.steps.is_empty() && self.dynamic.is_empty() {
            return writeln!(out, "nothing is known to use `{key}`");
        }
        for workflow in &self.workflows {
            writeln!(out, "workflow `{workflow}` lists it in its permission")?;
        }
        for Step { workflow, step } in &self.steps {
            writeln!(out, "step `{step}` of workflow `{workflow}` names it")?;
        }
        for Step { workflow, step } in &self.dynamic {
            writeln!(
                out,
                "step `{step}` of workflow `{workflow}` may use it: it computes keys (dynamic)"
            )?;
        }
        Ok(())
    }
}

impl Answer for Deleted {
    fn text(&self, out: &mut dyn fmt::Write, _: Paint) -> fmt::Result {
        writeln!(
            out,
            "credential `{}` deleted: {}",
            self.key,
            self.scope.in_words(&self.workspace)
        )
    }
}
