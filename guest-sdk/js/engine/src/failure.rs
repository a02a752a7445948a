//! What a step threw, as the host hears it.

use rquickjs::{Coerced, Ctx, Error, Object, Value};

use crate::native;

/// Causes of causes are told so deep.
const CAUSES: usize = 8;

/// What ended a run.
pub(crate) struct Failure {
    kind: &'static str,
    name: String,
    message: String,
    stack: String,
    keys: Vec<String>,
}

impl Failure {
    pub(crate) fn failed(ctx: &Ctx<'_>, error: &Error) -> Self {
        Self::new(ctx, "failed", error)
    }

    pub(crate) fn output(ctx: &Ctx<'_>, error: &Error) -> Self {
        Self::new(ctx, "output", error)
    }

    fn new(ctx: &Ctx<'_>, kind: &'static str, error: &Error) -> Self {
        let thrown = thrown(ctx, error);
        let keys = native::missing_keys(ctx, &thrown);
        let kind = match keys {
            Some(_) => "missing_credential",
            None if is_out_of_memory(&thrown) => "memory",
            None => kind,
        };
        let object = thrown.as_object().cloned();
        let name = object
            .as_ref()
            .and_then(|object| property(object, "name"))
            .unwrap_or_default();
        let stack = object
            .as_ref()
            .and_then(|object| property(object, "stack"))
            .unwrap_or_default();
        Self {
            kind,
            name,
            message: tell(&thrown),
            stack,
            keys: keys.unwrap_or_default(),
        }
    }

    pub(crate) fn to_json(&self, ctx: &Ctx<'_>) -> rquickjs::Result<String> {
        let object = Object::new(ctx.clone())?;
        object.set("kind", self.kind)?;
        object.set("name", &*self.name)?;
        object.set("message", &*self.message)?;
        object.set("stack", &*self.stack)?;
        object.set("keys", self.keys.clone())?;
        object.set("retryable", false)?;
        match ctx.json_stringify(object)? {
            Some(text) => text.to_string(),
            None => Err(Error::Unknown),
        }
    }
}

/// An error, for people.
pub(crate) fn describe(ctx: &Ctx<'_>, error: &Error) -> String {
    tell(&thrown(ctx, error))
}

fn thrown<'js>(ctx: &Ctx<'js>, error: &Error) -> Value<'js> {
    if matches!(error, Error::Exception) {
        return ctx.catch();
    }
    let message = error.to_string();
    rquickjs::String::from_str(ctx.clone(), &message).map_or_else(
        |_| Value::new_undefined(ctx.clone()),
        rquickjs::String::into_value,
    )
}

/// The text of what was thrown, its stack and its causes.
fn tell(thrown: &Value<'_>) -> String {
    let mut text = headline(thrown);
    let mut object = thrown.as_object().cloned();
    for _ in 0..CAUSES {
        let Some(error) = object else { break };
        if let Some(stack) = property(&error, "stack") {
            text.push('\n');
            text.push_str(stack.trim_end());
        }
        let cause: Option<Value> = error.get("cause").ok();
        error.ctx().catch();
        let Some(cause) = cause.filter(|cause| !cause.is_undefined()) else {
            break;
        };
        text.push_str("\ncaused by: ");
        text.push_str(&headline(&cause));
        object = cause.as_object().cloned();
    }
    text
}

fn headline(value: &Value<'_>) -> String {
    let text = value.get::<Coerced<String>>();
    match text {
        Ok(text) => text.0,
        Err(_) => {
            value.ctx().catch();
            format!("a thrown {} that cannot be shown", value.type_name())
        }
    }
}

fn property(object: &Object<'_>, name: &str) -> Option<String> {
    let value = object.get::<_, Option<String>>(name);
    if value.is_err() {
        object.ctx().catch();
    }
    value.ok().flatten()
}

fn is_out_of_memory(thrown: &Value<'_>) -> bool {
    let Some(object) = thrown.as_object().filter(|_| thrown.is_error()) else {
        return false;
    };
    property(object, "name").as_deref() == Some("InternalError")
        && property(object, "message").as_deref() == Some("out of memory")
}
