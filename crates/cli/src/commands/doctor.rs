//! `lockstep doctor`: what is checked before somebody asks why it does not work. Makes nothing, and mends nothing.

mod cache;
mod credentials;
mod files;
mod server;
mod stray_keys;

use std::fmt;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use lockstep_runner::{Runner, Store};
use lockstep_sandbox::{Allocation, EgressConfig, Reach, Sandbox, SandboxConfig};
use lockstep_step::{Caller, Role};
use lockstep_store::SqliteStore;
use lockstep_vault::{IfAbsent, KeyError, Keyring, Vault};

use super::step::reason_in_words;
use crate::config::{Config, KeySource};
use crate::console::{Answer, Console, Mood, Paint};
use crate::host;
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
    /// Nothing is wrong with it; somebody may want to know.
    Note,
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
    if let Some(server) = &config.server {
        return server::examine(server, Timestamp::now()).await;
    }
    let data = config.data.as_path();
    let mut checks = vec![files::data_directory(data)];
    // Without the cache on disk, which this would make.
    let mut settings = SandboxConfig::for_runs(1);
    settings.egress = config.egress.clone();
    let sandbox = Sandbox::new(settings).map_err(|error| Problem::host("sandbox", &error));
    checks.push(sandbox_check(&sandbox));
    checks.push(egress(&config.egress));
    checks.extend(stray_keys::beside_key_file(config));
    if data.is_dir() {
        // Before the database is opened, as files are read for it.
        checks.push(stray_keys::in_data_directory(config, &files::entries(data)));
    }
    if SqliteStore::is_in(data) {
        let store = SqliteStore::open(data, Timestamp::now());
        checks.extend(data_files(config, sandbox.as_ref().ok()));
        match store {
            Ok(store) => checks.extend(database_and_key(config, console, store, sandbox).await),
            Err(error) => checks.push(Check::problem("database", &error.into())),
        }
    } else {
        let message = "there is none yet; the first command makes it";
        checks.extend([Check::ok("database", message), key(config, console, &[])]);
    }
    checks
}

/// What lies in the data directory. The files of processes that are gone went when the database was opened.
fn data_files(config: &Config, sandbox: Option<&Sandbox>) -> Vec<Check> {
    let data = config.data.as_path();
    let entries = files::entries(data);
    let mut checks = vec![
        files::databases(data, &entries),
        files::others(data, &entries),
        cache::state(data),
    ];
    checks.extend(files::left_over(data, &entries));
    if let Some(sandbox) = sandbox {
        checks.extend(cache::useless(data, &entries, &sandbox.code_folder()));
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
        checks.extend(credentials_and_steps(Arc::new(store), sandbox).await);
    }
    checks
}

async fn credentials_and_steps(store: Arc<dyn Store>, sandbox: Sandbox) -> Vec<Check> {
    // No value is opened for this.
    let vault = Vault::locked(KeyError::Empty);
    let runner = Runner::new(Arc::clone(&store), Arc::new(vault), sandbox);
    let caller = Caller {
        name: "cli:doctor".to_owned(),
        role: Role::Viewer,
    };
    let mut checks = credentials::examine(store.as_ref(), &runner, &caller).await;
    checks.extend(steps(&runner, &caller).await);
    checks
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

/// What requests may reach.
fn egress(egress: &EgressConfig) -> Check {
    const NAME: &str = "egress";
    let mut reached = match egress.reach {
        Reach::Public => vec!["public addresses".to_owned()],
        Reach::Nothing => Vec::new(),
    };
    let lists = [
        ("the hosts", listed(&egress.hosts)),
        ("the networks", listed(&egress.networks)),
    ];
    reached.extend(
        lists
            .iter()
            .filter_map(|(what, list)| Some(format!("{what} {}", list.as_ref()?))),
    );
    let mut message = match reached.as_slice() {
        [] => "requests of steps reach nothing".to_owned(),
        _ => format!("requests of steps reach {}", reached.join(", ")),
    };
    if !egress.roots.is_empty() {
        message += &format!(
            "; {} roots are trusted beside those of the platform",
            egress.roots.len()
        );
    }
    match listed(&egress.sealed_in_the_clear) {
        None => Check::ok(NAME, message),
        Some(clear) => Check::note(
            NAME,
            format!("{message}; without TLS, sealed credentials may go to {clear}"),
            "whoever sees the traffic there sees their values",
        ),
    }
}

fn listed<T: fmt::Display>(list: &[T]) -> Option<String> {
    (!list.is_empty()).then(|| some_of(list))
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
        Ok(ring) => records(&ring, sealed_under, &from),
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

/// Whether the ring opens everything, and whether a rotation was broken off.
fn records(ring: &Keyring, sealed_under: &[lockstep_runner::KekEntry], from: &str) -> Check {
    const NAME: &str = "key";
    let lost: Vec<String> = host::not_at_hand(ring, sealed_under)
        .map(|kek| format!("`{}` (workspaces: {})", kek.check.kek, kek.wrapped_keys))
        .collect();
    if !lost.is_empty() {
        let lost = lost.join(", ");
        return Check::fail(
            NAME,
            format!("credentials are sealed under a key that {from} does not hold: {lost}"),
            "put that key back on the ring, from your copy; `lockstep key status` shows all",
        );
    }
    let id = ring.primary().id();
    let others = sealed_under.iter().filter(|kek| kek.check.kek != id);
    match others.map(|kek| kek.wrapped_keys).sum::<u64>() {
        0 => Check::ok(NAME, format!("key `{id}` of {from} opens the credentials")),
        waiting => Check::warn(
            NAME,
            format!(
                "the ring of {from} opens the credentials; {waiting} workspaces still wait to be re-wrapped with key `{id}`"
            ),
            "run `lockstep key rewrap`",
        ),
    }
}

/// Credentials that steps name and would not get; one check for each, or one for all.
async fn steps(runner: &Runner, caller: &Caller) -> Vec<Check> {
    const NAME: &str = "steps";
    match missing_credentials(runner, caller).await {
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

async fn missing_credentials(runner: &Runner, caller: &Caller) -> Result<Vec<Check>, Problem> {
    let mut checks = Vec::new();
    for workspace in runner.workspaces().await? {
        let workspace = workspace.name;
        for step in runner.steps(caller, &workspace, None).await? {
            let shown = runner
                .step(caller, &workspace, &step.workflow, &step.name)
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

/// Names in backticks; of many only the first.
fn some_of<T: fmt::Display>(names: impl IntoIterator<Item = T>) -> String {
    const MOST: usize = 10;
    let mut told: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    let more = told.len().saturating_sub(MOST);
    told.truncate(MOST);
    let told = told.join(", ");
    match more {
        0 => told,
        _ => format!("{told} and {more} more"),
    }
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

    fn note(name: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            status: Status::Note,
            ..Self::warn(name, message, hint)
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
            Self::Note => paint.label("note", Mood::Helpful),
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
