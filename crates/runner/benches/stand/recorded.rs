//! A registered step behind the runner, whose runs are recorded in a database on disk, with one credential for it.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use lockstep_runner::{NewCredential, PutRule, RunRequest, Runner, StepSource};
use lockstep_sandbox::{Sandbox, SandboxConfig, StepFile};
use lockstep_secret::Secret;
use lockstep_step::{
    Caller, Limits, OutcomeKind, Role, Scope, StepName, WorkflowName, WorkspaceName,
};
use lockstep_store::SqliteStore;
use lockstep_vault::{Kek, Keyring, Vault};

use crate::alone::VALUE;

pub(crate) struct Recorded {
    runner: Runner,
    caller: Caller,
}

impl Recorded {
    pub(crate) async fn new(directory: &Path, places: u32, file: StepFile) -> Self {
        let store = SqliteStore::open(directory, Timestamp::now()).unwrap();
        let vault = Vault::new(Keyring::new(Kek::generate().unwrap()));
        let sandbox = Sandbox::new(SandboxConfig::for_runs(places)).unwrap();
        let runner = Runner::new(Arc::new(store), Arc::new(vault), sandbox);
        let caller = Caller {
            name: "bench".to_owned(),
            role: Role::Admin,
        };
        let (workspace, workflow) = place();
        let put = [NewCredential {
            key: "KEY".parse().unwrap(),
            value: Secret::new(VALUE.to_owned()),
            note: None,
            expires_at: None,
            handling: None,
        }];
        let rule = PutRule::CreateOrRotate;
        runner
            .put_credentials(&caller, &workspace, &Scope::Workspace, &put, rule)
            .await
            .unwrap();
        runner
            .add_step(&caller, &workspace, &workflow, &step(), file)
            .await
            .unwrap();
        Self { runner, caller }
    }

    /// To its end, which is to be a good one.
    pub(crate) async fn run(&self, input: &str) {
        let (workspace, workflow) = place();
        let request = RunRequest {
            workspace,
            workflow,
            step: StepSource::Registered(step()),
            input: input.to_owned(),
            attempt: 1,
            limits: Limits::default(),
            listener: None,
            trace: None,
            cancel: CancellationToken::new(),
        };
        let report = self.runner.run(&self.caller, request).await.unwrap();
        assert_eq!(report.outcome.kind(), OutcomeKind::Completed);
    }
}

fn place() -> (WorkspaceName, WorkflowName) {
    (WorkspaceName::default_name(), WorkflowName::default_name())
}

fn step() -> StepName {
    "step".parse().unwrap()
}
