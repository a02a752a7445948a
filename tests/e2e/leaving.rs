//! A caller that goes away, in every phase of a run: the record is closed with the right outcome, and the place is free.
//!
//! A run is polled by its caller, so a caller leaves when the run gives way: each test leaves after the poll in which the
//! moment comes that it is about, and one after each poll in turn.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use rusqlite::Connection;
use serde_json::json;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use lockstep_e2e::{Listening, Moment, TestHost, Wanted, compiler, listen, wat};
use lockstep_runner::{
    AuditAction, AuditFilter, NewCredential, PutRule, RunFilter, RunRecord, RunReport, RunState,
    RunStatus,
};
use lockstep_sandbox::{CompileEvent, LogSink, SandboxConfig};
use lockstep_secret::Secret;
use lockstep_step::{
    Failure, LogChunk, Outcome, OutcomeKind, Phase, Receipt, RunId, Scope, WorkspaceName,
};

/// More often than a run of `every-phase` is polled.
const POLLS: usize = 200;

/// The caller of a run.
#[derive(Clone, Default)]
struct Client(Arc<AtomicBool>);

impl Client {
    /// Calls, and stays until the run has ended, which is told, or until it leaves.
    async fn call(
        &self,
        host: &TestHost,
        wanted: Wanted,
        log: Arc<dyn LogSink>,
    ) -> Option<RunReport> {
        let mut run = Box::pin(host.runner.run(&host.admin, wanted.request(log)));
        poll_fn(|context| match run.as_mut().poll(context) {
            Poll::Ready(report) => Poll::Ready(Some(report.unwrap())),
            Poll::Pending if self.0.load(Ordering::Relaxed) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await
    }

    /// Drops the run, as a caller does whose connection is gone: at once if it waits, and if it is being polled, as soon as
    /// it gives way.
    fn leave(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The log as it comes.
#[derive(Default)]
struct Heard {
    text: Mutex<String>,
}

impl Heard {
    fn has(&self, text: &str) -> bool {
        self.text.lock().unwrap().contains(text)
    }
}

impl LogSink for Heard {
    fn write(&self, chunk: LogChunk) {
        let piece = std::str::from_utf8(chunk.text.as_bytes()).unwrap();
        self.text.lock().unwrap().push_str(piece);
    }
}

/// A host with one place, and what is left of a run.
struct Setup {
    host: TestHost,
}

impl Setup {
    async fn new() -> Self {
        Self::with(SandboxConfig::for_runs(1)).await
    }

    async fn with(config: SandboxConfig) -> Self {
        let host = TestHost::with(config).await;
        let setup = Self { host };
        setup.set_short().await;
        setup.host.set("KEY", "KEY-of-every-phase").await;
        // Compiled now, so that what it waits for later is the place.
        setup.check_serves().await;
        setup
    }

    /// Not a canary: a value that is too short to be masked may be found anywhere.
    async fn set_short(&self) {
        let short = NewCredential {
            key: "SHORT".parse().unwrap(),
            value: Secret::new("x1".to_owned()),
            note: None,
            expires_at: None,
            handling: None,
        };
        let workspace = WorkspaceName::default_name();
        let (scope, rule) = (Scope::Workspace, PutRule::CreateOrRotate);
        self.host
            .runner
            .put_credentials(&self.host.admin, &workspace, &scope, &[short], rule)
            .await
            .unwrap();
    }

    async fn check_serves(&self) {
        let next = Wanted::of(wat("echo-command")).input("[1]");
        assert_eq!(self.host.run(next).await.output(), json!([1]));
    }

    /// The last run that had begun, once all have ended; none may be open. That it was cancelled, as its caller had left,
    /// is in the audit, and nothing else is.
    async fn last(&self) -> RunRecord {
        let host = &self.host;
        host.runner.drain().await;
        let workspace = WorkspaceName::default_name();
        let filter = |status, limit| RunFilter {
            workflow: None,
            step: None,
            status,
            since: None,
            until: None,
            before: None,
            limit,
        };
        let open = filter(Some(RunStatus::Open), 10);
        let open = host.runner.runs(&host.admin, &workspace, &open).await;
        assert_eq!(open.unwrap(), [], "open runs");
        let last = host
            .runner
            .runs(&host.admin, &workspace, &filter(None, 1))
            .await;
        let id = last.unwrap()[0].id;
        let record = host.runner.run_record(&host.admin, &workspace, &id).await;
        let record = record.unwrap();
        let was_cancelled = record.state.status() == RunStatus::Ended(OutcomeKind::Cancelled);
        let told = self.told_cancelled(id).await;
        let hung_up = Some("hung_up".to_owned());
        let expected = was_cancelled.then(|| (record.caller.clone(), hung_up));
        assert_eq!(told, Vec::from_iter(expected));
        record
    }

    /// Who had a run cancelled by the audit, and how.
    async fn told_cancelled(&self, run: RunId) -> Vec<(String, Option<String>)> {
        let host = &self.host;
        let filter = AuditFilter {
            run: Some(run),
            action: Some(AuditAction::RunCancelled),
            ..AuditFilter::all()
        };
        let workspace = WorkspaceName::default_name();
        let told = host.runner.audit(&host.admin, &workspace, &filter).await;
        let told = told.unwrap().into_iter();
        told.map(|entry| (entry.actor, entry.detail)).collect()
    }

    /// Fails unless the last run is recorded as cancelled in this phase, and the next finds its place.
    async fn check_cancelled(&self, phase: Phase) -> Receipt {
        let record = self.last().await;
        let failure = failure(&record);
        assert_eq!(
            (failure.kind, failure.phase),
            (OutcomeKind::Cancelled, phase)
        );
        assert_eq!(failure.started, phase == Phase::Run);
        self.check_serves().await;
        receipt(record)
    }

    /// Fails unless the last run is recorded as completed, with its whole log.
    async fn check_completed(&self) {
        let record = self.last().await;
        assert_eq!(
            record.state.status(),
            RunStatus::Ended(OutcomeKind::Completed)
        );
        assert_eq!(self.log(&record).await, "begun\nended KEY-");
        self.check_serves().await;
    }

    async fn log(&self, record: &RunRecord) -> String {
        let workspace = WorkspaceName::default_name();
        let host = &self.host;
        let log = host
            .runner
            .run_log(&host.admin, &workspace, &record.id, 0, u32::MAX)
            .await;
        let pieces = log.unwrap().into_iter();
        let bytes: Vec<u8> = pieces
            .flat_map(|entry| entry.chunk.text.into_inner())
            .collect();
        String::from_utf8(bytes).unwrap()
    }
}

#[track_caller]
fn failure(record: &RunRecord) -> &Failure {
    match &record.state {
        RunState::Ended {
            outcome: Outcome::Failed(failure) | Outcome::Stopped(failure),
            ..
        } => failure,
        other => panic!("not failed: {other:?}"),
    }
}

#[track_caller]
fn receipt(record: RunRecord) -> Receipt {
    match record.state {
        RunState::Ended { receipt, .. } => *receipt,
        other => panic!("not ended: {other:?}"),
    }
}

const AN_HOUR: u64 = 3_600_000_000_000;
const A_MILLISECOND: u64 = 1_000_000;

/// The guest `every-phase`, which sleeps for so long. `number` makes it another step than it was before.
fn every_phase(sleep_ns: u64, number: usize) -> Wanted {
    let text = String::from_utf8(wat("every-phase")).unwrap();
    let text = text.replace("1_000_000", &sleep_ns.to_string());
    Wanted::of(format!(";; {number}\n{text}").into_bytes())
}

/// Leaves at the first moment of which this is true.
fn leaving_at(client: &Client, mut is_it: impl FnMut(Moment<'_>) -> bool + 'static) -> Listening {
    let (client, is_it) = (
        client.clone(),
        RefCell::new(move |moment: Moment<'_>| is_it(moment)),
    );
    listen(move |moment| {
        if is_it.borrow_mut()(moment) {
            client.leave();
        }
    })
}

/// True from the moment on at which a run has been polled so often.
fn polled(times: usize) -> impl FnMut(Moment<'_>) -> bool {
    let mut left = times;
    move |moment| {
        left = left.saturating_sub(usize::from(moment == Moment::RunPolled));
        left == 0
    }
}

/// How far a run has come that is polled, as far as its caller can see.
#[derive(Clone, Copy, Debug, Eq, PartialEq, PartialOrd)]
enum At {
    Nothing,
    Compiling,
    Compiled,
    Begun,
    Ended,
}

/// What a caller sees of its runs of `every-phase`: their log, and whether their step is compiled.
#[derive(Clone, Default)]
struct Sight {
    compiling: Arc<Mutex<Option<CompileEvent>>>,
    log: Arc<Heard>,
}

impl Sight {
    fn at(&self) -> At {
        match *self.compiling.lock().unwrap() {
            _ if self.log.has("ended") => At::Ended,
            _ if self.log.has("begun") => At::Begun,
            Some(CompileEvent::Ended { .. }) => At::Compiled,
            Some(CompileEvent::Began { .. }) => At::Compiling,
            None => At::Nothing,
        }
    }

    /// The next run, of which nothing is seen yet.
    fn again(&mut self) {
        *self.compiling.lock().unwrap() = None;
        self.log = Arc::default();
    }
}

/// Leaves a run after so many polls, of which the first is that in which it has come to `from`, unless it
/// has ended by then. Returns how far it had come.
async fn leave_after(
    setup: &Setup,
    sight: &mut Sight,
    wanted: Wanted,
    (from, polls): (At, usize),
) -> Option<At> {
    sight.again();
    let client = Client::default();
    let left_at = Rc::new(Cell::new(None));
    let listening = {
        let (sight, left_at, mut polled) = (sight.clone(), Rc::clone(&left_at), polled(polls));
        leaving_at(&client, move |moment| {
            let at = sight.at();
            let now = at >= from && polled(moment);
            if now && left_at.get().is_none() {
                left_at.set(Some(at));
            }
            now
        })
    };
    let sink = Arc::clone(&sight.log) as Arc<dyn LogSink>;
    let report = client.call(&setup.host, wanted, sink).await;
    drop(listening);
    match report {
        Some(report) => {
            assert_eq!(report.outcome.kind(), OutcomeKind::Completed);
            None
        }
        None => left_at.get(),
    }
}

/// Fails unless the record of the last run is right, given how far it had come when its caller left.
async fn check_left(setup: &Setup, sight: &Sight, at: At) -> Option<Phase> {
    let record = setup.last().await;
    if sight.log.has("ended") {
        assert!(at >= At::Compiled, "it began without its caller: {at:?}");
        setup.check_completed().await;
        return None;
    }
    let failure = failure(&record);
    assert_eq!(failure.kind, OutcomeKind::Cancelled, "{at:?}");
    let phase = failure.phase;
    match at {
        At::Nothing | At::Compiling => assert_eq!((phase, failure.started), (Phase::Load, false)),
        // A guest gives way at each tick, be it before it says anything.
        At::Compiled => assert_eq!(
            matches!(phase, Phase::Start | Phase::Run),
            failure.started,
            "{phase:?}"
        ),
        At::Begun | At::Ended => assert_eq!((phase, failure.started), (Phase::Run, true)),
    }
    setup.check_serves().await;
    Some(phase)
}

#[tokio::test]
async fn whenever_a_run_waits_its_caller_can_leave() {
    let mut sight = Sight::default();
    let compiling = Arc::clone(&sight.compiling);
    let mut config = SandboxConfig::for_runs(1);
    config.compiler = Some(compiler());
    config.on_compile = Some(Arc::new(move |event| {
        *compiling.lock().unwrap() = Some(event);
    }));
    let setup = Setup::with(config).await;
    let mut polls = 1;
    loop {
        // A new value each time, so that what a workflow may use is read again.
        let value = format!("KEY-{polls}-of-every-phase");
        setup.host.set("KEY", &value).await;
        let wanted = every_phase(A_MILLISECOND, polls);
        let left = leave_after(&setup, &mut sight, wanted, (At::Nothing, polls)).await;
        let Some(at) = left else { break };
        check_left(&setup, &sight, at).await;
        polls += 1;
        assert!(polls < POLLS, "it does not end");
    }
    // Which of its waits such a poll meets is up to the clock. These are met for certain, as the run cannot go on: what
    // comes first leads to a compilation, another process compiles, and the guest sleeps for an hour.
    for (from, phase) in [
        (At::Nothing, Phase::Load),
        (At::Compiling, Phase::Load),
        (At::Begun, Phase::Run),
    ] {
        polls += 1;
        let wanted = every_phase(AN_HOUR, polls);
        let at = leave_after(&setup, &mut sight, wanted, (from, 1)).await;
        let at = at.unwrap();
        assert!(at == from || from == At::Nothing && at == At::Compiling);
        assert_eq!(check_left(&setup, &sight, at).await, Some(phase));
    }
}

#[tokio::test]
async fn a_run_whose_caller_leaves_at_once_never_was() {
    let setup = Setup::new().await;
    let before = setup.last().await;
    let request = every_phase(A_MILLISECOND, 0).request(Arc::new(Heard::default()));
    drop(setup.host.runner.run(&setup.host.admin, request));
    assert_eq!(setup.last().await.id, before.id);
}

/// Leaves when this is traced, and waits for the run to end. `wanted` cannot end by itself.
async fn leave_when_traced(setup: &Setup, text: &'static str, wanted: Wanted) {
    let client = Client::default();
    let listening = leaving_at(&client, move |moment| moment == Moment::Traced(text));
    let log = Arc::new(Heard::default());
    let report = client.call(&setup.host, wanted, log).await;
    drop(listening);
    assert!(report.is_none(), "`{text}` was not traced");
}

#[tokio::test]
async fn a_caller_can_leave_while_its_step_is_compiled_and_when_it_is() {
    for leaves_at in ["began", "ended"] {
        let client = Client::default();
        let leaver = client.clone();
        let mut config = SandboxConfig::for_runs(1);
        config.compiler = Some(compiler());
        config.on_compile = Some(Arc::new(move |event| {
            let is = match event {
                CompileEvent::Began { .. } => "began",
                CompileEvent::Ended { .. } => "ended",
            };
            if is == leaves_at {
                leaver.leave();
            }
        }));
        let setup = Setup::with(config).await;
        let log = Arc::new(Heard::default());
        let report = client.call(&setup.host, every_phase(AN_HOUR, 0), log).await;
        assert!(report.is_none());
        setup.check_cancelled(Phase::Load).await;
    }
}

/// A run that has what others wait for, and tells when it has it.
struct Holder {
    wanted: Wanted,
    holds: Arc<Notify>,
}

impl LogSink for Notified {
    fn write(&self, _: LogChunk) {
        self.0.notify_one();
    }
}

/// Hears that a run says something.
struct Notified(Arc<Notify>);

/// Leaves while `wanted` waits for what the holder has, which is cancelled then.
async fn leave_behind(setup: &Setup, text: &'static str, holder: Holder, wanted: Wanted) {
    let Holder {
        wanted: held,
        holds,
    } = holder;
    let cancel = CancellationToken::new();
    let leaver = async {
        holds.notified().await;
        leave_when_traced(setup, text, wanted).await;
        cancel.cancel();
    };
    let request = held
        .cancelled_by(&cancel)
        .request(Arc::new(Notified(Arc::clone(&holds))));
    let held = setup.host.runner.run(&setup.host.admin, request);
    // The holder comes first.
    let (held, ()) = tokio::join!(biased; held, leaver);
    let held = held.unwrap();
    assert_eq!(held.outcome.kind(), OutcomeKind::Cancelled);
    // It was ended by who embeds the host, while its caller waited.
    assert_eq!(setup.told_cancelled(held.run).await, []);
}

#[tokio::test]
async fn a_caller_can_leave_the_queue_for_a_place() {
    let setup = Setup::new().await;
    let queues = "all places are taken: the run queues for one";
    let holder = Holder {
        wanted: every_phase(AN_HOUR, 0),
        holds: Arc::default(),
    };
    leave_behind(&setup, queues, holder, Wanted::of(wat("echo-command"))).await;
    setup.check_cancelled(Phase::Admit).await;
}

#[tokio::test]
async fn a_caller_can_leave_before_it_is_the_turn_of_its_step() {
    let holder = Holder {
        wanted: Wanted::of(super::bombs::slow_to_compile(501)),
        holds: Arc::default(),
    };
    let holds = Arc::clone(&holder.holds);
    let mut config = SandboxConfig::for_runs(1);
    config.compiler = Some(compiler());
    config.on_compile = Some(Arc::new(move |event| {
        // The other steps are smaller.
        if let CompileEvent::Began {
            wasm_bytes: 100_000..,
        } = event
        {
            holds.notify_one();
        }
    }));
    let setup = Setup::with(config).await;
    let waits = "other steps are compiled: this one waits for its turn";
    leave_behind(&setup, waits, holder, every_phase(AN_HOUR, 0)).await;
    setup.check_cancelled(Phase::Load).await;
}

#[tokio::test]
async fn a_caller_can_leave_while_it_gets_a_credential() {
    let setup = Setup::new().await;
    let reveals = "the value is too short to be masked";
    leave_when_traced(&setup, reveals, every_phase(AN_HOUR, 0)).await;
    let receipt = setup.check_cancelled(Phase::Run).await;
    let given = receipt.credentials.iter().map(|used| used.key.as_str());
    assert_eq!(given.collect::<Vec<_>>(), ["SHORT", "KEY"]);
}

#[tokio::test]
async fn a_caller_can_leave_a_guest_that_never_waits() {
    let setup = Setup::new().await;
    for (name, phase) in [
        ("endless-start", Phase::Start),
        ("endless-loop", Phase::Run),
        ("endless-host-calls", Phase::Run),
        ("endless-line", Phase::Run),
    ] {
        // More polls than it takes to begin: it is polled again at each tick of the epoch.
        let client = Client::default();
        let listening = leaving_at(&client, polled(30));
        let log = Arc::new(Heard::default());
        let report = client.call(&setup.host, Wanted::of(wat(name)), log).await;
        drop(listening);
        assert!(report.is_none(), "{name}");
        let record = setup.last().await;
        let failure = failure(&record);
        let ended = (failure.kind, failure.phase, failure.started);
        assert_eq!(ended, (OutcomeKind::Cancelled, phase, true), "{name}");
        setup.check_serves().await;
    }
}

/// Leaves at the last piece of the log, which is held back until the guest has ended, as more of the value could follow.
///
/// From then on another process writes to the database: else the record could be closed before the run gives way.
struct LeavesAtTheEnd {
    client: Client,
    database: Mutex<Connection>,
}

impl LeavesAtTheEnd {
    /// The other process has written.
    fn goes_on(&self) {
        let database = self.database.lock().unwrap();
        database.execute_batch("ROLLBACK").unwrap();
    }
}

impl LogSink for LeavesAtTheEnd {
    fn write(&self, chunk: LogChunk) {
        if chunk.text.as_bytes() == b"KEY-" {
            let database = self.database.lock().unwrap();
            database.execute_batch("BEGIN IMMEDIATE").unwrap();
            self.client.leave();
        }
    }
}

#[tokio::test]
async fn what_a_step_has_done_counts_when_its_caller_leaves_before_it_is_told() {
    let setup = Setup::new().await;
    let client = Client::default();
    let database = Connection::open(setup.host.data().join("lockstep.db")).unwrap();
    let log = Arc::new(LeavesAtTheEnd {
        client: client.clone(),
        database: Mutex::new(database),
    });
    let wanted = every_phase(A_MILLISECOND, 0);
    let report = client.call(&setup.host, wanted, log.clone()).await;
    assert!(report.is_none());
    log.goes_on();
    setup.check_completed().await;
}
