//! The web platform: a script that takes what it needs of the engine from one hidden object, and gives what the engine
//! needs of it.

use std::{cell::RefCell, io::Read as _};

use flate2::read::ZlibDecoder;
use rquickjs::{Coerced, Ctx, Function, Object, Persistent, TypedArray, Value};

use super::{network, own};
use crate::{
    host::{self, Stream},
    web,
};

/// What `cargo xtask engine` made of `platform/src`, a quarter of its size.
const SCRIPT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/platform.zlib"));

/// The name of the hidden object. The platform deletes it from the global.
const HIDDEN: &str = "__lockstep";

/// What the platform does for the engine. There is none in an engine that was built without it.
pub(crate) struct Platform {
    hooks: Option<Persistent<Object<'static>>>,
}

thread_local! {
    /// The first error that nobody caught, in a timer or a listener.
    static UNCAUGHT: RefCell<Option<Persistent<Value<'static>>>> = const { RefCell::new(None) };
}

/// The script, compiled.
pub(crate) fn compile(ctx: &Ctx<'_>) -> rquickjs::Result<Vec<u8>> {
    let mut script = String::new();
    ZlibDecoder::new(SCRIPT).read_to_string(&mut script)?;
    own::compile_without_text(ctx, "platform", &script)
}

impl Platform {
    pub(super) fn install(ctx: &Ctx<'_>, compiled: &[u8]) -> rquickjs::Result<Self> {
        ctx.globals().set(HIDDEN, hidden(ctx)?)?;
        let hooks: Value = own::evaluate_compiled(ctx, compiled)?;
        ctx.globals().remove(HIDDEN)?;
        let hooks = hooks
            .into_object()
            .map(|hooks| Persistent::save(ctx, hooks));
        Ok(Self { hooks })
    }

    /// When the earliest task is due, in microseconds of the run; 0 for at once.
    pub(crate) fn next_task_us(&self, ctx: &Ctx<'_>) -> rquickjs::Result<Option<f64>> {
        let due = self
            .hook(ctx, "nextTask")?
            .map(|hook| hook.call::<_, f64>(()));
        Ok(due.transpose()?.filter(|due| *due >= 0.0))
    }

    /// Runs one task that is due.
    pub(crate) fn run_task(&self, ctx: &Ctx<'_>, now_us: f64) -> rquickjs::Result<()> {
        self.hook(ctx, "runTask")?
            .map_or(Ok(()), |hook| hook.call((now_us,)))
    }

    /// Tells what happened to a request.
    pub(crate) fn hear<'js>(
        &self,
        ctx: &Ctx<'js>,
        kind: u8,
        id: i32,
        payload: Value<'js>,
    ) -> rquickjs::Result<()> {
        self.hook(ctx, "hear")?
            .map_or(Ok(()), |hook| hook.call((kind, id, payload)))
    }

    /// Whether an error is that of a request that the host refused.
    pub(crate) fn is_denial<'js>(&self, ctx: &Ctx<'js>, error: Value<'js>) -> bool {
        let hook = self.hook(ctx, "isDenial").ok().flatten();
        hook.is_some_and(|hook| hook.call((error,)).unwrap_or(false))
    }

    /// Whether the step deals with a rejection that nothing handles.
    pub(crate) fn deals_with_rejection<'js>(
        &self,
        ctx: &Ctx<'js>,
        promise: Value<'js>,
        reason: Value<'js>,
    ) -> rquickjs::Result<bool> {
        self.hook(ctx, "unhandledRejection")?
            .map_or(Ok(false), |hook| hook.call((promise, reason)))
    }

    /// Tells the step that such a rejection has got a handler after all.
    pub(crate) fn rejection_handled<'js>(
        &self,
        ctx: &Ctx<'js>,
        promise: Value<'js>,
        reason: Value<'js>,
    ) -> rquickjs::Result<()> {
        self.hook(ctx, "rejectionHandled")?
            .map_or(Ok(()), |hook| hook.call((promise, reason)))
    }

    /// A new signal, and the function `abort` that aborts it with a `TimeoutError` of a message.
    pub(crate) fn timeout_controller<'js>(
        &self,
        ctx: &Ctx<'js>,
    ) -> rquickjs::Result<Option<Object<'js>>> {
        self.hook(ctx, "timeoutController")?
            .map(|hook| hook.call(()))
            .transpose()
    }

    /// What to say below an error that comes from something that a step does not have.
    pub(crate) fn explain(&self, ctx: &Ctx<'_>, name: &str, message: &str) -> Option<String> {
        let hook = self.hook(ctx, "explain").ok()??;
        hook.call((name, message)).ok()?
    }

    fn hook<'js>(&self, ctx: &Ctx<'js>, name: &str) -> rquickjs::Result<Option<Function<'js>>> {
        match self.hooks.clone() {
            Some(hooks) => hooks.restore(ctx)?.get(name),
            None => Ok(None),
        }
    }
}

fn hidden<'js>(ctx: &Ctx<'js>) -> rquickjs::Result<Object<'js>> {
    let hidden = Object::new(ctx.clone())?;
    hidden.set("version", env!("CARGO_PKG_VERSION"))?;
    hidden.set("log", Function::new(ctx.clone(), log)?)?;
    hidden.set("now", Function::new(ctx.clone(), host::now_us)?)?;
    hidden.set("monotonic", Function::new(ctx.clone(), host::monotonic_us)?)?;
    hidden.set("random", Function::new(ctx.clone(), random)?)?;
    hidden.set("uncaught", Function::new(ctx.clone(), uncaught)?)?;
    hidden.set("network", network::natives(ctx)?)?;
    web::install(ctx, &hidden, host::random)?;
    Ok(hidden)
}

fn log(stream: i32, text: Coerced<String>) {
    let stream = if stream == 1 {
        Stream::Stdout
    } else {
        Stream::Stderr
    };
    host::log(stream, &text.0);
}

fn random(array: TypedArray<'_, u8>) {
    let mut bytes = vec![0; array.len()];
    host::random(&mut bytes);
    web::write_bytes(&array, &bytes);
}

fn uncaught<'js>(ctx: Ctx<'js>, error: Value<'js>) {
    UNCAUGHT.with_borrow_mut(|first| {
        first.get_or_insert_with(|| Persistent::save(&ctx, error));
    });
}

/// Takes the error that nobody caught.
pub(crate) fn take_uncaught<'js>(ctx: &Ctx<'js>) -> Option<Value<'js>> {
    UNCAUGHT.take()?.restore(ctx).ok()
}
