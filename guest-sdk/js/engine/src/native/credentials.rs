//! `credential`, `requireCredentials` and `MissingCredentialError`.

use std::cell::RefCell;

use rquickjs::{
    Ctx, Exception, Function, Object, Persistent, Value,
    function::{Constructor, Rest},
};

use crate::host;

thread_local! {
    static ERROR: RefCell<Option<Persistent<Constructor<'static>>>> = const { RefCell::new(None) };
    static KEYS_OF: RefCell<Option<Persistent<Function<'static>>>> = const { RefCell::new(None) };
}

/// The error that a step sees, and how to tell it from any other without running code of the step.
const CLASS: &str = include_str!("credentials.js");

pub(crate) fn install<'js>(ctx: &Ctx<'js>, step: &Object<'js>) -> rquickjs::Result<()> {
    let made: Object = ctx.eval(CLASS)?;
    ERROR.set(Some(made.get("MissingCredentialError")?));
    KEYS_OF.set(Some(made.get("keysOf")?));
    ctx.globals().set(
        "MissingCredentialError",
        made.get::<_, Value>("MissingCredentialError")?,
    )?;

    let credential = Function::new(ctx.clone(), credential)?.with_name("credential")?;
    let require = Function::new(ctx.clone(), require)?.with_name("requireCredentials")?;
    for object in [&ctx.globals(), step] {
        object.set("credential", credential.clone())?;
    }
    step.set("requireCredentials", require)
}

/// The keys of an uncaught `MissingCredentialError`; `None` if it is something else.
pub(crate) fn missing_keys<'js>(ctx: &Ctx<'js>, error: &Value<'js>) -> Option<Vec<String>> {
    let keys_of = KEYS_OF.with_borrow(Clone::clone)?.restore(ctx).ok()?;
    keys_of.call((error.clone(),)).ok()?
}

fn credential<'js>(ctx: Ctx<'js>, key: Value<'js>) -> rquickjs::Result<Value<'js>> {
    let key = key_of(&ctx, &key)?;
    let Some(value) = host::credential(&key) else {
        return Err(missing(&ctx, vec![key]));
    };
    // Values are UTF-8.
    let text = unsafe { std::str::from_utf8_unchecked(&value) };
    Ok(rquickjs::String::from_str(ctx, text)?.into_value())
}

fn require<'js>(ctx: Ctx<'js>, keys: Rest<Value<'js>>) -> rquickjs::Result<()> {
    let keys = keys
        .iter()
        .map(|key| key_of(&ctx, key))
        .collect::<Result<Vec<_>, _>>()?;
    let missing_keys = host::missing(&keys);
    if missing_keys.is_empty() {
        return Ok(());
    }
    Err(missing(&ctx, missing_keys))
}

fn key_of(ctx: &Ctx<'_>, value: &Value<'_>) -> rquickjs::Result<String> {
    match value.as_string() {
        Some(key) => key.to_string(),
        None => {
            let message = format!(
                "the key of a credential is a string, not {}",
                value.type_name()
            );
            Err(Exception::throw_type(ctx, &message))
        }
    }
}

fn missing(ctx: &Ctx<'_>, keys: Vec<String>) -> rquickjs::Error {
    let made = ERROR.with_borrow(Clone::clone).map(|class| {
        let error: Value = class.restore(ctx)?.construct((keys,))?;
        Ok(ctx.throw(error))
    });
    match made {
        Some(Ok(error) | Err(error)) => error,
        None => rquickjs::Error::Unknown,
    }
}
