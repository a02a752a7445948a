//! A thousand runs, hostile and honest, in random order, some cancelled and some left by their callers: afterwards the host
//! holds what it held before.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use lockstep_e2e::{Allocator, Resident, TestHost, Wanted, compiler, guest, wat};
use lockstep_runner::{RunFilter, RunStatus};
use lockstep_sandbox::{LogSink, SandboxConfig};
use lockstep_step::{LogChunk, OutcomeKind, WorkspaceName};

/// Runs that are counted; the warm-up comes on top.
const RUNS: usize = 1000;
/// Runs that are under way at the same time: twice as many as there are places.
const TOGETHER: usize = 8;
const PLACES: u32 = 4;
/// The traces of so many rounds are kept before they are searched: more would be most of the memory that is compared.
const SEARCHED: usize = 5;
/// What may be allocated more after [`RUNS`] runs, in bytes: 4 KiB a run would be found. It grew by some 800 bytes a run for
/// 2,200 runs, which fits SQLite's page cache of 2 MiB, and then by 9 KiB in 1,500 runs.
const ALLOCATED: u64 = 4 << 20;
/// What may be resident more, in bytes, without the linear memories in the places and what the allocator holds free.
///
/// What the allocator holds free is no leak: glibc trims an arena only when more is free at its end than twice the largest
/// block that was freed so far, and so all that is resident went from 72 MB to 111 MB in 2,500 runs. With
/// `GLIBC_TUNABLES=glibc.malloc.trim_threshold=131072:glibc.malloc.mmap_threshold=131072:glibc.malloc.arena_max=2` it was
/// 56 MB before and 58 MB after 2,000 runs. Counted as it is here, the rest grew by less than 1 MB in three soaks.
const RESIDENT: u64 = 16 << 20;
/// What the places may keep in all, in bytes: of each of their memories, of which a step may have four, 4 MiB stay resident
/// once a guest has touched as much, and the places of the two steps that are prepared at a time count, too. Which places
/// that happens to is up to the random order: it is not compared, as it went up by 14 to 20 MB in a thousand runs.
const KEPT: u64 = (PLACES as u64 + 2) * 4 * (4 << 20);

/// Guests in the text format and how they end, if nobody disturbs them.
const GUESTS: [(&str, OutcomeKind); 30] = [
    ("echo-command", OutcomeKind::Completed),
    ("exit-0", OutcomeKind::Completed),
    ("exit-3", OutcomeKind::StepFailed),
    ("trap", OutcomeKind::Trap),
    ("start-traps", OutcomeKind::Trap),
    ("data-out-of-bounds", OutcomeKind::Trap),
    ("stack-overflow", OutcomeKind::Trap),
    ("endless-loop", OutcomeKind::Timeout),
    ("endless-start", OutcomeKind::Timeout),
    ("endless-host-calls", OutcomeKind::Timeout),
    ("endless-line", OutcomeKind::Timeout),
    ("endless-empty-writes", OutcomeKind::Timeout),
    ("endless-reads", OutcomeKind::Timeout),
    ("long-sleep", OutcomeKind::Timeout),
    ("poll-many-pending", OutcomeKind::Timeout),
    ("memory-careful", OutcomeKind::Completed),
    ("memory-hungry", OutcomeKind::MemoryExceeded),
    ("memories-growing", OutcomeKind::MemoryExceeded),
    ("memories-together", OutcomeKind::MemoryExceeded),
    ("table-hungry", OutcomeKind::MemoryExceeded),
    ("handles-hungry", OutcomeKind::Trap),
    ("log-not-utf8", OutcomeKind::Completed),
    ("closed-stdout", OutcomeKind::Completed),
    ("output-too-large", OutcomeKind::OutputTooLarge),
    ("output-not-utf8", OutcomeKind::Trap),
    ("output-twice", OutcomeKind::Completed),
    ("credential-key-too-long", OutcomeKind::Completed),
    ("missing-too-many", OutcomeKind::Trap),
    ("realloc-traps", OutcomeKind::Trap),
    ("missing-import", OutcomeKind::InvalidStep),
];

/// What becomes of a run.
#[derive(Clone, Copy)]
enum Fate {
    Undisturbed,
    /// Its caller cancels it after so long.
    Cancelled(Duration),
    /// Its caller goes away after so long.
    Left(Duration),
}

/// A step to run, and how it ends.
struct Choice {
    name: String,
    source: Vec<u8>,
    input: String,
    kind: OutcomeKind,
}

/// What a writer and four readers have open of the database, its log and its index, and the file of locks.
const DATABASE_FILES: usize = 12;

/// What the process holds.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Held {
    files: usize,
    tasks: usize,
    children: String,
    threads: usize,
    allocated_bytes: u64,
    /// Linear memories in the places.
    kept_bytes: u64,
    /// All else, without what is free in the allocator.
    resident_bytes: u64,
}

#[test]
#[expect(
    clippy::print_stdout,
    reason = "the seed and what was held explain a failure"
)]
fn a_thousand_runs_in_random_order_leave_nothing_behind() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(4)
        .enable_all()
        .build()
        .unwrap();
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let (before, after) = runtime.block_on(soak(fastrand::Rng::with_seed(seed)));
    println!("before {before:?}\nafter  {after:?}");

    assert_eq!(after.files, before.files, "open files");
    assert_eq!(after.tasks, before.tasks, "tasks");
    assert_eq!(after.children, "", "processes");
    // The runtime starts and ends the four threads for blocking work as it likes.
    assert!(
        after.threads <= before.threads + 4,
        "{} threads",
        after.threads
    );
    let grown = |of: fn(&Held) -> u64| of(&after).saturating_sub(of(&before));
    let allocated = grown(|held| held.allocated_bytes);
    assert!(
        allocated < ALLOCATED,
        "{allocated} bytes more are allocated"
    );
    let resident = grown(|held| held.resident_bytes);
    assert!(resident < RESIDENT, "{resident} bytes more are resident");
    let kept = after.kept_bytes;
    assert!(kept <= KEPT, "the places keep {kept} bytes");
}

/// What was held before and after the thousand runs.
async fn soak(mut random: fastrand::Rng) -> (Held, Held) {
    let mut config = SandboxConfig::for_runs(PLACES);
    config.compiler = Some(compiler());
    let host = TestHost::with(config).await;
    let choices = choices();

    for choice in &choices {
        run(&host, choice, Fate::Undisturbed).await;
        // In all places at once: a place keeps some of the memory that its last guest used.
        let again = || run(&host, choice, Fate::Undisturbed);
        tokio::join!(again(), again(), again(), again());
    }
    runs(&host, &choices, RUNS / 5, &mut random).await;
    let before = settled(&host, None).await;
    runs(&host, &choices, RUNS, &mut random).await;
    let after = settled(&host, Some(&before)).await;
    assert_no_run_is_open(&host).await;
    assert_every_place_is_free(&host).await;
    (before, after)
}

fn choices() -> Vec<Choice> {
    let mut choices: Vec<_> = GUESTS
        .iter()
        .map(|(name, kind)| Choice {
            name: (*name).to_owned(),
            source: wat(name),
            input: "[1]".to_owned(),
            kind: *kind,
        })
        .collect();
    let mut add = |name: &str, input: &str, kind| {
        choices.push(Choice {
            name: name.to_owned(),
            source: guest(name),
            input: input.to_owned(),
            kind,
        });
    };
    let input = r#"{"keys": ["CANARY"], "spellings": ["raw", "base64"], "to": "stdout", "cut": 3}"#;
    add("credentials", input, OutcomeKind::Completed);
    add("panics", r#""out of luck""#, OutcomeKind::Trap);
    let input = r#"{"message": "no", "retryable": true}"#;
    add("fails", input, OutcomeKind::StepFailed);
    choices
}

/// So many runs in random order, a few at a time.
async fn runs(host: &TestHost, choices: &[Choice], count: usize, random: &mut fastrand::Rng) {
    for round in 0..count / TOGETHER {
        if round % SEARCHED == 0 {
            host.search();
        }
        let mut drawn = || {
            let choice = &choices[random.usize(..choices.len())];
            let after = Duration::from_micros(random.u64(..30_000));
            let fate = match random.u8(..10) {
                0 => Fate::Cancelled(after),
                1 => Fate::Left(after),
                _ => Fate::Undisturbed,
            };
            run(host, choice, fate)
        };
        tokio::join!(
            drawn(),
            drawn(),
            drawn(),
            drawn(),
            drawn(),
            drawn(),
            drawn(),
            drawn()
        );
    }
}

async fn run(host: &TestHost, choice: &Choice, fate: Fate) {
    let cancel = CancellationToken::new();
    let wanted = Wanted::of(choice.source.clone())
        .input(choice.input.clone())
        .cancelled_by(&cancel)
        .limits(|limits| {
            limits.log_bytes = 2_000;
            if choice.kind == OutcomeKind::Timeout {
                limits.timeout = Duration::from_millis(25);
            }
        });
    let run = host
        .runner
        .run(&host.admin, wanted.request(Arc::new(Nobody)));
    let (report, allowed) = match fate {
        Fate::Undisturbed => (run.await, vec![choice.kind]),
        Fate::Cancelled(after) => {
            let cancelled = async {
                sleep(after).await;
                cancel.cancel();
            };
            (
                tokio::join!(run, cancelled).0,
                vec![choice.kind, OutcomeKind::Cancelled],
            )
        }
        Fate::Left(after) => match timeout(after, run).await {
            Ok(report) => (report, vec![choice.kind]),
            Err(_) => return,
        },
    };
    let outcome = report
        .unwrap_or_else(|error| panic!("`{}`: {error}", choice.name))
        .outcome;
    assert!(
        allowed.contains(&outcome.kind()),
        "`{}`: {outcome:?}",
        choice.name
    );
}

/// What is held once all has ended; waits for it to become what it was `before`, in all that must.
async fn settled(host: &TestHost, before: Option<&Held>) -> Held {
    host.runner.drain().await;
    host.search();
    let mut held = Held::now();
    // A process that was killed is waited for after its caller has gone.
    for _ in 0..200 {
        let same = |before: &Held| (held.files, held.tasks) == (before.files, before.tasks);
        if held.children.is_empty() && before.is_none_or(same) {
            break;
        }
        sleep(Duration::from_millis(20)).await;
        held = Held::now();
    }
    held
}

impl Held {
    fn now() -> Self {
        let count = |directory: &str| fs::read_dir(directory).unwrap().count();
        let resident = Resident::now();
        let allocator = Allocator::now();
        let children = fs::read_dir("/proc/self/task")
            .unwrap()
            .flatten()
            .map(|task| fs::read_to_string(task.path().join("children")).unwrap_or_default())
            .collect();
        Self {
            files: open_files(),
            tasks: Handle::current().metrics().num_alive_tasks(),
            children,
            threads: count("/proc/self/task"),
            allocated_bytes: allocator.used_bytes,
            kept_bytes: resident.places,
            resident_bytes: resident.rest.saturating_sub(allocator.free_bytes),
        }
    }
}

/// Files that are open, but for the database: the store opens up to four connections to it when they are needed, two files
/// each, and keeps them.
fn open_files() -> usize {
    let files = fs::read_dir("/proc/self/fd").unwrap().flatten();
    let targets = files.filter_map(|file| fs::read_link(file.path()).ok());
    let (database, others): (Vec<_>, Vec<_>) =
        targets.partition(|target| target.to_string_lossy().contains("/lockstep.db"));
    assert!(database.len() <= DATABASE_FILES, "{database:?}");
    others.len()
}

async fn assert_no_run_is_open(host: &TestHost) {
    let open = RunFilter {
        workflow: None,
        step: None,
        status: Some(RunStatus::Open),
        since: None,
        until: None,
        before: None,
        limit: 10,
    };
    let workspace = WorkspaceName::default_name();
    let open = host.runner.runs(&host.admin, &workspace, &open).await;
    assert_eq!(open.unwrap(), [], "open runs");
}

/// As many runs as there are places, each of which waits until all have begun.
async fn assert_every_place_is_free(host: &TestHost) {
    let cancel = CancellationToken::new();
    let begun: Vec<_> = (0..PLACES).map(|_| Arc::new(Begun::default())).collect();
    let runs = async {
        let one = |begun: &Arc<Begun>| {
            let wanted = Wanted::of(wat("endless-line")).cancelled_by(&cancel);
            let listener = Arc::clone(begun) as Arc<dyn LogSink>;
            host.runner.run(&host.admin, wanted.request(listener))
        };
        let ended = tokio::join!(
            one(&begun[0]),
            one(&begun[1]),
            one(&begun[2]),
            one(&begun[3])
        );
        [ended.0, ended.1, ended.2, ended.3].map(|report| report.unwrap().outcome.kind())
    };
    let all_begun = async {
        for begun in &begun {
            begun.notify.notified().await;
        }
        cancel.cancel();
    };
    let (kinds, ()) = tokio::join!(runs, all_begun);
    assert_eq!(
        kinds,
        [OutcomeKind::Cancelled; 4],
        "some place was not free"
    );
}

/// A listener that does not listen.
struct Nobody;

impl LogSink for Nobody {
    fn write(&self, _: LogChunk) {}
}

/// Tells that its run has written something.
#[derive(Default)]
struct Begun {
    told: AtomicBool,
    notify: Notify,
}

impl LogSink for Begun {
    fn write(&self, _: LogChunk) {
        if !self.told.swap(true, Ordering::Relaxed) {
            self.notify.notify_one();
        }
    }
}
