//! A process that is killed loses nothing that it acknowledged, and leaves nothing half done.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::iter;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use serde_json::json;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use lockstep_e2e::crash::{
    Event, LANES, Lane, Place, Seen, SeenCredential, keys, own_workflow, permitted_workflow, proof,
    tenant,
};
use lockstep_e2e::{Machine, Random, TestHost, Wanted, guest, repository, runner_in, spelling_in};
use lockstep_runner::{AuditHead, KeyState, RunFilter, RunRequest, RunStatus, Runner, StepSource};
use lockstep_sandbox::{SandboxConfig, StepFile};
use lockstep_step::{
    Caller, Limits, OutcomeKind, Role, RunId, Scope, UsagePermission, WorkflowName, WorkspaceName,
};
use lockstep_store::SqliteStore;

/// Kills in the suite. `LOCKSTEP_CRASH_KILLS` says otherwise.
const KILLS: u64 = 40;
/// Events of a worker after which it is killed, at most.
const EVENTS: usize = 200;
/// Of so many kills one comes while the worker opens.
const OPENING: usize = 5;
/// First commands that are killed.
const FIRST_COMMANDS: usize = 12;
/// Operations of each lane of two processes that work side by side.
const SIDE_BY_SIDE: usize = 25;
/// Runs that are listed at once.
const PAGE: u32 = 1000;

/// A data directory, and what must be in it.
struct Scene {
    directory: TempDir,
    canary: String,
    caller: Caller,
    lanes: Vec<Lane>,
    runs: BTreeMap<RunId, OutcomeKind>,
    lost: BTreeSet<RunId>,
    keys: Keys,
    /// Where the chains of the audit ended after the last kill.
    heads: Vec<AuditHead>,
}

/// What must be true of the key-encryption keys.
#[derive(Default)]
struct Keys {
    /// The last one that was told to be the primary.
    primary: Option<String>,
    /// Whether there may be another one that was not told.
    is_rotating: bool,
    retired: BTreeSet<String>,
    rewrapped: u64,
}

/// A worker that was started.
struct Worker {
    process: Child,
    events: BufReader<ChildStdout>,
}

#[expect(clippy::print_stderr, reason = "shown when the test fails")]
#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_outlives_sigkill_and_nothing_is_half_done() {
    let kills = number("LOCKSTEP_CRASH_KILLS").unwrap_or(KILLS);
    let seed = number("LOCKSTEP_CRASH_SEED").unwrap_or_else(clock);
    eprintln!("LOCKSTEP_CRASH_SEED={seed}");
    let mut scene = Scene::new(LANES).await;
    let mut random = Random::new(seed);
    for kill in 0..kills {
        let mut worker = scene.start(&mut random, &format!("kill-{kill}"), 0, 0);
        let runs = scene.follow_and_kill(&mut worker, &mut random);
        scene.check(kill, runs).await;
    }
    let done: usize = scene.runs.len();
    eprintln!("{done} runs were acknowledged, {} lost", scene.lost.len());
    assert!(done > 0, "no run was acknowledged in {kills} kills");
    let rewrapped = scene.keys.rewrapped;
    assert!(rewrapped > 0, "no key of a workspace was wrapped anew");
    scene.check_leaks();
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_work_side_by_side_in_one_directory() {
    let mut scene = Scene::new(2 * LANES).await;
    let mut random = Random::new(clock());
    let workers = [("one", 0), ("two", LANES)]
        .map(|(name, first)| scene.start(&mut random, name, first, SIDE_BY_SIDE));
    let listeners = workers.map(|mut worker| {
        thread::spawn(move || {
            let events: Vec<Event> = iter::from_fn(|| worker.next()).collect();
            (events, worker.process.wait().unwrap())
        })
    });
    // Meanwhile a third one opens and closes: it takes no run of the living for lost.
    while !listeners.iter().all(|listener| listener.is_finished()) {
        drop(SqliteStore::open(&scene.data(), Timestamp::now()).unwrap());
    }
    let mut open = 0;
    for listener in listeners {
        let (events, status) = listener.join().unwrap();
        assert!(status.success(), "{}", scene.errors());
        for event in events {
            scene.hear(event, &mut open);
        }
    }
    scene.check(0, open).await;
    assert_eq!((open, scene.lost.len()), (0, 0));
    assert_eq!(scene.runs.len(), 2 * 2 * SIDE_BY_SIDE);
    scene.check_leaks();
}

#[test]
fn a_first_command_that_is_killed_leaves_a_directory_that_works() {
    let mut random = Random::new(clock());
    let began = Instant::now();
    let whole = Machine::new();
    assert!(
        whole
            .start_to_set("TOKEN", "the-whole-value")
            .wait()
            .unwrap()
            .success()
    );
    let longest = began.elapsed().as_micros();
    // Compiled once for all of them.
    proved(&whole);
    let compiled = whole.data.join("cache");
    for kill in 0..FIRST_COMMANDS {
        let machine = Machine::new();
        let value = format!("value-of-kill-{kill}");
        let mut first = machine.start_to_set("TOKEN", &value);
        // Any moment of its life will do.
        let moment = random.below(usize::try_from(longest).unwrap());
        thread::sleep(Duration::from_micros(moment as u64));
        first.kill().unwrap();
        let is_acknowledged = first.wait().unwrap().success();
        fs::create_dir_all(&machine.data).unwrap();
        let mut copy = Command::new("cp");
        let copied = copy.arg("-a").arg(&compiled).arg(&machine.data).status();
        assert!(copied.unwrap().success());
        let proved = proved(&machine);
        let expected = Some(proof("n", &value));
        assert!(
            proved == expected || proved.is_none() && !is_acknowledged,
            "killed after {moment} us, acknowledged: {is_acknowledged}, found: {}",
            proved.is_some()
        );
        machine.set("TOKEN", "the-next-value").exits(0);
        assert_eq!(self::proved(&machine), Some(proof("n", "the-next-value")));
        machine.lockstep(&["doctor"]).exits(0);
    }
}

/// What a step proves of `TOKEN`.
fn proved(machine: &Machine) -> Option<String> {
    let proves = repository().join("target/guests/proves.wasm");
    let input = json!({"nonce": "n", "keys": ["TOKEN"]}).to_string();
    let ran = machine.lockstep(&["run", proves.to_str().unwrap(), "--input", &input]);
    let output = ran.exits(0).json();
    output["TOKEN"].as_str().map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_process_changes_the_next_run_of_another_sees() {
    let host = TestHost::new().await;
    let proves = repository().join("target/guests/proves.wasm");
    let input = json!({"nonce": "n", "keys": ["SHARED"]}).to_string();
    let arguments = ["run", proves.to_str().unwrap(), "--input", &input];
    let here = || Wanted::of(guest("proves")).input(&input);
    host.run(here()).await;
    let cached = files(&host.data().join("cache"));
    assert_eq!(cached.len(), 1);
    for round in 0..3 {
        let value = format!("set-by-the-command-{round}");
        host.guard(&value);
        host.lockstep_with(&value, &["credential", "set", "SHARED"])
            .exits(0);
        let seen = host.run(here()).await.output();
        assert_eq!(seen, json!({"SHARED": proof("n", &value)}));
        let value = format!("set-by-the-library-{round}");
        host.set("SHARED", &value).await;
        let seen = host.lockstep(&arguments).exits(0).json();
        assert_eq!(seen, json!({"SHARED": proof("n", &value)}));
        host.lockstep(&["credential", "delete", "SHARED"]).exits(0);
        assert_eq!(host.run(here()).await.output(), json!({"SHARED": null}));
    }
    // What one has compiled nobody compiles again.
    assert_eq!(files(&host.data().join("cache")), cached);
}

/// All files below a folder. One that is written anew has another number.
fn files(folder: &Path) -> BTreeMap<PathBuf, u64> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), fs::metadata(path).unwrap().ino());
        }
    }
    found
}

#[expect(
    clippy::disallowed_methods,
    reason = "a longer loop is asked for in the environment of the test"
)]
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[expect(
    clippy::disallowed_methods,
    reason = "a seed that is another one each time"
)]
fn clock() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::from(since.subsec_nanos())
}

// === impl Scene ===

impl Scene {
    async fn new(lanes: usize) -> Self {
        let scene = Self {
            directory: tempfile::tempdir().unwrap(),
            canary: format!("canary-{}-", RunId::generate()),
            caller: Caller {
                name: "test:verifier".to_owned(),
                role: Role::Admin,
            },
            lanes: vec![Lane::default(); lanes],
            runs: BTreeMap::new(),
            lost: BTreeSet::new(),
            keys: Keys::default(),
            heads: Vec::new(),
        };
        let runner = scene.runner();
        for lane in 0..lanes {
            for workflow in [own_workflow(lane), permitted_workflow(lane)] {
                let workspace = WorkspaceName::default_name();
                runner
                    .add_workflow(&scene.caller, &workspace, &workflow)
                    .await
                    .unwrap();
            }
        }
        scene
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// The next process: it marks what the last one left open.
    fn runner(&self) -> Runner {
        let mut config = SandboxConfig::for_runs(1);
        config.cache_dir = Some(self.data().join("cache"));
        runner_in(self.directory.path(), config)
    }

    fn start(&self, random: &mut Random, name: &str, first: usize, operations: usize) -> Worker {
        let errors = File::options()
            .create(true)
            .append(true)
            .open(self.directory.path().join("stderr"))
            .unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_crash-worker"))
            .arg(self.directory.path())
            .arg(&self.canary)
            .arg(random.below(usize::MAX).to_string())
            .arg(name)
            .arg(first.to_string())
            .arg(operations.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .unwrap();
        let events = BufReader::new(process.stdout.take().unwrap());
        Worker { process, events }
    }

    /// Hears the worker, kills it at some moment, and hears what it still told. Says how many runs were not answered.
    fn follow_and_kill(&mut self, worker: &mut Worker, random: &mut Random) -> usize {
        let mut open = 0;
        if random.below(OPENING) == 0 {
            // No event tells how far a worker is that opens its store: any moment will do.
            thread::sleep(Duration::from_micros(random.below(100_000) as u64));
        } else {
            for _ in 0..random.below(EVENTS) + 1 {
                let event = worker.next();
                let event = event.unwrap_or_else(|| panic!("ended by itself: {}", self.errors()));
                self.hear(event, &mut open);
            }
        }
        worker.process.kill().unwrap();
        let status = worker.process.wait().unwrap();
        assert_eq!(status.signal(), Some(9), "{}", self.errors());
        while let Some(event) = worker.next() {
            self.hear(event, &mut open);
        }
        open
    }

    fn hear(&mut self, event: Event, open: &mut usize) {
        match event {
            Event::Ready => {}
            Event::Began {
                lane,
                name,
                operation,
            } => self.lanes[lane].begins(name, operation),
            Event::Done { lane, versions } => self.lanes[lane].done(&self.canary, &versions),
            Event::Refused { lane, why } => self.lanes[lane].refused(&why),
            Event::RunBegan => *open += 1,
            Event::RunDone { run, kind } => {
                *open -= 1;
                let expected = [OutcomeKind::Completed, OutcomeKind::Timeout];
                assert!(expected.contains(&kind), "run {run} ended as {kind}");
                self.runs.insert(run, kind);
            }
            Event::RotateBegan => self.keys.is_rotating = true,
            Event::Rotated { primary } => {
                self.keys.primary = Some(primary);
                self.keys.is_rotating = false;
            }
            Event::Rewrapped { count } => self.keys.rewrapped += count,
            Event::Retired { id } => drop(self.keys.retired.insert(id)),
            Event::Failed { what } => panic!("the worker failed: {what}"),
        }
    }

    /// Opens everything anew, and compares it with what must be there.
    async fn check(&mut self, kill: u64, open: usize) {
        let damage = SqliteStore::open(&self.data(), Timestamp::now())
            .unwrap()
            .damage()
            .await
            .unwrap();
        assert!(damage.is_empty(), "kill {kill}: {damage:?}");
        let runner = self.runner();
        self.check_runs(&runner, open).await;
        self.check_keys(&runner).await;
        self.check_audit(&runner).await;
        let nonce = format!("nonce-{kill}");
        for lane in 0..self.lanes.len() {
            let seen = self.look(&runner, lane, &nonce).await;
            self.lanes[lane].settle(&self.canary, &nonce, lane, &seen);
        }
    }

    /// No run is open; those that were acknowledged ended as it was told; no more are lost than were not answered.
    async fn check_runs(&mut self, runner: &Runner, open: usize) {
        let (mut ended, mut lost) = (BTreeMap::new(), BTreeSet::new());
        let mut filter = RunFilter {
            workflow: None,
            step: None,
            status: None,
            since: None,
            until: None,
            before: None,
            limit: PAGE,
        };
        let workspace = WorkspaceName::default_name();
        loop {
            let page = runner
                .runs(&self.caller, &workspace, &filter)
                .await
                .unwrap();
            let Some(last) = page.last() else { break };
            filter.before = Some(last.id);
            for run in page {
                match run.status {
                    RunStatus::Ended(kind) => drop(ended.insert(run.id, kind)),
                    RunStatus::Lost => drop(lost.insert(run.id)),
                    RunStatus::Open | RunStatus::Forbidden => {
                        panic!("run {} is {:?}", run.id, run.status)
                    }
                }
            }
        }
        for (run, kind) in &self.runs {
            assert_eq!(ended.get(run), Some(kind), "run {run} was acknowledged");
        }
        let lost_now = lost.difference(&self.lost).count();
        assert!(
            lost_now <= open,
            "{lost_now} runs are lost, {open} had no answer"
        );
        for run in lost.difference(&self.lost) {
            // It is whole, as far as it came.
            runner
                .run_record(&self.caller, &workspace, run)
                .await
                .unwrap();
        }
        self.lost = lost;
    }

    /// Each chain is whole, and nothing is missing that was there after the last kill.
    async fn check_audit(&mut self, runner: &Runner) {
        let reports = runner
            .verify_all_audits(&self.caller, self.heads.clone())
            .await;
        for report in reports.unwrap() {
            assert_eq!(report.findings, [], "{}", report.chain);
        }
        self.heads = runner.audit_heads(&self.caller).await.unwrap();
    }

    /// The primary is the one that was told, or one that was about to be; and what was retired is gone.
    async fn check_keys(&mut self, runner: &Runner) {
        let overview = runner.keys(&self.caller).await.unwrap();
        assert!(overview.locked.is_none(), "{overview:?}");
        for key in overview.keys {
            let id = key.id.to_string();
            match key.state {
                KeyState::Primary => {
                    let told = self.keys.primary.replace(id.clone());
                    let is_told = told.is_none_or(|told| told == id);
                    assert!(is_told || self.keys.is_rotating, "primary {id}");
                }
                KeyState::Retired => assert_eq!(key.records, 0, "{id}"),
                KeyState::Opens | KeyState::Unused => {
                    assert!(!self.keys.retired.contains(&id), "{id} was retired");
                }
                KeyState::Unknown => panic!("{id} is not at hand"),
            }
        }
        self.keys.is_rotating = false;
    }

    /// What is there of one lane.
    async fn look(&self, runner: &Runner, lane: usize, nonce: &str) -> Seen {
        let default = WorkspaceName::default_name();
        let all = runner.workspaces().await.unwrap();
        let has_tenant = all.iter().any(|entry| entry.name == tenant(lane));
        let mut seen = Seen {
            has_tenant,
            ..Seen::default()
        };
        let mut places = vec![
            (
                Place::Workspace,
                default.clone(),
                WorkflowName::default_name(),
            ),
            (Place::Workflow, default.clone(), own_workflow(lane)),
        ];
        if has_tenant {
            places.push((Place::Tenant, tenant(lane), WorkflowName::default_name()));
        }
        for (place, workspace, workflow) in places {
            let scope = match place {
                Place::Workspace | Place::Tenant => Scope::Workspace,
                Place::Workflow => Scope::Workflow(workflow.clone()),
            };
            let names: Vec<String> = keys(lane, place).collect();
            let proofs = self
                .prove(runner, &workspace, &workflow, nonce, &names)
                .await;
            let listed = runner.credentials(&self.caller, &workspace).await.unwrap();
            for entry in listed {
                let key = entry.key.as_str().to_owned();
                if entry.scope == scope && names.contains(&key) {
                    let proof = proofs[&key].clone();
                    let version = entry.version;
                    seen.credentials
                        .insert((place, key), SeenCredential { version, proof });
                }
            }
        }
        let workflow = permitted_workflow(lane);
        let permission = runner
            .permission(&self.caller, &default, &workflow)
            .await
            .unwrap();
        seen.permission = match permission {
            UsagePermission::All => None,
            UsagePermission::Selected(keys) => Some(keys.into_iter().map(String::from).collect()),
        };
        let names: Vec<String> = keys(lane, Place::Workspace).collect();
        seen.permitted = self.prove(runner, &default, &workflow, nonce, &names).await;
        let steps = runner
            .steps(&self.caller, &default, Some(&workflow))
            .await
            .unwrap();
        if let Some(step) = steps.first() {
            seen.step = Some((step.version, step.digest));
            let registered = StepSource::Registered(step.name.clone());
            let output = self
                .run(runner, &default, &workflow, registered, json!(null))
                .await;
            assert!(output.is_number(), "the step of lane {lane}: {output}");
        }
        seen
    }

    async fn prove(
        &self,
        runner: &Runner,
        workspace: &WorkspaceName,
        workflow: &WorkflowName,
        nonce: &str,
        keys: &[String],
    ) -> BTreeMap<String, Option<String>> {
        let proves = StepSource::Inline(StepFile::named("proves.wasm".to_owned(), guest("proves")));
        let input = json!({"nonce": nonce, "keys": keys});
        let output = self.run(runner, workspace, workflow, proves, input).await;
        serde_json::from_value(output).unwrap()
    }

    async fn run(
        &self,
        runner: &Runner,
        workspace: &WorkspaceName,
        workflow: &WorkflowName,
        step: StepSource,
        input: serde_json::Value,
    ) -> serde_json::Value {
        let request = RunRequest {
            workspace: workspace.clone(),
            workflow: workflow.clone(),
            step,
            input: input.to_string(),
            attempt: 1,
            limits: Limits::default(),
            listener: None,
            trace: None,
            cancel: CancellationToken::new(),
        };
        let report = runner.run(&self.caller, request).await.unwrap();
        let output = report.outcome.output();
        let output = output.unwrap_or_else(|| panic!("{:?}", report.outcome));
        serde_json::from_str(output.as_str()).unwrap()
    }

    fn errors(&self) -> String {
        fs::read_to_string(self.directory.path().join("stderr")).unwrap()
    }

    /// No value is in a file of the data directory, or in what the workers said.
    fn check_leaks(&self) {
        let mut folders = vec![self.directory.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    check_leak(&path, &self.canary);
                }
            }
        }
    }
}

fn check_leak(path: &Path, canary: &str) {
    let found = spelling_in(&fs::read(path).unwrap(), canary);
    assert_eq!(found, None, "a value is in `{}`", path.display());
}

// === impl Worker ===

impl Worker {
    /// The next event, until the worker is gone. A line that it could not write to its end does not count.
    fn next(&mut self) -> Option<Event> {
        let mut line = String::new();
        self.events.read_line(&mut line).unwrap();
        line.ends_with('\n')
            .then(|| serde_json::from_str(&line).unwrap())
    }
}
