//! `lockstep doctor`: what is checked before somebody asks why it does not work. Makes nothing, and mends nothing.

use std::fmt;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use lockstep_runner::{Runner, Store};
use lockstep_sandbox::{Allocation, Sandbox, SandboxConfig};
use lockstep_step::{Caller, Role};
use lockstep_store::SqliteStore;
use lockstep_vault::{IfAbsent, KeyError, Vault};

use super::step::reason_in_words;
use crate::config::{Config, KeySource};
use crate::console::{Answer, Console, Mood, Paint};
use crate::host::{self, CACHE};
use crate::problem::{Exit, Problem};

/// Permission bits that let others read, and that let others write.
const READ_BY_OTHERS: u32 = 0o044;
const WRITTEN_BY_OTHERS: u32 = 0o022;

#[derive(Serialize)]
struct Examination {
    version: &'static str,
    checks: Vec<Check>,
}

/// One thing that was looked at.
#[derive(Serialize)]
struct Check {
    name: &'static str,
    status: Status,
    message: String,
    hint: Option<String>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Ok,
    Warn,
    Fail,
}

pub(crate) async fn carry_out(config: &Config, console: &Console) -> Result<Exit, Problem> {
    let checks = examine(config, console).await;
    let failed = checks.iter().any(|check| check.status == Status::Fail);
    let version = env!("CARGO_PKG_VERSION");
    console.show(&Examination { version, checks })?;
    Ok(if failed {
        Exit::NotCompleted
    } else {
        Exit::Completed
    })
}

async fn examine(config: &Config, console: &Console) -> Vec<Check> {
    let data = config.data.as_path();
    let mut checks = vec![data_directory(data)];
    // Without the cache on disk, which this would make.
    let sandbox =
        Sandbox::new(SandboxConfig::for_runs(1)).map_err(|error| Problem::host("sandbox", &error));
    if data.is_dir() {
        checks.extend([files(data), cache(data)]);
        checks.push(sandbox_check(&sandbox));
        match SqliteStore::open(data, Timestamp::now()) {
            Ok(store) => checks.extend(database_and_key(config, console, store, sandbox).await),
            Err(error) => checks.push(Check::problem("database", &error.into())),
        }
    } else {
        checks.push(sandbox_check(&sandbox));
        checks.push(key(config, console, &[]));
    }
    checks
}

async fn database_and_key(
    config: &Config,
    console: &Console,
    store: SqliteStore,
    sandbox: Result<Sandbox, Problem>,
) -> Vec<Check> {
    let mut checks = vec![database(&store).await];
    match host::sealed_under(&store).await {
        Ok(sealed_under) => checks.push(key(config, console, &sealed_under)),
        Err(error) => checks.push(Check::problem("key", &(&error).into())),
    }
    if let Ok(sandbox) = sandbox {
        checks.extend(steps(Arc::new(store), sandbox).await);
    }
    checks
}

fn data_directory(data: &Path) -> Check {
    const NAME: &str = "data_directory";
    let path = data.display();
    match fs::metadata(data) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Check::ok(
            NAME,
            format!("`{path}` is not there yet; the first command makes it"),
        ),
        Err(error) => Check::problem(NAME, &Problem::host("io", &error)),
        Ok(metadata) if !metadata.is_dir() => Check::fail(
            NAME,
            format!("`{path}` is not a directory"),
            "name another with `--data`",
        ),
        Ok(metadata) if !is_ours(&metadata) => Check::fail(
            NAME,
            format!("`{path}` belongs to another user"),
            "run as its owner, or name another with `--data`",
        ),
        Ok(metadata) if metadata.mode() & (READ_BY_OTHERS | WRITTEN_BY_OTHERS) != 0 => {
            let mode = metadata.mode() & 0o7777;
            let hint = format!("run `chmod 700 {path}`");
            Check::warn(
                NAME,
                format!("`{path}` has mode {mode:04o}: others can look into it"),
                hint,
            )
        }
        Ok(_) => Check::ok(NAME, format!("`{path}` is ours alone")),
    }
}

/// The database and its journal.
fn files(data: &Path) -> Check {
    const NAME: &str = "database_files";
    let loose = ["lockstep.db", "lockstep.db-wal", "lockstep.db-shm"]
        .into_iter()
        .filter(|name| {
            let metadata = fs::metadata(data.join(name));
            metadata
                .is_ok_and(|metadata| metadata.mode() & (READ_BY_OTHERS | WRITTEN_BY_OTHERS) != 0)
        });
    let loose: Vec<&str> = loose.collect();
    if loose.is_empty() {
        return Check::ok(NAME, "only we can read and write them");
    }
    let hint = format!("run `chmod 600` on it, in `{}`", data.display());
    Check::fail(
        NAME,
        format!("others can read or write `{}`", loose.join("`, `")),
        hint,
    )
}

fn cache(data: &Path) -> Check {
    const NAME: &str = "code_cache";
    let directory = data.join(CACHE);
    let path = directory.display();
    match fs::metadata(&directory) {
        Err(_) => Check::ok(NAME, "there is none yet; the first run makes it"),
        Ok(metadata) if metadata.mode() & WRITTEN_BY_OTHERS != 0 || !is_ours(&metadata) => {
            Check::warn(
                NAME,
                format!("others can write to `{path}`, so it is not used and every run compiles"),
                format!("remove `{path}`"),
            )
        }
        Ok(_) => Check::ok(NAME, format!("only we can write to `{path}`")),
    }
}

fn sandbox_check(sandbox: &Result<Sandbox, Problem>) -> Check {
    const NAME: &str = "sandbox";
    match sandbox.as_ref().map(Sandbox::allocation) {
        Ok(Allocation::Pooled) => Check::ok(
            NAME,
            "the WebAssembly engine starts, with its pool of instances",
        ),
        Ok(Allocation::OnDemand) => Check::warn(
            NAME,
            "there is no room for the pool of instances, so runs start more slowly",
            "raise the limit of address space (`ulimit -v`) or the kernel's `vm.overcommit_memory`",
        ),
        Err(problem) => Check::problem(NAME, problem),
    }
}

async fn database(store: &SqliteStore) -> Check {
    const NAME: &str = "database";
    match store.damage().await {
        Ok(damage) if damage.is_empty() => Check::ok(NAME, "SQLite finds it whole"),
        Ok(damage) => Check::fail(
            NAME,
            format!("it is damaged: {}", damage.join("; ")),
            "restore the data directory from your copy",
        ),
        Err(error) => Check::problem(NAME, &(&error).into()),
    }
}

fn key(config: &Config, console: &Console, sealed_under: &[lockstep_runner::KekEntry]) -> Check {
    const NAME: &str = "key";
    let from = match &config.key {
        KeySource::Text(_) => "`LOCKSTEP_KEY`".to_owned(),
        KeySource::File(path) => format!("`{}`", path.display()),
    };
    match host::keyring(config, IfAbsent::Refuse, sealed_under, console) {
        Ok(ring) if sealed_under.is_empty() => {
            let id = ring.primary().id();
            Check::ok(
                NAME,
                format!("key `{id}` of {from} can be used; nothing is sealed yet"),
            )
        }
        Ok(ring) => {
            let id = ring.primary().id();
            Check::ok(NAME, format!("key `{id}` of {from} opens the credentials"))
        }
        Err(KeyError::NoKeyFile { .. }) if sealed_under.is_empty() => Check::ok(
            NAME,
            format!("{from} is not there yet; the first credential makes it"),
        ),
        Err(error) => {
            let problem = Problem::host("locked", &error).hint(error.hint());
            Check::problem(NAME, &problem)
        }
    }
}

/// Credentials that steps name and would not get; one check for each, or one for all.
async fn steps(store: Arc<dyn Store>, sandbox: Sandbox) -> Vec<Check> {
    const NAME: &str = "steps";
    // No value is opened for this.
    let vault = Vault::locked(KeyError::Empty);
    let runner = Runner::new(store, Arc::new(vault), sandbox);
    match missing_credentials(&runner).await {
        Ok(missing) if missing.is_empty() => {
            vec![Check::ok(
                NAME,
                "each step would get the credentials that it names",
            )]
        }
        Ok(missing) => missing,
        Err(problem) => vec![Check::problem(NAME, &problem)],
    }
}

async fn missing_credentials(runner: &Runner) -> Result<Vec<Check>, Problem> {
    let caller = Caller {
        name: "cli:doctor".to_owned(),
        role: Role::Viewer,
    };
    let mut checks = Vec::new();
    for workspace in runner.workspaces().await? {
        let workspace = workspace.name;
        for step in runner.steps(&caller, &workspace, None).await? {
            let shown = runner
                .step(&caller, &workspace, &step.workflow, &step.name)
                .await?;
            for warning in shown.warnings {
                let (name, workflow, key) = (&step.name, &step.workflow, &warning.key);
                let reason = reason_in_words(warning.reason);
                let message = format!(
                    "step `{name}` of workflow `{workflow}` in workspace `{workspace}` names `{key}`, and {reason}"
                );
                let hint = "`lockstep credential set` or `lockstep permission set` changes that";
                checks.push(Check::warn("steps", message, hint));
            }
        }
    }
    Ok(checks)
}

fn is_ours(metadata: &Metadata) -> bool {
    metadata.uid() == rustix::process::geteuid().as_raw()
}

// === impl Check ===

impl Check {
    fn ok(name: &'static str, message: impl Into<String>) -> Self {
        Self {
            name,
            status: Status::Ok,
            message: message.into(),
            hint: None,
        }
    }

    fn warn(name: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            name,
            status: Status::Warn,
            message: message.into(),
            hint: Some(hint.into()),
        }
    }

    fn fail(name: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            status: Status::Fail,
            ..Self::warn(name, message, hint)
        }
    }

    fn problem(name: &'static str, problem: &Problem) -> Self {
        let texts = std::iter::once(&problem.message).chain(&problem.causes);
        Self {
            name,
            status: Status::Fail,
            message: texts.map(String::as_str).collect::<Vec<_>>().join(": "),
            hint: problem.hint.clone(),
        }
    }
}

// === impl Status ===

impl Status {
    fn label(self, paint: Paint) -> String {
        match self {
            Self::Ok => paint.label("ok  ", Mood::Good),
            Self::Warn => paint.label("warn", Mood::Doubtful),
            Self::Fail => paint.label("fail", Mood::Bad),
        }
    }
}

// === impl Examination ===

impl Answer for Examination {
    fn text(&self, out: &mut dyn fmt::Write, paint: Paint) -> fmt::Result {
        let ok = Status::Ok.label(paint);
        writeln!(out, "{ok}  version: lockstep {}", self.version)?;
        for Check {
            name,
            status,
            message,
            hint,
        } in &self.checks
        {
            let (name, label) = (name.replace('_', " "), status.label(paint));
            write!(out, "{label}  {name}: {message}")?;
            match hint {
                Some(hint) => writeln!(out, " ({hint})")?,
                None => writeln!(out)?,
            }
        }
        Ok(())
    }
}
