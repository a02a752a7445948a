//! `credential`, `requireCredentials` and `MissingCredentialError`.

use std::cell::RefCell;

use rquickjs::{
    Ctx, Exception, Function, Object, Persistent, Value,
    function::{Constructor, Rest},
};

use super::own;
use crate::host::{self, Refused};

/// What a step finds.
pub(crate) struct Credentials<'js> {
    pub(crate) error: Value<'js>,
    pub(crate) credential: Function<'js>,
    pub(crate) require: Function<'js>,
}

thread_local! {
    static ERROR: RefCell<Option<Persistent<Constructor<'static>>>> = const { RefCell::new(None) };
    static KEYS_OF: RefCell<Option<Persistent<Function<'static>>>> = const { RefCell::new(None) };
}

pub(super) fn install<'js>(ctx: &Ctx<'js>) -> rquickjs::Result<Credentials<'js>> {
    let made: Object = own::evaluate(ctx, "credentials", include_str!("credentials.js"))?;
    ERROR.set(Some(made.get("MissingCredentialError")?));
    KEYS_OF.set(Some(made.get("keysOf")?));
    let credentials = Credentials {
        error: made.get("MissingCredentialError")?,
        credential: Function::new(ctx.clone(), credential)?.with_name("credential")?,
        require: Function::new(ctx.clone(), require)?.with_name("requireCredentials")?,
    };
    let globals = ctx.globals();
    globals.set("MissingCredentialError", credentials.error.clone())?;
    globals.set("credential", credentials.credential.clone())?;
    globals.set("requireCredentials", credentials.require.clone())?;
    Ok(credentials)
}

/// The keys of an uncaught `MissingCredentialError`; `None` if it is something else.
pub(crate) fn missing_keys(error: &Value<'_>) -> Option<Vec<String>> {
    let ctx = error.ctx();
    let keys_of = KEYS_OF.with_borrow(Clone::clone)?.restore(ctx).ok()?;
    keys_of.call((error.clone(),)).ok()?
}

fn credential<'js>(ctx: Ctx<'js>, key: Value<'js>) -> rquickjs::Result<Value<'js>> {
    let key = key_of(&ctx, &key)?;
    let value = match host::credential(&key) {
        Ok(value) => value,
        Err(refused) => {
            let not_sealed = match refused {
                Refused::SealingRequired => vec![key.clone()],
                Refused::Missing => Vec::new(),
            };
            return Err(refusal(&ctx, vec![key], not_sealed));
        }
    };
    let text = String::from_utf8_lossy(&value);
    Ok(rquickjs::String::from_str(ctx, &text)?.into_value())
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
    // Each is asked for, as only that tells which of them are there and must be sealed first. None is given.
    let is_not_sealed =
        |key: &&String| matches!(host::credential(key), Err(Refused::SealingRequired));
    let not_sealed = missing_keys.iter().filter(is_not_sealed).cloned().collect();
    Err(refusal(&ctx, missing_keys, not_sealed))
}

/// Keys are told to the host line by line.
fn key_of(ctx: &Ctx<'_>, value: &Value<'_>) -> rquickjs::Result<String> {
    let Some(key) = value.as_string() else {
        let message = format!(
            "the key of a credential is a string, not {}",
            value.type_name()
        );
        return Err(Exception::throw_type(ctx, &message));
    };
    let key = key.to_string()?;
    if key.contains('\n') {
        return Err(Exception::throw_type(
            ctx,
            "the key of a credential is one line",
        ));
    }
    Ok(key)
}

/// `not_sealed` are those of the keys whose credential must be sealed first.
fn refusal(ctx: &Ctx<'_>, keys: Vec<String>, not_sealed: Vec<String>) -> rquickjs::Error {
    let made = ERROR.with_borrow(Clone::clone).map(|class| {
        let error: Value = class.restore(ctx)?.construct((keys, not_sealed))?;
        Ok(ctx.throw(error))
    });
    match made {
        Some(Ok(error) | Err(error)) => error,
        None => rquickjs::Error::Unknown,
    }
}
