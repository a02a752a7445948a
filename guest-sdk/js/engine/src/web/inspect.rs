//! What a script cannot see of a value: the state of a promise, what is behind a proxy, which slots an object has.

use rquickjs::promise::PromiseState;
use rquickjs::{Array, Ctx, Function, Object, Promise, Result, Value, qjs};

pub(super) fn natives<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let natives = Object::new(ctx.clone())?;
    natives.set("promiseState", Function::new(ctx.clone(), promise_state)?)?;
    natives.set("classOf", Function::new(ctx.clone(), class_of)?)?;
    natives.set("proxyDetails", Function::new(ctx.clone(), proxy_details)?)?;
    Ok(natives)
}

/// `[state, result]`: 0 and nothing while it is pending, 1 and the value, 2 and the reason.
fn promise_state<'js>(ctx: Ctx<'js>, promise: Promise<'js>) -> Result<Array<'js>> {
    let details = Array::new(ctx.clone())?;
    let state = match promise.state() {
        PromiseState::Pending => 0,
        PromiseState::Resolved => 1,
        PromiseState::Rejected => 2,
    };
    details.set(0, state)?;
    match promise.result::<Value<'js>>() {
        Some(Ok(value)) => details.set(1, value)?,
        Some(Err(_)) => details.set(1, ctx.catch())?,
        None => {}
    }
    Ok(details)
}

/// The number of QuickJS for the kind of an object. It is the same for all objects with the same internal slots, whatever
/// their prototype.
fn class_of(value: Value<'_>) -> u32 {
    // SAFETY: looks at a value that lives.
    unsafe { qjs::JS_GetClassID(value.as_raw()) }
}

/// `[target, handler]` of a proxy, both null where it was revoked; undefined for everything else.
fn proxy_details<'js>(ctx: Ctx<'js>, value: Value<'js>) -> Result<Option<Array<'js>>> {
    let Some(proxy) = value.into_proxy() else {
        return Ok(None);
    };
    let details = Array::new(ctx.clone())?;
    match proxy
        .target()
        .and_then(|target| Ok((target, proxy.handler()?)))
    {
        Ok((target, handler)) => {
            details.set(0, target)?;
            details.set(1, handler)?;
        }
        Err(_) => {
            ctx.catch();
            details.set(0, Value::new_null(ctx.clone()))?;
            details.set(1, Value::new_null(ctx))?;
        }
    }
    Ok(Some(details))
}
