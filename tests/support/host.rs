//! A host in a directory of its own, over the real store, vault and sandbox.
//!
//! Canary credentials are planted in each. When it is dropped, all that left it is searched for them in every spelling:
//! outputs, failures, logs and records of runs, what commands printed, traces, and every file of the data directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use memchr::memmem;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use lockstep_runner::{
    NewCredential, PutRule, RunError, RunReport, RunRequest, Runner, StepSource,
};
use lockstep_sandbox::{LogSink, Sandbox, SandboxConfig, SourceKind, StepFile};
use lockstep_secret::Secret;
use lockstep_step::{
    Caller, CredentialKey, Handling, Limits, LogChunk, LogStream, OutcomeKind, Role, Scope,
    Sealing, SealingPolicy, UsagePermission, WorkflowName, WorkspaceName,
};
use lockstep_store::SqliteStore;
use lockstep_vault::{IfAbsent, Keyring, Vault, open_key_file};

use crate::scripts::fill_cache;
use crate::spellings::spelling_in;
use crate::traces;

/// A host that a test runs steps in.
pub struct TestHost {
    /// The runner.
    pub runner: Runner,
    /// An admin.
    pub admin: Caller,
    directory: TempDir,
    canaries: Mutex<Vec<String>>,
    left: Mutex<Vec<(String, Vec<u8>)>>,
}

/// A run that a test wants. What is not said has its default.
pub struct Wanted {
    /// The bytes of the step, or `None` for a registered one.
    source: Option<Vec<u8>>,
    label: String,
    input: String,
    workflow: WorkflowName,
    attempt: u32,
    limits: Limits,
    cancel: CancellationToken,
    /// The run is cancelled when its log has this text.
    last_words: Option<String>,
}

/// A run that ended.
pub struct Ran {
    /// What the runner told.
    pub report: RunReport,
    /// What the listener heard, both streams as they came.
    pub log: String,
    /// The same in pieces.
    pub chunks: Vec<LogChunk>,
}

/// Hears the log, and ends the run when it is told to.
#[derive(Default)]
struct Heard {
    chunks: Mutex<Vec<LogChunk>>,
    ends_at: Option<(String, CancellationToken)>,
}

// === impl TestHost ===

impl TestHost {
    /// A host with a place for four runs.
    pub async fn new() -> Self {
        Self::with(SandboxConfig::for_runs(4)).await
    }

    /// A host with this sandbox; its cache of compiled code is in the data directory.
    pub async fn with(config: SandboxConfig) -> Self {
        Self::within(tempfile::tempdir().unwrap(), config).await
    }

    /// A host whose data directory is `data` in this directory.
    pub async fn within(directory: TempDir, mut config: SandboxConfig) -> Self {
        traces::collect();
        config.cache_dir = Some(directory.path().join("data/cache"));
        let runner = runner_in(directory.path(), config);
        let admin = Caller {
            name: "test:admin".to_owned(),
            role: Role::Admin,
        };
        let (canaries, left) = (Mutex::default(), Mutex::default());
        let host = Self {
            runner,
            admin,
            directory,
            canaries,
            left,
        };
        host.set(
            "CANARY",
            &format!(
                "canary-{}-é&\"q'uo\\te\"/+=",
                lockstep_step::RunId::generate()
            ),
        )
        .await;
        let lines = format!(
            "first line {0}\nsecond line {0}\n",
            lockstep_step::RunId::generate()
        );
        host.set("CANARY_LINES", &lines).await;
        host
    }

    /// The data directory.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// The key file.
    #[must_use]
    pub fn key_file(&self) -> PathBuf {
        self.directory.path().join("key")
    }

    /// Where a test may write files of its own.
    #[must_use]
    pub fn scratch(&self) -> &Path {
        self.directory.path()
    }

    /// Sets a credential of the workspace `default`. From now on its value is a canary.
    pub async fn set(&self, key: &str, value: &str) {
        self.put(&Scope::Workspace, key, value).await;
    }

    /// Sets a credential of a workflow. From now on its value is a canary.
    pub async fn set_in(&self, workflow: &str, key: &str, value: &str) {
        self.put(&Scope::Workflow(workflow.parse().unwrap()), key, value)
            .await;
    }

    /// The value of the canary `CANARY`.
    #[must_use]
    pub fn canary(&self) -> String {
        self.canaries.lock().unwrap()[0].clone()
    }

    /// Takes `value` for a canary: nothing that leaves the host may hold it.
    pub fn guard(&self, value: &str) {
        self.canaries.lock().unwrap().push(value.to_owned());
    }

    /// Sets a sealed credential of the workspace `default`, for headers of requests to `host`. Its value is a canary.
    pub async fn set_sealed(&self, key: &str, value: &str, host: &str) {
        let sealing = Sealing::new([host.parse().unwrap()], []).unwrap();
        let handling = Some(Handling::Sealed(sealing));
        self.put_as(&Scope::Workspace, key, value, handling).await;
    }

    /// Whether the workspace `default` requires that its credentials are sealed.
    pub async fn set_sealing(&self, sealing: SealingPolicy) {
        let workspace = WorkspaceName::default_name();
        self.runner
            .set_sealing(&self.admin, &workspace, sealing)
            .await
            .unwrap();
    }

    async fn put(&self, scope: &Scope, key: &str, value: &str) {
        self.put_as(scope, key, value, None).await;
    }

    async fn put_as(&self, scope: &Scope, key: &str, value: &str, handling: Option<Handling>) {
        self.guard(value);
        let (key, value) = (key.parse().unwrap(), Secret::new(value.to_owned()));
        let credentials = [NewCredential {
            key,
            value,
            note: None,
            expires_at: None,
            handling,
        }];
        let workspace = WorkspaceName::default_name();
        let put = self.runner.put_credentials(
            &self.admin,
            &workspace,
            scope,
            &credentials,
            PutRule::CreateOrRotate,
        );
        put.await.unwrap();
    }

    /// Adds a workflow.
    pub async fn add_workflow(&self, name: &str) {
        let workspace = WorkspaceName::default_name();
        self.runner
            .add_workflow(&self.admin, &workspace, &name.parse().unwrap())
            .await
            .unwrap();
    }

    /// Lets a workflow use these keys only.
    pub async fn select(&self, workflow: &str, keys: &[&str]) {
        let keys = keys
            .iter()
            .map(|key| key.parse::<CredentialKey>().unwrap())
            .collect();
        let workspace = WorkspaceName::default_name();
        let permission = UsagePermission::Selected(keys);
        let workflow = workflow.parse().unwrap();
        self.runner
            .set_permission(&self.admin, &workspace, &workflow, &permission)
            .await
            .unwrap();
    }

    /// Runs a step as the admin; panics if the host fails.
    pub async fn run(&self, wanted: Wanted) -> Ran {
        self.run_in(&self.runner, wanted).await
    }

    /// A second runner on the data directory, as another process would have.
    #[must_use]
    pub fn another_runner(&self) -> Runner {
        let mut config = SandboxConfig::for_runs(4);
        config.cache_dir = Some(self.data().join("cache"));
        runner_in(self.directory.path(), config)
    }

    /// Runs a step as the admin in this runner; panics if the host fails.
    pub async fn run_in(&self, runner: &Runner, wanted: Wanted) -> Ran {
        self.try_run_in(runner, &self.admin, wanted)
            .await
            .unwrap_or_else(|error| panic!("no report: {error}: {error:?}"))
    }

    /// Runs a step.
    ///
    /// # Errors
    /// What the runner tells.
    pub async fn try_run(&self, caller: &Caller, wanted: Wanted) -> Result<Ran, RunError> {
        self.try_run_in(&self.runner, caller, wanted).await
    }

    async fn try_run_in(
        &self,
        runner: &Runner,
        caller: &Caller,
        wanted: Wanted,
    ) -> Result<Ran, RunError> {
        if wanted.is_script() {
            fill_cache(&self.data().join("cache")).await;
        }
        let heard = Arc::new(Heard {
            chunks: Mutex::default(),
            ends_at: wanted.ends_at(),
        });
        let request = wanted.request(Arc::clone(&heard) as Arc<dyn LogSink>);
        let result = runner.run(caller, request).await;
        let chunks = std::mem::take(&mut *heard.chunks.lock().unwrap());
        let log = String::from_utf8_lossy(&together(&chunks)).into_owned();
        self.leaves("a live log", log.as_bytes());
        self.leaves("a report", format!("{result:?}").as_bytes());
        let report =
            result.inspect_err(|error| self.leaves("an error", error.to_string().as_bytes()))?;
        if let Some(output) = report.outcome.output() {
            self.leaves("an output", output.as_str().as_bytes());
        }
        if let Some(failure) = report.outcome.failure() {
            self.leaves("a failure", failure.message.as_str().as_bytes());
        }
        Ok(Ran {
            report,
            log,
            chunks,
        })
    }

    /// The log of a run as the record has it.
    pub async fn recorded_log(&self, ran: &Ran) -> Vec<u8> {
        let workspace = WorkspaceName::default_name();
        let log = self
            .runner
            .run_log(&self.admin, &workspace, &ran.report.run, 0, u32::MAX)
            .await
            .unwrap();
        let log: Vec<u8> = log
            .into_iter()
            .flat_map(|entry| entry.chunk.text.into_inner())
            .collect();
        self.leaves("a recorded log", &log);
        log
    }

    /// Notes bytes that left the host: they are searched for canaries when it is dropped.
    pub fn leaves(&self, what: &str, bytes: &[u8]) {
        self.left
            .lock()
            .unwrap()
            .push((what.to_owned(), bytes.to_vec()));
    }

    /// Searches what has left the host so far for canaries, and forgets it: a test that runs for long holds it no longer.
    /// What is in files stays there, and is searched when the host is dropped.
    pub fn search(&self) {
        let left = std::mem::take(&mut *self.left.lock().unwrap());
        let leaks = self.leaks(left, traces::take());
        assert!(leaks.is_empty(), "plaintext got out:\n{}", leaks.join("\n"));
    }

    fn leaks(&self, mut left: Vec<(String, Vec<u8>)>, traces: Vec<u8>) -> Vec<String> {
        left.push(("a trace".to_owned(), traces));
        // Only now, as some tests search our memory for the key.
        self.guard_keys();
        let canaries = self.canaries.lock().unwrap();
        let mut leaks = Vec::new();
        for (what, bytes) in &left {
            for (number, canary) in canaries.iter().enumerate() {
                if let Some(spelling) = spelling_in(bytes, canary) {
                    leaks.push(format!("canary {number} is in {what}, as {spelling}"));
                }
            }
        }
        leaks
    }
}

impl Drop for TestHost {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for (what, bytes) in self.left.lock().unwrap().iter() {
                eprintln!("--- {what}\n{}", String::from_utf8_lossy(bytes));
            }
            return;
        }
        let mut left = std::mem::take(&mut *self.left.lock().unwrap());
        files_below(&self.data(), &mut left);
        let leaks = self.leaks(left, traces::so_far());
        assert!(leaks.is_empty(), "plaintext got out:\n{}", leaks.join("\n"));
    }
}

// === impl Wanted ===

impl Wanted {
    /// A run of these bytes.
    #[must_use]
    pub fn of(source: Vec<u8>) -> Self {
        Self::new(Some(source), "test.wasm")
    }

    /// A run of this source code. The name tells its language.
    #[must_use]
    pub fn script(name: &str, source: &str) -> Self {
        Self::new(Some(source.as_bytes().to_vec()), name)
    }

    /// A run of the registered step of this name.
    #[must_use]
    pub fn step(name: &str) -> Self {
        Self::new(None, name)
    }

    fn is_script(&self) -> bool {
        self.source.is_some() && SourceKind::of_name(&self.label) != SourceKind::WebAssembly
    }

    fn new(source: Option<Vec<u8>>, label: &str) -> Self {
        Self {
            source,
            label: label.to_owned(),
            input: "null".to_owned(),
            workflow: WorkflowName::default_name(),
            attempt: 1,
            limits: Limits::default(),
            cancel: CancellationToken::new(),
            last_words: None,
        }
    }

    /// With this input.
    #[must_use]
    pub fn input(mut self, json: impl Into<String>) -> Self {
        self.input = json.into();
        self
    }

    /// In this workflow.
    #[must_use]
    pub fn workflow(mut self, name: &str) -> Self {
        self.workflow = name.parse().unwrap();
        self
    }

    /// As this try of the step.
    #[must_use]
    pub fn attempt(mut self, attempt: u32) -> Self {
        self.attempt = attempt;
        self
    }

    /// Under other limits.
    #[must_use]
    pub fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.limits);
        self
    }

    /// Ended by this token.
    #[must_use]
    pub fn cancelled_by(mut self, cancel: &CancellationToken) -> Self {
        self.cancel = cancel.clone();
        self
    }

    /// Ended as soon as the listener has heard this.
    #[must_use]
    pub fn cancelled_after(mut self, text: &str) -> Self {
        self.last_words = Some(text.to_owned());
        self
    }

    fn ends_at(&self) -> Option<(String, CancellationToken)> {
        self.last_words
            .clone()
            .map(|text| (text, self.cancel.clone()))
    }

    /// What the runner is asked for. Its own `run` notes nothing of what leaves the host; the record is searched all the same.
    #[must_use]
    pub fn request(self, listener: Arc<dyn LogSink>) -> RunRequest {
        let step = match self.source {
            Some(bytes) => StepSource::Inline(StepFile::named(self.label, bytes)),
            None => StepSource::Registered(self.label.parse().unwrap()),
        };
        RunRequest {
            workspace: WorkspaceName::default_name(),
            workflow: self.workflow,
            step,
            input: self.input,
            attempt: self.attempt,
            limits: self.limits,
            listener: Some(listener),
            trace: None,
            cancel: self.cancel,
        }
    }
}

// === impl Ran ===

impl Ran {
    /// How it ended.
    #[must_use]
    pub fn kind(&self) -> OutcomeKind {
        self.report.outcome.kind()
    }

    /// The output of a run that completed.
    #[must_use]
    pub fn output(&self) -> serde_json::Value {
        let output = self.report.outcome.output();
        let output = output
            .unwrap_or_else(|| panic!("not completed: {:?}\n{}", self.report.outcome, self.log));
        serde_json::from_str(output.as_str()).unwrap()
    }

    /// What it wrote to one of its streams.
    #[must_use]
    pub fn wrote(&self, stream: LogStream) -> Vec<u8> {
        self.chunks
            .iter()
            .filter(|chunk| chunk.stream == stream)
            .flat_map(|chunk| chunk.text.as_bytes())
            .copied()
            .collect()
    }

    /// The message of a run that did not complete.
    #[must_use]
    pub fn message(&self) -> &str {
        let failure = self.report.outcome.failure();
        failure
            .unwrap_or_else(|| panic!("completed: {:?}", self.report.outcome))
            .message
            .as_str()
    }
}

// === impl Heard ===

impl LogSink for Heard {
    fn write(&self, chunk: LogChunk) {
        let mut chunks = self.chunks.lock().unwrap();
        chunks.push(chunk);
        if let Some((text, cancel)) = &self.ends_at
            && memmem::find(&together(&chunks), text.as_bytes()).is_some()
        {
            cancel.cancel();
        }
    }
}

fn together(chunks: &[LogChunk]) -> Vec<u8> {
    chunks
        .iter()
        .flat_map(|chunk| chunk.text.as_bytes())
        .copied()
        .collect()
}

/// A runner on the data directory `data` and the key file `key` of this directory.
#[must_use]
pub fn runner_in(directory: &Path, config: SandboxConfig) -> Runner {
    let data = directory.join("data");
    let store = SqliteStore::open(&data, Timestamp::now()).unwrap();
    let ring: Keyring = open_key_file(&directory.join("key"), &data, IfAbsent::Create).unwrap();
    Runner::new(
        Arc::new(store),
        Arc::new(Vault::new(ring)),
        Sandbox::new(config).unwrap(),
    )
}

fn files_below(directory: &Path, into: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files_below(&path, into);
        } else if let Ok(bytes) = fs::read(&path) {
            into.push((path.display().to_string(), bytes));
        }
    }
}
