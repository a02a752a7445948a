//! `lockstep demo`: the whole story on a temporary store, explained as it goes. Each line that it tells is observed.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, bail, ensure};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use lockstep_runner::{NewCredential, PutRule, RunReport, RunRequest, Runner, StepSource};
use lockstep_sandbox::{LogSink, Sandbox, SandboxConfig, StepFile};
use lockstep_secret::Secret;
use lockstep_step::{
    Caller, CredentialKey, Limits, LogChunk, Outcome, OutcomeKind, Role, Scope, UsagePermission,
    WorkflowName, WorkspaceName,
};
use lockstep_store::SqliteStore;
use lockstep_vault::{Kek, Keyring, Vault};

use crate::console::{Console, Form};
use crate::problem::{Exit, Problem};

/// Written in the text format, so that the demo needs no compiler.
const STEP: &[u8] = include_bytes!("demo/post-message.wat");
const KEY: &str = "SLACK_BOT_TOKEN";
const WORKSPACE_VALUE: &str = "xoxb-demo-workspace-1f93ab";
const ALERTS_VALUE: &str = "xoxb-demo-alerts-77c0de";
const ROTATED_VALUE: &str = "xoxb-demo-rotated-5d20e8";

struct Demo<'a> {
    runner: Runner,
    admin: Caller,
    workspace: WorkspaceName,
    console: &'a Console,
    /// What is told to programs.
    runs: Vec<Value>,
}

/// Tells the story. The store is in a temporary directory, which is gone afterwards.
pub(crate) async fn carry_out(console: &Console) -> Result<Exit, Problem> {
    match tell(console).await {
        Ok(()) => Ok(Exit::Completed),
        Err(error) => {
            let problem = Problem::new(
                Exit::Host,
                "demo_failed",
                "the demo did not go as it should",
            );
            Err(problem.because(Some(error.as_ref())))
        }
    }
}

async fn tell(console: &Console) -> anyhow::Result<()> {
    let directory = tempfile::tempdir().context("cannot make a temporary directory")?;
    let data = directory.path().join("data");
    let mut demo = Demo::start(&data, console)?;
    demo.set_and_run().await?;
    demo.override_in_a_workflow().await?;
    demo.select().await?;
    demo.rotate().await?;
    let files = demo.search(&data)?;
    demo.say("\nThe store is removed now. Next: `lockstep credential set KEY`, `lockstep run FILE`, `lockstep --help`.")?;
    match console.form() {
        Form::Json => {
            Ok(console
                .show_json(&json!({ "runs": demo.runs, "files_without_plaintext": files }))?)
        }
        Form::Text => Ok(()),
    }
}

impl<'a> Demo<'a> {
    fn start(data: &Path, console: &'a Console) -> anyhow::Result<Self> {
        let store =
            SqliteStore::open(data, Timestamp::now()).context("cannot make the demo's store")?;
        let key = Kek::generate().context("cannot make the demo's key")?;
        let sandbox =
            Sandbox::new(SandboxConfig::for_runs(1)).context("cannot start the demo's sandbox")?;
        let runner = Runner::new(
            Arc::new(store),
            Arc::new(Vault::new(Keyring::new(key))),
            sandbox,
        );
        let admin = Caller {
            name: "cli:demo".to_owned(),
            role: Role::Admin,
        };
        let workspace = WorkspaceName::default_name();
        Ok(Self {
            runner,
            admin,
            workspace,
            console,
            runs: Vec::new(),
        })
    }

    async fn set_and_run(&mut self) -> anyhow::Result<()> {
        self.say("Lockstep runs a workflow's steps as WebAssembly, gives them credentials, and keeps those out of all")?;
        self.say(
            "that is written down. This demo has a store of its own, in a temporary directory.\n",
        )?;
        self.say(&format!(
            "1. An admin sets the credential `{KEY}` of the workspace."
        ))?;
        self.say("   It is sealed with AES-256-GCM and never shown again, to anybody.")?;
        self.set(&Scope::Workspace, WORKSPACE_VALUE).await?;
        self.say("\n2. A step asks for it, and carelessly prints it. What it prints is masked before it is written.")?;
        let default = WorkflowName::default_name();
        let ran = self.run_step(&default).await?;
        expect(&ran, OutcomeKind::Completed)
    }

    async fn override_in_a_workflow(&mut self) -> anyhow::Result<()> {
        let alerts: WorkflowName = "alerts".parse()?;
        self.say("\n3. The workflow `alerts` gets a value of its own, which stands before the workspace's.")?;
        self.runner
            .add_workflow(&self.admin, &self.workspace, &alerts)
            .await?;
        let scope = Scope::Workflow(alerts.clone());
        self.set(&scope, ALERTS_VALUE).await?;
        let ran = self.run_step(&alerts).await?;
        expect(&ran, OutcomeKind::Completed)?;
        ensure!(
            ran.receipt.credentials[0].scope == scope,
            "the workflow's credential was not used"
        );
        Ok(())
    }

    async fn select(&mut self) -> anyhow::Result<()> {
        let reports: WorkflowName = "reports".parse()?;
        self.say("\n4. The workflow `reports` may use `MAIL_PASSWORD` only: for the step, the token is not there.")?;
        self.runner
            .add_workflow(&self.admin, &self.workspace, &reports)
            .await?;
        let selected = UsagePermission::Selected(["MAIL_PASSWORD".parse()?].into());
        self.runner
            .set_permission(&self.admin, &self.workspace, &reports, &selected)
            .await?;
        let ran = self.run_step(&reports).await?;
        expect(&ran, OutcomeKind::MissingCredential)
    }

    async fn rotate(&mut self) -> anyhow::Result<()> {
        let default = WorkflowName::default_name();
        self.say(
            "\n5. The credential is rotated between two steps: the next one sees the new version.",
        )?;
        let before = self.run_step(&default).await?;
        self.set(&Scope::Workspace, ROTATED_VALUE).await?;
        let after = self.run_step(&default).await?;
        let versions = [&before, &after].map(|ran| ran.receipt.credentials[0].version);
        ensure!(
            versions == [1, 2],
            "the steps saw the versions {versions:?}"
        );
        Ok(())
    }

    fn search(&mut self, data: &Path) -> anyhow::Result<u32> {
        self.say("\n6. Every file of the store is searched for the three values.")?;
        let (mut files, mut bytes) = (0_u32, 0_usize);
        for entry in walk(data)? {
            let content =
                fs::read(&entry).with_context(|| format!("cannot read `{}`", entry.display()))?;
            for value in [WORKSPACE_VALUE, ALERTS_VALUE, ROTATED_VALUE] {
                let found = content
                    .windows(value.len())
                    .any(|window| window == value.as_bytes());
                ensure!(!found, "a value is in `{}`", entry.display());
            }
            files += 1;
            bytes += content.len();
        }
        self.say(&format!("   none of them is in any of the {files} files ({bytes} bytes): only sealed envelopes are"))?;
        Ok(files)
    }

    async fn set(&mut self, scope: &Scope, value: &str) -> anyhow::Result<()> {
        let key: CredentialKey = KEY.parse()?;
        let new = [NewCredential {
            key,
            value: Secret::new(value.to_owned()),
            note: None,
            expires_at: None,
            handling: None,
        }];
        let put = self.runner.put_credentials(
            &self.admin,
            &self.workspace,
            scope,
            &new,
            PutRule::CreateOrRotate,
        );
        let put = put.await?;
        let shown = scope
            .workflow()
            .map(|workflow| format!(" --workflow {workflow}"))
            .unwrap_or_default();
        self.say(&format!(
            "   $ lockstep credential set {KEY}{shown}      (the value is typed, unseen)"
        ))?;
        self.say(&format!(
            "   `{KEY}` of the {scope} has version {} now",
            put[0].version
        ))
    }

    async fn run_step(&mut self, workflow: &WorkflowName) -> anyhow::Result<RunReport> {
        self.say(&format!(
            "   $ lockstep run post-message.wat --workflow {workflow}"
        ))?;
        let log = Arc::new(Log::default());
        let request = RunRequest {
            workspace: self.workspace.clone(),
            workflow: workflow.clone(),
            step: StepSource::Inline(StepFile::named(
                "post-message.wat".to_owned(),
                STEP.to_vec(),
            )),
            input: "null".to_owned(),
            attempt: 1,
            limits: Limits::default(),
            listener: Some(Arc::clone(&log) as Arc<dyn LogSink>),
            trace: None,
            cancel: CancellationToken::new(),
        };
        let report = self.runner.run(&self.admin, request).await?;
        let masked = log.text().contains("***");
        ensure!(
            masked || report.receipt.credentials.is_empty(),
            "the token that the step printed was not masked"
        );
        for line in log.text().lines() {
            self.say(&format!("   log     {line}"))?;
        }
        match &report.outcome {
            Outcome::Completed(output) => self.say(&format!("   output  {output}"))?,
            Outcome::Failed(failure) | Outcome::Stopped(failure) => {
                self.say(&format!("   {}  {}", failure.kind, failure.message))?;
            }
        }
        self.runs.push(json!({
            "run": report.run,
            "workflow": workflow,
            "kind": report.outcome.kind(),
            "credentials": report.receipt.credentials,
        }));
        for used in &report.receipt.credentials {
            let (key, version, scope) = (&used.key, used.version, &used.scope);
            self.say(&format!(
                "   used    `{key}` version {version} of the {scope}; {} us",
                report.receipt.run_us
            ))?;
        }
        Ok(report)
    }

    fn say(&self, line: &str) -> anyhow::Result<()> {
        match self.console.form() {
            Form::Text => Ok(self.console.write(format!("{line}\n").as_bytes())?),
            Form::Json => Ok(()),
        }
    }
}

fn expect(ran: &RunReport, kind: OutcomeKind) -> anyhow::Result<()> {
    match ran.outcome.kind() {
        found if found == kind => Ok(()),
        found => bail!("the step ended with `{found}`, not with `{kind}`"),
    }
}

fn walk(directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in
        fs::read_dir(directory).with_context(|| format!("cannot read `{}`", directory.display()))?
    {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(walk(&path)?);
        } else {
            files.push(path);
        }
    }
    Ok(files)
}

#[derive(Default)]
struct Log(Mutex<Vec<u8>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl LogSink for Log {
    fn write(&self, chunk: LogChunk) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(chunk.text.into_inner());
    }
}
