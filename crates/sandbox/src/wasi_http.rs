//! `wasi:http/outgoing-handler` for components. What leaves does so by the run's outlet, which decides about it.
//!
//! The types are those of wasmtime. What a guest can make the host hold with them is limited here: see [`room`].

mod answer;
mod error;
mod polling;
mod request;
mod room;
mod waits;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use http::header::{EXPECT, TE, TRAILER};
use http::{HeaderName, Request, Response};
use tokio::sync::Semaphore;
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource, ResourceTable};
use wasmtime_wasi_http::p2::bindings::http::types::{
    ErrorCode, HostFutureIncomingResponse as _, HostOutgoingRequest as _, Method,
};
use wasmtime_wasi_http::p2::types::{
    HostFutureIncomingResponse, HostIncomingResponse, HostOutgoingRequest,
};
use wasmtime_wasi_http::{
    DEFAULT_FORBIDDEN_HEADERS, Error, ForbiddenHeaderFilter, RequestOptions, WasiBody, WasiHttpCtx,
    WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

use crate::egress::{EgressError, HostFault, Outlet};
use crate::host::{Guest, RunState, Stop};

use room::{Room, Sizes};

pub(crate) use error::names_denial;

/// Requests that a guest may have open at once, those that wait for their turn included.
const MAX_OPEN: usize = 1_000;
/// Longest method, in bytes: that of HTTP have at most seventeen.
const MAX_METHOD_BYTES: usize = 64;
/// Longest host with a port, in bytes: a name has at most 253.
const MAX_AUTHORITY_BYTES: usize = 1 << 10;

/// What the host says itself, or what is of one connection only, beside what wasmtime forbids.
const ALSO_FORBIDDEN: [HeaderName; 3] = [EXPECT, TE, TRAILER];

/// What is kept of the requests of one run of a component.
#[derive(Default)]
pub(crate) struct WasiHttpState {
    context: WasiHttpCtx,
    hooks: Hooks,
    room: Room,
}

/// What wasmtime asks about the requests of one run.
#[derive(Default)]
struct Hooks {
    outlet: Option<Outlet>,
    told: Arc<Told>,
    open: Option<Arc<Semaphore>>,
    piece_bytes: usize,
}

/// What the requests of a run tell of, which go on beside its guest.
#[derive(Default)]
struct Told {
    /// The run is over: a body that ends now is not complete.
    is_over: AtomicBool,
    /// The host is at fault.
    host_fault: OnceLock<Arc<HostFault>>,
    /// What the last request that was denied was told.
    denial: Mutex<Option<String>>,
}

type Answered = (
    Response<WasiBody>,
    Box<dyn Future<Output = Result<(), Error>> + Send>,
);
type Answering = Box<dyn Future<Output = Result<Answered, Error>> + Send>;

// === impl WasiHttpState ===

impl WasiHttpState {
    /// What wasmtime works with; `guest` has the outlet.
    pub(crate) fn view<'a>(
        &'a mut self,
        guest: &mut Guest,
        table: &'a mut ResourceTable,
    ) -> WasiHttpCtxView<'a> {
        if self.hooks.outlet.is_none() {
            self.hooks.outlet = Some(guest.outlet().clone());
        }
        let room = self.room.in_table(table);
        self.context.set_field_size_limit(room.fields_bytes);
        self.hooks.piece_bytes = room.piece_bytes;
        WasiHttpCtxView {
            ctx: &mut self.context,
            table,
            hooks: &mut self.hooks,
        }
    }

    /// The run is over, and its resources go next: a body that was not finished must not look as if it were. Returns what
    /// the last request that was denied was told.
    pub(crate) fn end(&self) -> Option<String> {
        let told = &self.hooks.told;
        told.is_over.store(true, Ordering::Release);
        told.denial().take()
    }

    /// The way out of the run, if a request was made.
    fn outlet(&self) -> Option<&Outlet> {
        self.hooks.outlet.as_ref()
    }

    /// Ends the run if a request found the host at fault.
    pub(crate) fn check(&self) -> Result<(), Stop> {
        match self.hooks.told.host_fault.get() {
            Some(error) => Err(Stop::Request(Arc::clone(error))),
            None => Ok(()),
        }
    }
}

impl Drop for WasiHttpState {
    /// Nobody waits for the run any longer. The guest's resources go after this.
    fn drop(&mut self) {
        self.end();
    }
}

// === impl Told ===

impl Told {
    /// What the guest is told of a failed request.
    fn of(&self, error: EgressError) -> Error {
        if let Some(host_fault) = &error.of_the_host {
            // The guest finds the run over when it asks for the answer.
            self.host_fault.get_or_init(|| Arc::clone(host_fault));
        }
        if error.fault.is_denial() {
            *self.denial() = Some(error.message.clone());
        }
        error::of(error)
    }

    fn denial(&self) -> MutexGuard<'_, Option<String>> {
        self.denial.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Hooks ===

impl WasiHttpHooks for Hooks {
    fn forbidden_header_filter(&mut self) -> ForbiddenHeaderFilter {
        Arc::new(is_forbidden)
    }

    fn is_forbidden_header(&mut self, name: &HeaderName) -> bool {
        is_forbidden(name)
    }

    /// The client does.
    fn set_host_header(&mut self) -> bool {
        false
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Answering {
        let Some(outlet) = self.outlet.clone() else {
            return Box::new(async { Err(Error::ConfigurationError) });
        };
        let open = self
            .open
            .get_or_insert_with(|| Arc::new(Semaphore::new(MAX_OPEN)));
        let Ok(open) = Arc::clone(open).try_acquire_owned() else {
            return Box::new(async { Err(Error::ConnectionLimitReached) });
        };
        let told = Arc::clone(&self.told);
        let waits = waits::Waits::new(options.unwrap_or_default());
        Box::new(async move {
            let request = request::outgoing(request, &told).await;
            let sent = match request {
                Ok(request) => waits.head(outlet.send(request)).await,
                Err(error) => Err(error),
            };
            drop(open);
            let incoming = sent.map_err(|error| told.of(error))?;
            let done: Box<dyn Future<Output = Result<(), Error>> + Send> =
                Box::new(async { Ok(()) });
            Ok((answer::response(incoming, waits, told), done))
        })
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        self.piece_bytes
    }
}

fn is_forbidden(name: &HeaderName) -> bool {
    DEFAULT_FORBIDDEN_HEADERS.contains(name) || ALSO_FORBIDDEN.contains(name)
}

fn room_of(state: &RunState) -> Sizes {
    let requests = state.requests.as_ref();
    requests.map_or_else(|| Room::default().sizes(), |it| it.room.sizes())
}

/// Gives guests `wasi:http/types` and `wasi:http/outgoing-handler`.
pub(crate) fn add_to_linker(linker: &mut Linker<RunState>) -> wasmtime::Result<()> {
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)?;
    linker.allow_shadowing(true);
    limit_texts(linker)?;
    polling::add_to_linker(linker)?;
    linker.allow_shadowing(false);
    Ok(())
}

/// What a guest can make the host hold: wasmtime takes texts of any length.
fn limit_texts(linker: &mut Linker<RunState>) -> wasmtime::Result<()> {
    type State<'a> = StoreContextMut<'a, RunState>;
    type Asked = Resource<HostOutgoingRequest>;
    type Answer = Option<Result<Result<Resource<HostIncomingResponse>, ErrorCode>, ()>>;

    let mut types = linker.instance("wasi:http/types@0.2.12")?;
    types.func_wrap(
        "[method]outgoing-request.set-method",
        |mut store: State<'_>, (request, method): (Asked, Method)| {
            if matches!(&method, Method::Other(name) if name.len() > MAX_METHOD_BYTES) {
                return Ok((Err(()),));
            }
            Ok((store.data_mut().http().set_method(request, method)?,))
        },
    )?;
    types.func_wrap(
        "[method]outgoing-request.set-authority",
        |mut store: State<'_>, (request, authority): (Asked, Option<String>)| {
            if authority
                .as_ref()
                .is_some_and(|it| it.len() > MAX_AUTHORITY_BYTES)
            {
                return Ok((Err(()),));
            }
            Ok((store.data_mut().http().set_authority(request, authority)?,))
        },
    )?;
    types.func_wrap(
        "[method]outgoing-request.set-path-with-query",
        |mut store: State<'_>, (request, path): (Asked, Option<String>)| {
            let limit = room_of(store.data()).path_bytes;
            if path.as_ref().is_some_and(|it| it.len() > limit) {
                return Ok((Err(()),));
            }
            Ok((store.data_mut().http().set_path_with_query(request, path)?,))
        },
    )?;
    // A host that is at fault ends the run; wasmtime can tell the guest alone.
    types.func_wrap(
        "[method]future-incoming-response.get",
        |mut store: State<'_>, (answer,): (Resource<HostFutureIncomingResponse>,)| {
            let state = store.data_mut();
            if let Some(requests) = &state.requests {
                requests.check()?;
            }
            let answer: Answer = state.http().get(answer)?;
            Ok((answer,))
        },
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_a_request_was_denied_is_told_at_the_end_of_the_run() {
        let state = WasiHttpState::default();
        let told = &state.hooks.told;
        let denied = told.of(EgressError::denied("not there"));
        assert!(matches!(denied, Error::HttpRequestDenied));
        let body = told.of(EgressError::body("too long"));
        assert!(matches!(body, Error::InternalError(Some(text)) if text == "body: too long"));
        state.check().unwrap();
        assert_eq!(state.end().as_deref(), Some("not there"));
        assert_eq!(state.end(), None);
    }
}
