//! An engine in Rust runs two steps of a workflow; between them an admin rotates the credential that both use.
//!
//! `cargo run -p lockstep-runner --example rotation`

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use lockstep_runner::{
    IfAbsent, NewCredential, PutRule, RunReport, RunRequest, Runner, Sandbox, SandboxConfig,
    SourceKind, SqliteStore, StepFile, StepSource, Vault, open_key_file,
};
use lockstep_secret::Secret;
use lockstep_step::{
    Caller, CredentialKey, Limits, Outcome, Role, Scope, WorkflowName, WorkspaceName,
};

/// The output of one step is the input of the next.
const STEPS: [(&str, &str); 2] = [
    (
        "fetch-orders.ts",
        "export default () => {
           console.log(`asking with ${credential('SHOP_TOKEN')}`); // the log shows ***
           return { orders: [{ id: 1, total: 20 }, { id: 2, total: 22 }] };
         };",
    ),
    (
        "sum-orders.ts",
        "export default ({ orders }: { orders: { total: number }[] }) => {
           console.log(`telling with ${credential('SHOP_TOKEN')}`);
           return { total: orders.reduce((sum, order) => sum + order.total, 0) };
         };",
    ),
];

#[tokio::main]
#[expect(clippy::print_stdout, reason = "it is what the example shows")]
async fn main() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    for report in run_workflow(directory.path()).await? {
        let credential = &report.receipt.credentials[0];
        println!(
            "{} used {} version {} and gave {}",
            report.run,
            credential.key,
            credential.version,
            output(&report)?
        );
    }
    Ok(())
}

/// Runs the steps one after the other, and tells how each went.
pub(crate) async fn run_workflow(directory: &Path) -> Result<Vec<RunReport>, Box<dyn Error>> {
    let shop = Shop::open(directory)?;
    let mut reports: Vec<RunReport> = Vec::new();
    for (name, source) in STEPS {
        shop.set_token(format!("token-before-{name}")).await?;
        let input = reports.last().map_or(Ok("null"), output)?.to_owned();
        reports.push(shop.run(name, source, input).await?);
    }
    Ok(reports)
}

/// What an engine keeps for as long as it lives: one runner, whose clones share everything.
struct Shop {
    runner: Runner,
    workspace: WorkspaceName,
    workflow: WorkflowName,
}

impl Shop {
    /// The database is in `directory/data`; the key is not next to it, or whoever copies one has the other.
    fn open(directory: &Path) -> Result<Self, Box<dyn Error>> {
        let data = directory.join("data");
        let store = SqliteStore::open(&data, Timestamp::now())?;
        let ring = open_key_file(&directory.join("key"), &data, IfAbsent::Create)?;
        // Two runs at a time; more of them queue.
        let sandbox = Sandbox::new(SandboxConfig::for_runs(2))?;
        Ok(Self {
            runner: Runner::new(Arc::new(store), Arc::new(Vault::new(ring)), sandbox),
            workspace: WorkspaceName::default_name(),
            workflow: WorkflowName::default_name(),
        })
    }

    /// Creates or rotates the token. An engine does not have to: `lockstep credential set` does the same.
    async fn set_token(&self, value: String) -> Result<(), Box<dyn Error>> {
        let admin = Caller {
            name: "admin".to_owned(),
            role: Role::Admin,
        };
        let key: CredentialKey = "SHOP_TOKEN".parse()?;
        let credential = NewCredential {
            key,
            value: Secret::new(value),
            note: None,
            handling: None,
            expires_at: None,
        };
        let (workspace, rule) = (&self.workspace, PutRule::CreateOrRotate);
        self.runner
            .put_credentials(&admin, workspace, &Scope::Workspace, &[credential], rule)
            .await?;
        Ok(())
    }

    /// An engine runs steps and no more, so its role is [`Role::Runner`].
    async fn run(
        &self,
        name: &str,
        source: &str,
        input: String,
    ) -> Result<RunReport, Box<dyn Error>> {
        let engine = Caller {
            name: "engine".to_owned(),
            role: Role::Runner,
        };
        let request = RunRequest {
            workspace: self.workspace.clone(),
            workflow: self.workflow.clone(),
            step: StepSource::Inline(StepFile {
                name: name.to_owned(),
                kind: SourceKind::TypeScript,
                bytes: source.as_bytes().to_vec(),
            }),
            input,
            attempt: 1,
            limits: Limits::default(),
            listener: None,
            trace: None,
            cancel: CancellationToken::new(),
        };
        Ok(self.runner.run(&engine, request).await?)
    }
}

/// What a guest does is data: how its run ended is looked at, and only what the host could not do is an error.
fn output(report: &RunReport) -> Result<&str, &'static str> {
    match &report.outcome {
        Outcome::Completed(output) => Ok(output.as_str()),
        Outcome::Failed(_) => Err("a step failed"),
        Outcome::Stopped(_) => Err("a step was stopped"),
    }
}
