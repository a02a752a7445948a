//! `lockstep step`.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use clap::Subcommand;
use jiff::Timestamp;
use serde::Serialize;

use lockstep_runner::{StepAdded, StepEntry};
use lockstep_step::{CredentialKey, DenialReason, Digest, StepName, WorkflowName, WorkspaceName};

use super::run::read_step;
use super::show::{list, time};
use crate::arguments::InWorkflow;
use crate::backend::Backend;
use crate::config::Config;
use crate::console::{Answer, Console, Mood, Paint};
use crate::host::Keys;
use crate::problem::{Exit, Problem};
use crate::table::Table;

const EXAMPLES: &str = "\
Examples:
  lockstep step add greet greet.ts
  lockstep step add post target/wasm32-wasip2/release/post.wasm
  lockstep step add post post.wasm --workflow billing
  lockstep run post --workflow billing";

#[derive(Debug, Subcommand)]
pub(crate) enum StepCommand {
    /// Add a step to a workflow, or a new version of it. It is checked and compiled now, so that a run finds it ready.
    #[command(after_help = EXAMPLES)]
    Add {
        /// Its name.
        name: StepName,
        /// JavaScript or TypeScript source, a component of the world `lockstep:step/step`, whatever tool built it, a core
        /// module or the text format.
        file: PathBuf,
        #[command(flatten)]
        place: InWorkflow,
    },
    /// List the steps of a workspace, or of one workflow.
    List {
        /// The workspace.
        #[arg(long, value_name = "WORKSPACE", default_value = "default")]
        workspace: WorkspaceName,
        /// Only the steps of this workflow.
        #[arg(long, value_name = "WORKFLOW")]
        workflow: Option<WorkflowName>,
    },
    /// Show a step, and the credentials that it names.
    Show {
        /// Its name.
        name: StepName,
        #[command(flatten)]
        place: InWorkflow,
    },
    /// Remove a step. The record of its runs stays.
    Remove {
        /// Its name.
        name: StepName,
        #[command(flatten)]
        place: InWorkflow,
    },
}

#[derive(Serialize)]
struct Steps {
    workspace: WorkspaceName,
    steps: Vec<Step>,
}

#[derive(Serialize)]
struct Step {
    workflow: WorkflowName,
    name: StepName,
    version: u64,
    /// Of the file that was added.
    digest: Digest,
    /// `component`, `module`, `text`, `javascript` or `typescript`.
    kind: String,
    /// Of what is run, which a core module was encoded into.
    artifact_bytes: u64,
    /// Keys that its code names.
    references: BTreeSet<CredentialKey>,
    /// Whether its code may ask for others, as it computes a key.
    dynamic: bool,
    created_at: Timestamp,
    created_by: String,
}

#[derive(Serialize)]
struct StepShown {
    #[serde(flatten)]
    step: Step,
    warnings: Vec<Warning>,
    /// Keys that it names and gets placeholders for.
    sealed: BTreeSet<CredentialKey>,
    /// Keys that it names and gets until soon.
    expiring: Vec<Expiring>,
}

/// A credential that the step names and gets until soon.
#[derive(Serialize)]
struct Expiring {
    key: CredentialKey,
    expires_at: Timestamp,
}

/// A credential that the step names and would not get.
#[derive(Serialize)]
struct Warning {
    key: CredentialKey,
    reason: DenialReason,
}

/// A step that was removed.
#[derive(Serialize)]
struct Removed {
    workspace: WorkspaceName,
    workflow: WorkflowName,
    step: StepName,
    result: &'static str,
}

pub(crate) async fn carry_out(
    command: StepCommand,
    config: &Config,
    console: &Console,
) -> Result<Exit, Problem> {
    match command {
        StepCommand::Add { name, file, place } => {
            let source = read_step(&file)?;
            let host = Backend::open(config, Keys::Unused, console).await?;
            let InWorkflow {
                workspace,
                workflow,
            } = place;
            let added = host.add_step(&workspace, &workflow, &name, source).await?;
            console.show(&StepShown::from(added))?;
        }
        StepCommand::List {
            workspace,
            workflow,
        } => {
            let host = Backend::open(config, Keys::Unused, console).await?;
            let steps = host.steps(&workspace, workflow.as_ref()).await?;
            if steps.is_empty() {
                console.note("there are no steps");
            }
            let steps = steps.into_iter().map(Step::from).collect();
            console.show(&Steps { workspace, steps })?;
        }
        StepCommand::Show { name, place } => {
            let host = Backend::open(config, Keys::Unused, console).await?;
            let step = host.step(&place.workspace, &place.workflow, &name).await?;
            console.show(&StepShown::from(step))?;
        }
        StepCommand::Remove { name, place } => {
            let host = Backend::open(config, Keys::Unused, console).await?;
            let InWorkflow {
                workspace,
                workflow,
            } = place;
            host.remove_step(&workspace, &workflow, &name).await?;
            let result = "removed";
            console.show(&Removed {
                workspace,
                workflow,
                step: name,
                result,
            })?;
        }
    }
    Ok(Exit::Completed)
}

/// The keys that a step names, and whether there may be others.
fn references(step: &Step) -> String {
    match (step.dynamic, step.references.is_empty()) {
        (false, _) => list(&step.references),
        (true, true) => DYNAMIC.to_owned(),
        (true, false) => format!("{}, {DYNAMIC}", list(&step.references)),
    }
}

/// Stands for keys that a step computes.
const DYNAMIC: &str = "(dynamic)";

/// Why a step would not get a credential, as part of a sentence.
pub(super) fn reason_in_words(reason: DenialReason) -> &'static str {
    match reason {
        DenialReason::NotFound => "there is no such credential",
        DenialReason::Expired => "it has expired",
        DenialReason::NotPermitted => "its workflow may not use it",
        DenialReason::NotSealed => {
            "its workspace allows sealed credentials only, and it is not sealed"
        }
        DenialReason::InvalidKey => "it is not a key",
    }
}

impl From<StepEntry> for Step {
    fn from(entry: StepEntry) -> Self {
        Self {
            workflow: entry.workflow,
            name: entry.name,
            version: entry.version,
            digest: entry.digest,
            kind: entry.kind,
            artifact_bytes: entry.artifact_bytes,
            references: entry.references,
            dynamic: entry.dynamic,
            created_at: entry.created_at,
            created_by: entry.created_by,
        }
    }
}

impl From<StepAdded> for StepShown {
    fn from(added: StepAdded) -> Self {
        let warnings = added.warnings.into_iter();
        Self {
            step: added.step.into(),
            warnings: warnings
                .map(|warning| Warning {
                    key: warning.key,
                    reason: warning.reason,
                })
                .collect(),
            sealed: added.sealed.into_iter().collect(),
            expiring: added
                .expiring
                .into_iter()
                .map(|(key, expires_at)| Expiring { key, expires_at })
                .collect(),
        }
    }
}

impl Answer for Steps {
    fn text(&self, out: &mut dyn fmt::Write, _: Paint) -> fmt::Result {
        if self.steps.is_empty() {
            return Ok(());
        }
        let mut table = Table::new([
            "STEP",
            "WORKFLOW",
            "VERSION",
            "KIND",
            "BYTES",
            "CREDENTIALS",
            "ADDED",
        ]);
        for step in &self.steps {
            table.row([
                step.name.to_string(),
                step.workflow.to_string(),
                step.version.to_string(),
                step.kind.clone(),
                step.artifact_bytes.to_string(),
                references(step),
                time(step.created_at),
            ]);
        }
        write!(out, "{table}")
    }
}

impl Answer for StepShown {
    fn text(&self, out: &mut dyn fmt::Write, paint: Paint) -> fmt::Result {
        let step = &self.step;
        writeln!(out, "step         {}", step.name)?;
        writeln!(out, "workflow     {}", step.workflow)?;
        writeln!(out, "version      {}", step.version)?;
        writeln!(out, "digest       {}", step.digest)?;
        writeln!(
            out,
            "kind         {}, {} bytes",
            step.kind, step.artifact_bytes
        )?;
        writeln!(
            out,
            "added        {} by {}",
            time(step.created_at),
            step.created_by
        )?;
        writeln!(out, "credentials  {}", references(step))?;
        if !self.sealed.is_empty() {
            writeln!(
                out,
                "sealed       {}: it gets placeholders for requests to their hosts",
                list(&self.sealed)
            )?;
        }
        for Warning { key, reason } in &self.warnings {
            let label = paint.label("warning:", Mood::Doubtful);
            writeln!(
                out,
                "{label} it names `{key}` and would not get it: {}",
                reason_in_words(*reason)
            )?;
        }
        for Expiring { key, expires_at } in &self.expiring {
            let label = paint.label("warning:", Mood::Doubtful);
            let end = time(*expires_at);
            writeln!(out, "{label} it names `{key}`, which expires {end}")?;
        }
        Ok(())
    }
}

impl Answer for Removed {
    fn text(&self, out: &mut dyn fmt::Write, _: Paint) -> fmt::Result {
        writeln!(
            out,
            "step `{}` of workflow `{}` is removed",
            self.step, self.workflow
        )
    }
}
