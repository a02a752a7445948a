//! The second argument of a step: what it knows of its run.

use rquickjs::{Ctx, Function, Object, Persistent, Value};

use super::{credentials::Credentials, own, signing::Signing};
use crate::{buffer::Buffer, engine, host, script, turn};

/// Makes the second argument.
pub(crate) struct Context {
    start: Persistent<Function<'static>>,
}

impl Context {
    pub(super) fn install<'js>(
        ctx: &Ctx<'js>,
        credentials: &Credentials<'js>,
        signing: &Signing<'js>,
    ) -> rquickjs::Result<Self> {
        let make: Function = own::evaluate(ctx, "context", include_str!("context.js"))?;
        let signal = Function::new(ctx.clone(), signal)?;
        let about = Function::new(ctx.clone(), about)?;
        let arguments = (
            credentials.credential.clone(),
            credentials.require.clone(),
            signing.sign.clone(),
            signing.verify.clone(),
            signal,
            about,
        );
        let start: Function = make.call(arguments)?;
        Ok(Self {
            start: Persistent::save(ctx, start),
        })
    }

    /// The second argument of a run.
    pub(crate) fn start<'js>(
        &self,
        ctx: &Ctx<'js>,
        input: &Value<'js>,
    ) -> rquickjs::Result<Object<'js>> {
        self.start.clone().restore(ctx)?.call((input.clone(),))
    }
}

/// What the run knows of itself.
fn about<'js>(ctx: Ctx<'js>) -> rquickjs::Result<Value<'js>> {
    script::parse(&ctx, &Buffer::of(host::context()), c"context")
}

/// A signal that aborts a little before the run has to be over. Made when a step first asks for it.
fn signal<'js>(ctx: Ctx<'js>, deadline_ms: f64) -> rquickjs::Result<Value<'js>> {
    engine::get(|engine| turn::deadline_signal(&ctx, &engine.natives.platform, deadline_ms))
}
