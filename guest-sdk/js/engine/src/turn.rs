//! Turns of the event loop: what is queued runs, and a promise gets settled.

use std::cell::RefCell;

use rquickjs::{Ctx, Error, Exception, Persistent, Promise, Runtime, Value, qjs};

thread_local! {
    /// Promises that were rejected and that nobody handles, with their reasons.
    static UNHANDLED: RefCell<Vec<Rejection>> = const { RefCell::new(Vec::new()) };
}

struct Rejection {
    promise: Persistent<Value<'static>>,
    reason: Persistent<Value<'static>>,
}

/// Keeps the list of promises that were rejected and that nobody handles.
pub(crate) fn watch_rejections(runtime: &Runtime) {
    runtime.set_host_promise_rejection_tracker(Some(Box::new(
        |ctx, promise, reason, is_handled| {
            let promise = Persistent::save(&ctx, promise);
            UNHANDLED.with_borrow_mut(|unhandled| {
                if is_handled {
                    unhandled.retain(|rejection| rejection.promise != promise);
                } else {
                    let reason = Persistent::save(&ctx, reason);
                    unhandled.push(Rejection { promise, reason });
                }
            });
        },
    )));
}

/// Drives the event loop until a promise is settled. An error if it was rejected, or never can be settled.
pub(crate) fn settle<'js>(ctx: &Ctx<'js>, promise: &Promise<'js>) -> rquickjs::Result<Value<'js>> {
    end_but(ctx, Some(promise))?;
    match promise.result() {
        Some(result) => result,
        None => Err(Exception::throw_message(
            ctx,
            "the step waits for a promise that nothing can settle",
        )),
    }
}

/// Ends a turn: runs all that is queued. An error if a promise is left rejected that nobody handles.
pub(crate) fn end(ctx: &Ctx<'_>) -> rquickjs::Result<()> {
    end_but(ctx, None)
}

/// The same, but for one promise, which somebody looks at.
fn end_but<'js>(ctx: &Ctx<'js>, awaited: Option<&Promise<'js>>) -> rquickjs::Result<()> {
    let runtime = unsafe { qjs::JS_GetRuntime(ctx.as_raw().as_ptr()) };
    let mut context = std::ptr::null_mut();
    loop {
        match unsafe { qjs::JS_ExecutePendingJob(runtime, &raw mut context) } {
            0 => break,
            1.. => {}
            _ => return Err(Error::Exception),
        }
    }
    let awaited = awaited.map(|promise| Persistent::save(ctx, promise.as_value().clone()));
    let unhandled = UNHANDLED.take();
    match unhandled
        .into_iter()
        .find(|rejection| Some(&rejection.promise) != awaited.as_ref())
    {
        Some(rejection) => Err(ctx.throw(rejection.reason.restore(ctx)?)),
        None => Ok(()),
    }
}
