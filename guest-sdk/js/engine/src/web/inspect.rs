//! What a script cannot see of a value: the state of a promise, what is behind a proxy, which slots an object has.

use rquickjs::promise::PromiseState;
use rquickjs::{Array, Ctx, Error, Function, Object, Promise, Result, Value, qjs};

pub(super) fn natives<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let natives = Object::new(ctx.clone())?;
    natives.set("promiseState", Function::new(ctx.clone(), promise_state)?)?;
    natives.set("classOf", Function::new(ctx.clone(), class_of)?)?;
    natives.set("proxyDetails", Function::new(ctx.clone(), proxy_details)?)?;
    natives.set("namedKeys", Function::new(ctx.clone(), named_keys)?)?;
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

/// QuickJS marks atoms that are small integers so. A key that has the mark is an index; one that has not may still be one.
const INDEX: qjs::JSAtom = 1 << 31;

/// The own keys of an object, but for indices below 2^31. A script would make a string of each of these first, which takes
/// seconds for an array of some millions.
fn named_keys<'js>(ctx: Ctx<'js>, object: Object<'js>) -> Result<Array<'js>> {
    let named = Array::new(ctx.clone())?;
    let raw = ctx.as_raw().as_ptr();
    let kinds = (qjs::JS_GPN_STRING_MASK | qjs::JS_GPN_SYMBOL_MASK) as i32;
    let (mut keys, mut length) = (std::ptr::null_mut(), 0);
    // SAFETY: the context and the object live; QuickJS writes a list and its length, which is ours to give back.
    unsafe {
        let value = object.as_value().as_raw();
        if qjs::JS_GetOwnPropertyNames(raw, &raw mut keys, &raw mut length, value, kinds) != 0 {
            return Err(Error::Exception);
        }
    }
    let mut count = 0;
    let mut result = Ok(());
    for at in 0..length as usize {
        // SAFETY: the list has so many keys.
        let atom = unsafe { (*keys.add(at)).atom };
        if atom & INDEX == 0 && result.is_ok() {
            // SAFETY: the list holds the key, and the new value is ours.
            let key = unsafe { Value::from_raw(ctx.clone(), qjs::JS_AtomToValue(raw, atom)) };
            result = named.set(count, key);
            count += 1;
        }
    }
    // SAFETY: as above; nothing of the list is used from here on.
    unsafe { qjs::JS_FreePropertyEnum(raw, keys, length) };
    result.map(|()| named)
}
