//! What a guest can call: `lockstep:step/credentials`, `signing` and `output`, WASI behind which there is nothing, and
//! `wasi:http`, behind which is the run's outlet.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;

use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Lift, Linker, Lower, ResourceTable, WasmStr};
use wasmtime_wasi::p2::pipe::MemoryInputPipe;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtxView, WasiHttpView};

use lockstep_secret::{Masker, RegisterError, Registered, Secret, SharedSecret, Zeroizing};
use lockstep_step::{
    CredentialKey, CredentialUse, DenialReason, Denied, LogStream, Phase, Sealing,
};

use crate::credentials::{Credentials, Purpose, RevealError};
use crate::egress::{HostFault, NoPlaceholder, NotOpened, Outlet, Sealed, WayOut};
use crate::limiter::MemoryLimiter;
use crate::log::RunLog;
use crate::signing_imports;
use crate::stdio::GuestStream;
use crate::wasi_http::{self, WasiHttpState};

/// Handles (streams, pollables, …) that a guest may hold at once. Each costs the host some hundred bytes.
const MAX_HANDLES: usize = 10_000;
/// Denials that a run records. A guest that asks in a loop fills no database.
const MAX_DENIALS: usize = 100;
/// Keys that a guest may pass to `missing` in one call.
pub(crate) const MAX_KEYS: usize = 10_000;
/// Random bytes that a guest may ask for in one call: the host makes them before it hands them over.
const MAX_RANDOM_BYTES: u64 = 4 << 20;
/// What of an asked key comes back in an error.
pub(crate) const MAX_KEY_BYTES: usize = 128;

const MISSING: &str = "missing_credential";
const SEALING_REQUIRED: &str = "sealing_required";

/// What the host keeps of a guest, of whatever kind, for one run.
pub(crate) struct Guest {
    pub(crate) limiter: MemoryLimiter,
    pub(crate) desk: CredentialDesk,
    pub(crate) way_out: WayOut,
    /// What the last request of a component that was denied was told: `wasi:http` has no words for it.
    pub(crate) denial: Option<String>,
    /// How far the guest has come: `Start` until its instance is made.
    pub(crate) phase: Phase,
}

/// The state of a store that a guest runs in.
pub(crate) trait GuestState: 'static {
    /// What is kept of any guest.
    fn guest(&mut self) -> &mut Guest;
}

/// The state of one run of a component.
pub(crate) struct RunState {
    pub(crate) guest: Guest,
    pub(crate) output: CommandOutput,
    /// In front of the table, so that it goes first. `None`: no function of `wasi:http` was called.
    pub(crate) requests: Option<Box<WasiHttpState>>,
    wasi: WasiCtx,
    table: ResourceTable,
}

/// Hands out the credentials of one run, and remembers which.
pub(crate) struct CredentialDesk {
    source: Arc<dyn Credentials>,
    masker: Masker,
    sealed: Option<Arc<Sealed>>,
    revealed: BTreeMap<CredentialKey, SharedSecret>,
    uses: Vec<CredentialUse>,
    pub(crate) denied: Vec<Denied>,
    /// What was signed with private keys.
    pub(crate) signatures: u32,
}

/// A credential that was asked for.
enum Asked {
    Value(Arc<str>),
    Sealed(CredentialKey, Sealing),
    Missing(CredentialError),
}

/// The output of a command, as it is set.
pub(crate) struct CommandOutput {
    limit_bytes: u64,
    pub(crate) json: Option<Secret>,
}

/// What the host ends a run with from within a host call.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
    /// The output is over its limit.
    #[error("the output has {length} bytes")]
    OutputTooLarge { length: u64 },
    /// The guest asks for more keys in one call than it may.
    #[error("{count} keys in one call, over the limit of {MAX_KEYS}")]
    TooManyKeys { count: usize },
    /// The host could not open a credential.
    #[error("credential `{key}` cannot be opened")]
    Reveal {
        key: CredentialKey,
        source: Box<dyn Error + Send + Sync>,
    },
    /// The host could not do what it has to do for a request.
    #[error("a request cannot be made")]
    Request(#[source] Arc<HostFault>),
    /// The host could not open a sealed credential to sign with it.
    #[error("nothing can be signed")]
    Sign(#[source] NotOpened),
    /// There is no placeholder for a sealed credential.
    #[error(transparent)]
    NoPlaceholder(#[from] NoPlaceholder),
    /// The masker cannot take the value, so the guest must not have it.
    #[error("credential `{key}` cannot be masked")]
    Mask {
        key: CredentialKey,
        source: RegisterError,
    },
}

/// `credential-error` of step.wit.
#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct CredentialError {
    pub(crate) code: String,
    pub(crate) key: String,
    pub(crate) message: String,
}

/// `failure` of step.wit.
#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct GuestFailure {
    pub(crate) message: String,
    pub(crate) retryable: bool,
    #[component(name = "missing-credentials")]
    pub(crate) missing_credentials: Vec<String>,
}

// === impl GuestFailure ===

impl Drop for GuestFailure {
    /// A guest may say a value in any of its texts.
    fn drop(&mut self) {
        drop(Zeroizing::new(std::mem::take(&mut self.message)));
        for key in self.missing_credentials.drain(..) {
            drop(Zeroizing::new(key));
        }
    }
}

// === impl Guest ===

impl Guest {
    pub(crate) fn new(desk: CredentialDesk, way_out: WayOut, memory_bytes: u64) -> Self {
        Self {
            limiter: MemoryLimiter::new(memory_bytes),
            desk,
            way_out,
            denial: None,
            phase: Phase::Start,
        }
    }

    /// Where its requests go out.
    pub(crate) fn outlet(&mut self) -> &Outlet {
        self.way_out.open(self.desk.sealed())
    }
}

// === impl RunState ===

impl GuestState for RunState {
    fn guest(&mut self) -> &mut Guest {
        &mut self.guest
    }
}

impl RunState {
    pub(crate) fn new(guest: Guest, log: &RunLog, stdin: Option<&str>, output_bytes: u64) -> Self {
        let stream = |stream| GuestStream {
            log: log.clone(),
            stream,
        };
        let mut wasi = WasiCtx::builder();
        // The builder's defaults deny: no directory, no address, no environment, no argument.
        wasi.stdout(stream(LogStream::Stdout))
            .stderr(stream(LogStream::Stderr))
            .max_random_size(MAX_RANDOM_BYTES)
            .allow_tcp(false)
            .allow_udp(false);
        wasi.allow_ip_name_lookup(false);
        if let Some(input) = stdin {
            wasi.stdin(MemoryInputPipe::new(input.to_owned()));
        }
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_HANDLES);
        Self {
            guest,
            output: CommandOutput {
                limit_bytes: output_bytes,
                json: None,
            },
            requests: None,
            wasi: wasi.build(),
            table,
        }
    }
}

impl WasiView for RunState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for RunState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        let requests = self.requests.get_or_insert_with(Box::default);
        requests.view(&mut self.guest, &mut self.table)
    }
}

// === impl CredentialDesk ===

impl CredentialDesk {
    pub(crate) fn new(source: Arc<dyn Credentials>, masker: Masker) -> Self {
        Self {
            source,
            masker,
            sealed: None,
            revealed: BTreeMap::new(),
            uses: Vec::new(),
            denied: Vec::new(),
            signatures: 0,
        }
    }

    /// The sealed credentials of the run; its requests share them.
    pub(crate) fn sealed(&mut self) -> &Arc<Sealed> {
        self.sealed.get_or_insert_with(|| {
            let source = Arc::clone(&self.source);
            Arc::new(Sealed::new(source, self.masker.clone()))
        })
    }

    /// The credentials that were used: those that the guest was given, then those that the host put into requests.
    pub(crate) fn take_uses(&mut self) -> Vec<CredentialUse> {
        let mut uses = std::mem::take(&mut self.uses);
        if let Some(sealed) = &self.sealed {
            uses.extend(sealed.uses());
        }
        uses
    }

    /// Whether the host refused `key` to this run.
    pub(crate) fn was_denied(&self, key: &str) -> bool {
        self.denied.iter().any(|denied| {
            denied
                .key
                .as_ref()
                .is_some_and(|denied| denied.as_str() == key)
        })
    }

    /// What the guest gets of a credential: the value, or the placeholder of a sealed one.
    pub(crate) fn credential(
        &mut self,
        asked: &str,
    ) -> Result<Result<Arc<str>, CredentialError>, Stop> {
        Ok(match self.ask(asked)? {
            Asked::Value(value) => Ok(value),
            Asked::Sealed(key, sealing) => Ok(self.sealed().hand_out(&key, sealing)?.into()),
            Asked::Missing(error) => Err(error),
        })
    }

    /// The value of a credential, sealed or not, for the host to sign with. The guest gets nothing.
    pub(crate) fn open(&mut self, asked: &str) -> Result<Result<Arc<str>, CredentialError>, Stop> {
        Ok(match self.ask(asked)? {
            Asked::Value(value) => Ok(value),
            Asked::Sealed(key, _) => {
                let value = self.sealed().open(&key).map_err(Stop::Sign)?;
                self.sealed().tell(&key, Purpose::Sign);
                Ok(value)
            }
            Asked::Missing(error) => Err(error),
        })
    }

    /// The sealed credential whose placeholder stands in `bytes`.
    pub(crate) fn placeholder_in(&self, bytes: &[u8]) -> Option<CredentialKey> {
        self.sealed.as_ref()?.placeholder_in(bytes)
    }

    fn ask(&mut self, asked: &str) -> Result<Asked, Stop> {
        let Ok(key) = asked.parse::<CredentialKey>() else {
            self.deny(None, DenialReason::InvalidKey);
            return Ok(Asked::Missing(CredentialError::missing(asked)));
        };
        if !self.revealed.contains_key(&key) {
            match self.source.reveal(&key) {
                Ok(reveal) => {
                    self.register(&key, &reveal.secret)?;
                    let used = CredentialUse {
                        key: key.clone(),
                        scope: reveal.scope,
                        version: reveal.version,
                        sealed: false,
                    };
                    self.source.used(&used, Purpose::Reveal);
                    self.uses.push(used);
                    self.revealed
                        .insert(key.clone(), SharedSecret::from(reveal.secret));
                }
                Err(RevealError::Denied(reason)) => {
                    self.deny(Some(key), reason);
                    return Ok(Asked::Missing(CredentialError::denied(asked, reason)));
                }
                Err(RevealError::Sealed(sealing)) => return Ok(Asked::Sealed(key, sealing)),
                Err(RevealError::Host(source)) => return Err(Stop::Reveal { key, source }),
            }
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "the value goes into the memory of the guest that asked for it, or into a signature"
        )]
        let value = self.revealed.get(&key).map(SharedSecret::expose);
        Ok(value.map_or_else(
            || Asked::Missing(CredentialError::missing(asked)),
            Asked::Value,
        ))
    }

    /// From here on the value is masked. Without that the guest does not get it.
    fn register(&self, key: &CredentialKey, secret: &Secret) -> Result<(), Stop> {
        match self.masker.register(secret) {
            Ok(Registered::Masked) => Ok(()),
            Ok(Registered::TooShort | Registered::Blank) => {
                tracing::warn!(%key, "the value is too short to be masked");
                Ok(())
            }
            Err(source) => Err(Stop::Mask {
                key: key.clone(),
                source,
            }),
        }
    }

    /// Those of `asked` that this run cannot have.
    pub(crate) fn missing(&mut self, asked: Vec<String>) -> Result<Vec<String>, Stop> {
        if asked.len() > MAX_KEYS {
            return Err(Stop::TooManyKeys { count: asked.len() });
        }
        let is_missing = |asked: &String| match asked.parse::<CredentialKey>() {
            Err(_) => {
                self.deny(None, DenialReason::InvalidKey);
                true
            }
            Ok(key) => match self.source.check(&key) {
                Ok(_) => false,
                Err(reason) => {
                    self.deny(Some(key), reason);
                    true
                }
            },
        };
        Ok(asked.into_iter().filter(is_missing).collect())
    }

    /// The keys that this run can have.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.source.keys().into_iter().map(String::from).collect()
    }

    fn deny(&mut self, key: Option<CredentialKey>, reason: DenialReason) {
        let denied = Denied { key, reason };
        if self.denied.len() < MAX_DENIALS && !self.denied.contains(&denied) {
            self.source.denied(&denied);
            self.denied.push(denied);
        }
    }
}

impl CredentialError {
    /// What the guest is told: not whether a credential is there, and of one that must be sealed that it is not.
    fn denied(asked: &str, reason: DenialReason) -> Self {
        match reason {
            DenialReason::NotSealed => Self::sealing_required(asked),
            DenialReason::NotFound
            | DenialReason::Expired
            | DenialReason::NotPermitted
            | DenialReason::InvalidKey => Self::missing(asked),
        }
    }

    fn sealing_required(asked: &str) -> Self {
        let key: String = asked.chars().take(MAX_KEY_BYTES).collect();
        let message = format!(
            "credential `{key}` is not sealed, and this workspace requires that: no step gets its value until it is"
        );
        Self {
            code: SEALING_REQUIRED.to_owned(),
            key,
            message,
        }
    }

    /// Whether the credential is there and must be sealed first.
    pub(crate) fn is_sealing_required(&self) -> bool {
        self.code == SEALING_REQUIRED
    }

    fn missing(asked: &str) -> Self {
        let key: String = asked.chars().take(MAX_KEY_BYTES).collect();
        let message = format!(
            "missing credential `{key}`: there is none of this key, or this workflow may not use it"
        );
        Self {
            code: MISSING.to_owned(),
            key,
            message,
        }
    }
}

// === impl CommandOutput ===

impl CommandOutput {
    fn set(&mut self, json: String) -> Result<(), Stop> {
        let length = json.len() as u64;
        // Taken over first: what is dropped is wiped, the refused text too.
        let json = Secret::new(json);
        if length > self.limit_bytes {
            return Err(Stop::OutputTooLarge { length });
        }
        self.json = Some(json);
        Ok(())
    }
}

/// Gives guests what both worlds may import.
pub(crate) fn add_to_linker(linker: &mut Linker<RunState>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    signing_imports::add_to_linker(linker)?;
    wasi_http::add_to_linker(linker)?;
    // Only types: a component that names them imports the instance.
    linker.instance("lockstep:step/failures@1.0.0")?;

    let mut credentials = linker.instance("lockstep:step/credentials@1.0.0")?;
    credentials.func_wrap(
        "credential",
        |mut store: StoreContextMut<'_, RunState>, (key,): (WasmStr,)| {
            // Of a key of a megabyte only what an error repeats is copied.
            let key: String = key
                .to_str(&store)?
                .chars()
                .take(MAX_KEY_BYTES + 1)
                .collect();
            Ok((store.data_mut().guest.desk.credential(&key)?,))
        },
    )?;
    credentials.func_wrap("keys", |store: StoreContextMut<'_, RunState>, (): ()| {
        Ok((store.data().guest.desk.keys(),))
    })?;
    credentials.func_wrap(
        "missing",
        |mut store: StoreContextMut<'_, RunState>, (keys,): (Vec<String>,)| {
            Ok((store.data_mut().guest.desk.missing(keys)?,))
        },
    )?;

    let mut output = linker.instance("lockstep:step/output@1.0.0")?;
    output.func_wrap(
        "set-output",
        |mut store: StoreContextMut<'_, RunState>, (json,): (String,)| {
            store.data_mut().output.set(json)?;
            Ok(())
        },
    )?;
    Ok(())
}
