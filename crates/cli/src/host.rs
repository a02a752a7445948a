//! The parts, put together: data directory, store, key, vault, sandbox, runner.

use std::io;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::task::{JoinHandle, spawn_blocking};

use lockstep_runner::{KekEntry, Runner, Store, StoreError};
use lockstep_sandbox::{CompileEvent, Sandbox, SandboxError};
use lockstep_step::{Caller, Role};
use lockstep_store::SqliteStore;
use lockstep_vault::{IfAbsent, KeyError, Keyring, Vault, open_key_file};

use crate::capacity::Capacity;
use crate::config::{Config, KeySource};
use crate::console::Console;
use crate::problem::Problem;
use crate::process;

/// Folder of the compiled code in the data directory.
pub(crate) const CACHE: &str = "cache";

/// Everything that a command speaks to.
pub(crate) struct Host {
    /// The runner.
    pub(crate) runner: Runner,
    /// Whoever is at the terminal: who can read the data directory and the key is an admin.
    pub(crate) caller: Caller,
}

/// What a command does with keys.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Keys {
    /// Nothing: the key is not even looked for.
    Unused,
    /// It opens credentials, if there are any. Without a key it goes on, and only what needs one fails.
    Opening,
    /// It seals credentials. Makes a key file if there is none and nothing has been sealed yet.
    Sealing,
    /// It seals and opens, for many. As with [`Keys::Sealing`] a key file is made where nothing has been sealed yet, and as
    /// with [`Keys::Opening`] it goes on without a key.
    Serving,
    /// It shows the keys: that there are none is told by the command, and nothing is opened.
    Shown,
    /// It changes the ring, or what it wraps, and can do nothing without.
    Managed,
}

impl Host {
    /// Puts everything together for one command.
    pub(crate) async fn open(
        config: &Config,
        keys: Keys,
        console: &Console,
    ) -> Result<Self, Problem> {
        Self::with_capacity(config, keys, Capacity::one_run(), console).await
    }

    /// Puts everything together to run a script, whose engine is opened meanwhile.
    pub(crate) async fn for_script(config: &Config, console: &Console) -> Result<Self, Problem> {
        let capacity = Capacity::one_run();
        let sandbox = sandbox(config, capacity, console);
        let sandbox = spawn_blocking(|| sandbox().inspect(Sandbox::open_engine));
        Self::around(sandbox, config, Keys::Opening, capacity, console).await
    }

    /// Puts everything together for so much.
    pub(crate) async fn with_capacity(
        config: &Config,
        keys: Keys,
        capacity: Capacity,
        console: &Console,
    ) -> Result<Self, Problem> {
        let sandbox = spawn_blocking(sandbox(config, capacity, console));
        Self::around(sandbox, config, keys, capacity, console).await
    }

    /// The rest, while the sandbox is made.
    async fn around(
        sandbox: JoinHandle<Result<Sandbox, SandboxError>>,
        config: &Config,
        keys: Keys,
        capacity: Capacity,
        console: &Console,
    ) -> Result<Self, Problem> {
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&config.data, Timestamp::now())?);
        let vault = vault(config, store.as_ref(), keys, console).await?;
        let sandbox = sandbox.await.map_err(io::Error::from)?;
        let sandbox = sandbox.map_err(|error| Problem::host("sandbox", &error))?;
        let caller = Caller {
            name: config.caller.clone(),
            role: Role::Admin,
        };
        Ok(Self {
            runner: Runner::with(capacity.runner(), store, Arc::new(vault), sandbox),
            caller,
        })
    }
}

async fn vault(
    config: &Config,
    store: &dyn Store,
    keys: Keys,
    console: &Console,
) -> Result<Vault, Problem> {
    if keys == Keys::Unused {
        // Nobody will hear the reason.
        return Ok(Vault::locked(KeyError::Empty));
    }
    let sealed_under = sealed_under(store)
        .await
        .map_err(|error| Problem::from(&error))?;
    let if_absent = match keys {
        Keys::Sealing | Keys::Serving if sealed_under.is_empty() => IfAbsent::Create,
        Keys::Sealing
        | Keys::Serving
        | Keys::Opening
        | Keys::Unused
        | Keys::Shown
        | Keys::Managed => IfAbsent::Refuse,
    };
    match (keyring(config, if_absent, &sealed_under, console), keys) {
        (Ok(ring), Keys::Opening | Keys::Sealing | Keys::Serving) => {
            tell_not_at_hand(&ring, &sealed_under, console);
            Ok(Vault::new(ring))
        }
        (Ok(ring), Keys::Unused | Keys::Shown | Keys::Managed) => Ok(Vault::new(ring)),
        (Err(KeyError::NoKeyFile { .. }), Keys::Managed) if sealed_under.is_empty() => {
            Err(no_key_yet())
        }
        (Err(reason), Keys::Sealing | Keys::Managed) => Err(Problem::locked(&reason)),
        (Err(reason), Keys::Serving) => {
            tell_locked(&reason, console);
            Ok(Vault::locked(reason))
        }
        (Err(reason), Keys::Opening) if !sealed_under.is_empty() => {
            tell_locked(&reason, console);
            Ok(Vault::locked(reason))
        }
        (Err(reason), Keys::Opening | Keys::Unused | Keys::Shown) => Ok(Vault::locked(reason)),
    }
}

/// The keys, for what is done without them if they are not at hand.
pub(crate) async fn vault_at_hand(
    config: &Config,
    store: &dyn Store,
    console: &Console,
) -> Option<Vault> {
    let sealed_under = sealed_under(store).await.ok()?;
    let ring = keyring(config, IfAbsent::Refuse, &sealed_under, console).ok()?;
    Some(Vault::new(ring))
}

fn tell_locked(reason: &KeyError, console: &Console) {
    console.warn(&format!("the credentials are locked: {reason}"));
    console.hint(reason.hint());
}

fn no_key_yet() -> Problem {
    Problem::usage("there is no key yet").hint("`lockstep credential set KEY` makes the first")
}

/// Those of the keys under which something is sealed that are not on the ring.
pub(crate) fn not_at_hand<'a>(
    ring: &Keyring,
    sealed_under: &'a [KekEntry],
) -> impl Iterator<Item = &'a KekEntry> {
    sealed_under.iter().filter(|kek| !ring.holds(kek.check.kek))
}

/// A ring that misses one key of several opens what the others wrap.
fn tell_not_at_hand(ring: &Keyring, sealed_under: &[KekEntry], console: &Console) {
    for kek in not_at_hand(ring, sealed_under) {
        let (id, records) = (kek.check.kek, kek.wrapped_keys);
        console.warn(&format!(
            "key `{id}` is not on the ring: the credentials of {records} workspaces are locked"
        ));
        console.hint("put it back on the ring, from your copy");
    }
}

/// The key-encryption keys under which something is sealed.
pub(crate) async fn sealed_under(store: &dyn Store) -> Result<Vec<KekEntry>, StoreError> {
    let mut keks = store.keks().await?;
    keks.retain(|kek| kek.wrapped_keys > 0);
    Ok(keks)
}

/// The keys at hand, if they open what is sealed.
pub(crate) fn keyring(
    config: &Config,
    if_absent: IfAbsent,
    sealed_under: &[KekEntry],
    console: &Console,
) -> Result<Keyring, KeyError> {
    let ring = match &config.key {
        KeySource::Text(text) => Keyring::parse(text)?,
        KeySource::File(path) => {
            let made = !path.exists();
            let ring = open_key_file(path, &config.data, if_absent)?;
            if made {
                tell_new_key(path, console);
            }
            ring
        }
    };
    ring.verify(sealed_under.iter().map(|kek| &kek.check))?;
    Ok(ring)
}

fn tell_new_key(path: &Path, console: &Console) {
    let path = path.display();
    console.note(&format!(
        "made a new key, `{path}`: keep a copy of it, without it no credential can be opened"
    ));
}

/// Makes the sandbox: on another thread, as it takes as long as the rest.
fn sandbox(
    places: &Config,
    capacity: Capacity,
    console: &Console,
) -> impl FnOnce() -> Result<Sandbox, SandboxError> + Send + use<> {
    let mut config = capacity.sandbox();
    config.cache_dir = Some(places.data.join(CACHE));
    config.egress = places.egress.clone();
    config.traces = places.traces.clone();
    config.compiler = Some(process::compiler());
    if console.stderr_is_terminal() {
        let console = console.clone();
        config.on_compile = Some(Arc::new(move |event| progress(&console, event)));
    }
    || Sandbox::new(config)
}

/// A line that is there while a step is compiled, on a terminal.
fn progress(console: &Console, event: CompileEvent) {
    match event {
        CompileEvent::Began { wasm_bytes } => {
            let kib = wasm_bytes.div_ceil(1024);
            console
                .say(format!("compiling {kib} KiB of wasm; the next run finds it done").as_bytes());
        }
        // Back to the start of the line, and clear it.
        CompileEvent::Ended { .. } => console.say(b"\r\x1b[K"),
    }
}
