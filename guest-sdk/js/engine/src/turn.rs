//! Turns of the event loop: what is queued runs, time passes, and a promise gets settled.

use std::cell::{Cell, RefCell};

use rquickjs::{Ctx, Error, Exception, Function, Object, Persistent, Promise, Runtime, Value, qjs};

use crate::{
    engine, failure, host,
    native::{self, Platform, network},
    rejections::{Rejection, Rejections},
};

/// What aborts a little before the run has to be over.
struct Deadline {
    due_us: f64,
    controller: Persistent<Object<'static>>,
}

thread_local! {
    /// Since the turn began.
    static UNHANDLED: RefCell<Rejections> = const { RefCell::new(Rejections::new()) };
    /// In earlier turns; the step has dealt with them.
    static DEALT_WITH: RefCell<Rejections> = const { RefCell::new(Rejections::new()) };
    /// Some of these that have got a handler since.
    static HANDLED_LATE: RefCell<Rejections> = const { RefCell::new(Rejections::new()) };
    static DEADLINE: RefCell<Option<Deadline>> = const { RefCell::new(None) };
    /// Whether what happened last was news of a request.
    static HEARD: Cell<bool> = const { Cell::new(false) };
}

/// A signal aborts so long before the run has to be over, or when nine tenths of the time that is left have passed.
const NOTICE_US: f64 = 1e6;
const MICROSECONDS_PER_MS: f64 = 1e3;

/// Keeps the list of promises that were rejected and that nobody handles.
pub(crate) fn watch_rejections(runtime: &Runtime) {
    runtime.set_host_promise_rejection_tracker(Some(Box::new(
        |ctx, promise, reason, is_handled| {
            if !is_handled {
                let rejection = Rejection { promise, reason };
                UNHANDLED.with_borrow_mut(|list| list.add(&ctx, rejection));
                return;
            }
            UNHANDLED.with_borrow_mut(|list| list.take_one(&ctx, &promise));
            if let Some(late) = DEALT_WITH.with_borrow_mut(|list| list.take_one(&ctx, &promise)) {
                HANDLED_LATE.with_borrow_mut(|list| list.add(&ctx, late));
            }
        },
    )));
}

/// Drives the event loop until a promise is settled. An error if it was rejected, or never can be settled.
pub(crate) fn settle<'js>(
    ctx: &Ctx<'js>,
    platform: &Platform,
    promise: &Promise<'js>,
) -> rquickjs::Result<Value<'js>> {
    loop {
        end(ctx, platform, Some(promise))?;
        if let Some(result) = promise.result() {
            return result;
        }
        if !next_task(ctx, platform)? {
            let message = "the step waits for a promise that nothing can settle";
            return Err(Exception::throw_message(ctx, message));
        }
    }
}

/// Waits for what is due next or for news of a request, and runs it. False: nothing ever is, and none is awaited.
fn next_task(ctx: &Ctx<'_>, platform: &Platform) -> rquickjs::Result<bool> {
    let task_us = platform.next_task_us(ctx)?;
    let deadline_us = DEADLINE.with_borrow(|deadline| deadline.as_ref().map(|it| it.due_us));
    let due_us = [task_us, deadline_us]
        .into_iter()
        .flatten()
        .reduce(f64::min);
    let awaits_news = network::awaits_news();
    let Some(due_us) = due_us.or(awaits_news.then_some(f64::INFINITY)) else {
        return Ok(false);
    };
    let mut now_us = host::monotonic_us();
    let left_us = (due_us - now_us).max(0.0);
    // What is due and news that are there take turns.
    let listens = awaits_news && !HEARD.take();
    if left_us > 0.0 || listens {
        if let Some(news) = host::wait_us(left_us) {
            HEARD.set(true);
            network::tell(ctx, platform, &news)?;
            return Ok(true);
        }
        now_us = host::monotonic_us().max(due_us);
    }
    if deadline_us.is_some_and(|due_us| due_us <= now_us) {
        abort(ctx)?;
    } else {
        platform.run_task(ctx, now_us)?;
    }
    Ok(true)
}

/// Ends a turn: runs all that is queued. An error if something was thrown that nobody caught, or a promise is left rejected
/// that nobody handles, but for one that somebody looks at.
pub(crate) fn end<'js>(
    ctx: &Ctx<'js>,
    platform: &Platform,
    awaited: Option<&Promise<'js>>,
) -> rquickjs::Result<()> {
    loop {
        run_jobs(ctx)?;
        if let Some(error) = native::take_uncaught(ctx) {
            return Err(ctx.throw(error));
        }
        let unhandled = UNHANDLED.with_borrow_mut(|list| list.take_all(ctx))?;
        let late = HANDLED_LATE.with_borrow_mut(|list| list.take_all(ctx))?;
        if unhandled.is_empty() && late.is_empty() {
            return Ok(());
        }
        let reasons: Vec<_> = unhandled.iter().map(|it| it.reason.clone()).collect();
        for rejection in unhandled {
            let is_awaited =
                awaited.is_some_and(|awaited| *awaited.as_value() == rejection.promise);
            if !is_awaited && !dealt_with(ctx, platform, &rejection)? {
                return Err(ctx.throw(worst(reasons, rejection.reason)));
            }
        }
        for Rejection { promise, reason } in late {
            platform.rejection_handled(ctx, promise, reason)?;
        }
    }
}

/// Whether the step deals with a rejection that nobody handles.
fn dealt_with<'js>(
    ctx: &Ctx<'js>,
    platform: &Platform,
    rejection: &Rejection<'js>,
) -> rquickjs::Result<bool> {
    let Rejection { promise, reason } = rejection;
    let is_dealt_with = platform.deals_with_rejection(ctx, promise.clone(), reason.clone())?;
    if is_dealt_with {
        DEALT_WITH.with_borrow_mut(|list| list.add(ctx, rejection.clone()));
    }
    Ok(is_dealt_with)
}

/// What a run ends with that leaves promises rejected: that there was no memory, if one of them says so, as others may have
/// been left for want of it; else the first.
fn worst<'js>(reasons: Vec<Value<'js>>, first: Value<'js>) -> Value<'js> {
    let is_out_of_memory = |reason: &Value<'js>| {
        engine::try_get(|engine| failure::is_out_of_memory(&engine.natives.errors, reason))
    };
    let mut reasons = reasons.into_iter();
    let found = reasons.find(|reason| is_out_of_memory(reason) == Some(true));
    found.unwrap_or(first)
}

fn run_jobs(ctx: &Ctx<'_>) -> rquickjs::Result<()> {
    let runtime = unsafe { qjs::JS_GetRuntime(ctx.as_raw().as_ptr()) };
    let mut context = std::ptr::null_mut();
    loop {
        match unsafe { qjs::JS_ExecutePendingJob(runtime, &raw mut context) } {
            0 => return Ok(()),
            1.. => {}
            _ => return Err(Error::Exception),
        }
    }
}

/// The signal of the run; made when it is first asked for.
pub(crate) fn deadline_signal<'js>(
    ctx: &Ctx<'js>,
    platform: &Platform,
    deadline_ms: f64,
) -> rquickjs::Result<Value<'js>> {
    thread_local! {
        static SIGNAL: RefCell<Option<Persistent<Value<'static>>>> = const { RefCell::new(None) };
    }
    if let Some(signal) = SIGNAL.with_borrow(Clone::clone) {
        return signal.restore(ctx);
    }
    let Some(controller) = platform.timeout_controller(ctx)? else {
        return Ok(Value::new_undefined(ctx.clone()));
    };
    let signal: Value = controller.get("signal")?;
    let left_us = (deadline_ms * MICROSECONDS_PER_MS - host::now_us()).max(0.0);
    let due_us = host::monotonic_us() + left_us - NOTICE_US.min(left_us / 10.0);
    let controller = Persistent::save(ctx, controller);
    DEADLINE.set(Some(Deadline { due_us, controller }));
    SIGNAL.set(Some(Persistent::save(ctx, signal.clone())));
    Ok(signal)
}

fn abort(ctx: &Ctx<'_>) -> rquickjs::Result<()> {
    let Some(Deadline { controller, .. }) = DEADLINE.take() else {
        return Ok(());
    };
    let controller = controller.restore(ctx)?;
    let abort: Function = controller.get("abort")?;
    abort.call(("the time of the run is almost over",))
}
