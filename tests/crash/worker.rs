//! Changes a data directory and runs steps in it, many things at once, and tells of each on stdout when it begins and
//! when it was acknowledged. The crash tests kill it.
//!
//! `crash-worker DIRECTORY CANARY SEED NAME FIRST OPERATIONS`: `FIRST` is its first lane; it ends after so many operations
//! in each lane, or never for 0.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a worker that cannot go on ends with a message"
)]

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use lockstep_e2e::crash::{
    Event, LANES, Operation, Place, keys, own_workflow, permitted_workflow, step, tenant, value,
};
use lockstep_e2e::{Random, compiler, guest, runner_in, wat};
use lockstep_runner::{
    ManageError, NewCredential, PutRule, Removal, RunRequest, Runner, StepSource, StoreError,
};
use lockstep_sandbox::{SandboxConfig, StepFile};
use lockstep_secret::Secret;
use lockstep_step::{Caller, Limits, Role, Scope, UsagePermission, WorkspaceName};

/// Runs at a time.
const RUNNING: usize = 2;

struct Worker {
    runner: Runner,
    caller: Caller,
    canary: String,
    /// Part of the names of its operations, which no two workers share.
    name: String,
    first: usize,
    operations: usize,
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().expect("six arguments");
    let directory = PathBuf::from(next());
    let canary = next();
    let seed: u64 = next().parse().unwrap();
    let name = next();
    let [first, operations] = [next(), next()].map(|number| number.parse().unwrap());
    let mut config = SandboxConfig::for_runs(4);
    config.cache_dir = Some(directory.join("data/cache"));
    config.compiler = Some(compiler());
    let caller = Caller {
        name: "test:worker".to_owned(),
        role: Role::Admin,
    };
    let worker = Arc::new(Worker {
        runner: runner_in(&directory, config),
        caller,
        canary,
        name,
        first,
        operations,
    });
    tell(&Event::Ready);
    let mut tasks = JoinSet::new();
    for lane in first..first + LANES {
        let random = Random::new(seed ^ (lane as u64) << 32);
        tasks.spawn(Arc::clone(&worker).change(lane, random));
    }
    for number in 0..RUNNING {
        let random = Random::new(seed ^ (number as u64) << 48);
        tasks.spawn(Arc::clone(&worker).run(random));
    }
    if operations == 0 {
        tasks.spawn(worker.change_keys());
    }
    tasks.join_all().await;
}

/// One write for each line: of a process that is killed a line is there whole or not at all.
fn tell(event: &Event) {
    let line = serde_json::to_string(event).unwrap() + "\n";
    let mut stdout = io::stdout().lock();
    stdout.write_all(line.as_bytes()).unwrap();
    stdout.flush().unwrap();
}

impl Worker {
    fn goes_on(&self, done: usize) -> bool {
        self.operations == 0 || done < self.operations
    }

    async fn change(self: Arc<Self>, lane: usize, mut random: Random) {
        let mut done = 0;
        while self.goes_on(done) {
            let name = format!("{}.{lane}.{done}", self.name);
            let operation = Operation::next(lane, &mut random);
            tell(&Event::Began {
                lane,
                name: name.clone(),
                operation: operation.clone(),
            });
            tell(&match self.carry_out(lane, &name, operation).await {
                Ok(versions) => Event::Done { lane, versions },
                Err(error) => not_done(lane, &name, &error),
            });
            done += 1;
        }
    }

    async fn carry_out(
        &self,
        lane: usize,
        name: &str,
        operation: Operation,
    ) -> Result<Vec<u64>, ManageError> {
        let Self { runner, caller, .. } = self;
        let workspace = WorkspaceName::default_name();
        match operation {
            Operation::Put { place, keys } => {
                let credentials: Vec<_> = keys
                    .iter()
                    .map(|key| NewCredential {
                        key: key.parse().unwrap(),
                        value: Secret::new(value(&self.canary, name, key)),
                        note: None,
                        expires_at: None,
                        handling: None,
                    })
                    .collect();
                let (workspace, scope) = whereabouts(lane, place);
                let rule = PutRule::CreateOrRotate;
                let told = runner
                    .put_credentials(caller, &workspace, &scope, &credentials, rule)
                    .await?;
                return Ok(told.into_iter().map(|put| put.version).collect());
            }
            Operation::Delete { place, key } => {
                let (workspace, scope) = whereabouts(lane, place);
                let key = key.parse().unwrap();
                runner
                    .delete_credential(caller, &workspace, &scope, &key, Removal::Forced)
                    .await?;
            }
            Operation::Permit { keys } => {
                let permission = match keys {
                    None => UsagePermission::All,
                    Some(keys) => UsagePermission::Selected(
                        keys.iter().map(|key| key.parse().unwrap()).collect(),
                    ),
                };
                let workflow = permitted_workflow(lane);
                runner
                    .set_permission(caller, &workspace, &workflow, &permission)
                    .await?;
            }
            Operation::AddTenant => runner.add_workspace(caller, &tenant(lane)).await?,
            Operation::RemoveTenant => {
                runner
                    .remove_workspace(caller, &tenant(lane), Removal::Forced)
                    .await?;
            }
            Operation::AddStep { variant } => {
                let (workflow, name) = (permitted_workflow(lane), "step".parse().unwrap());
                runner
                    .add_step(
                        caller,
                        &workspace,
                        &workflow,
                        &name,
                        StepFile::wasm(step(variant)),
                    )
                    .await?;
            }
        }
        Ok(Vec::new())
    }

    /// Puts a new key before the others, wraps with it what others wrap, and retires those, again and again.
    async fn change_keys(self: Arc<Self>) {
        let Self { runner, caller, .. } = &*self;
        loop {
            tell(&Event::RotateBegan);
            let rotated = runner.rotate_key(caller, None).await;
            let Some(rotated) = told("rotate", rotated) else {
                return;
            };
            tell(&Event::Rotated {
                primary: rotated.primary.to_string(),
            });
            let rewrapped = runner.rewrap_keys(caller, |_| ()).await;
            let Some(rewrapped) = told("rewrap", rewrapped) else {
                return;
            };
            if rewrapped.failed > 0 {
                let what = format!("rewrap: {:?}", rewrapped.failures);
                return tell(&Event::Failed { what });
            }
            tell(&Event::Rewrapped {
                count: rewrapped.rewrapped,
            });
            for id in rotated.kept {
                match runner.retire_key(caller, id).await {
                    Ok(_) => tell(&Event::Retired { id: id.to_string() }),
                    // A workspace got its key from it meanwhile: the next round wraps that anew.
                    Err(ManageError::Store(StoreError::Wraps { .. })) => {}
                    Err(error) => drop(told::<()>("retire", Err(error))),
                }
            }
        }
    }

    /// Runs steps that end well, and steps that are ended by their limit of time.
    async fn run(self: Arc<Self>, mut random: Random) {
        let (proves, sleeps) = (guest("proves"), wat("long-sleep"));
        let mut done = 0;
        while self.goes_on(done) {
            let lane = self.first + random.below(LANES);
            let is_long = random.below(8) == 0;
            let keys: Vec<_> = keys(lane, Place::Workflow).collect();
            let mut limits = Limits::default();
            if is_long {
                limits.timeout = Duration::from_millis(20);
            }
            let request = RunRequest {
                workspace: WorkspaceName::default_name(),
                workflow: own_workflow(lane),
                step: StepSource::Inline(StepFile::named(
                    "crash.wasm".to_owned(),
                    if is_long {
                        sleeps.clone()
                    } else {
                        proves.clone()
                    },
                )),
                input: serde_json::json!({"nonce": "n", "keys": keys}).to_string(),
                attempt: 1,
                limits,
                listener: None,
                trace: None,
                cancel: CancellationToken::new(),
            };
            tell(&Event::RunBegan);
            tell(&match self.runner.run(&self.caller, request).await {
                Ok(report) => Event::RunDone {
                    run: report.run,
                    kind: report.outcome.kind(),
                },
                Err(error) => Event::Failed {
                    what: format!("a run: {error:?}"),
                },
            });
            done += 1;
        }
    }
}

fn whereabouts(lane: usize, place: Place) -> (WorkspaceName, Scope) {
    let default = WorkspaceName::default_name();
    match place {
        Place::Workspace => (default, Scope::Workspace),
        Place::Workflow => (default, Scope::Workflow(own_workflow(lane))),
        Place::Tenant => (tenant(lane), Scope::Workspace),
    }
}

/// What was done, or `None` once it is told that it failed.
fn told<T>(what: &str, done: Result<T, ManageError>) -> Option<T> {
    done.inspect_err(|error| {
        tell(&Event::Failed {
            what: format!("{what}: {error:?}"),
        });
    })
    .ok()
}

/// What the rules refuse is an answer; whatever else is a failure of the host.
fn not_done(lane: usize, name: &str, error: &ManageError) -> Event {
    match error {
        ManageError::NotFound { .. } | ManageError::Exists(_) => Event::Refused {
            lane,
            why: error.to_string(),
        },
        ManageError::Store(StoreError::InUse { .. }) => Event::Refused {
            lane,
            why: error.to_string(),
        },
        _ => Event::Failed {
            what: format!("{name}: {error:?}"),
        },
    }
}
