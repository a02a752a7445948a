//! What ended a run other than an output, as the host hears it.

use std::fmt::Write as _;

use rquickjs::{Ctx, Error, Exception, Value};

use crate::{
    engine, heap,
    native::{self, Errors},
};

/// What ended a run.
pub(crate) struct Failure {
    kind: Kind,
    name: String,
    message: String,
    stack: String,
    keys: Vec<String>,
    retryable: bool,
}

/// What a failure is.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// The step threw.
    Failed,
    /// It threw that a credential is missing.
    MissingCredential,
    /// It ran out of memory.
    Memory,
    /// Its output is not JSON.
    Output,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::MissingCredential => "missing_credential",
            Self::Memory => "memory",
            Self::Output => "output",
        }
    }
}

impl Failure {
    /// The failure that an error is.
    pub(crate) fn new(ctx: &Ctx<'_>, errors: &Errors, kind: Kind, error: &Error) -> Self {
        let is_full = heap::is_full();
        // To tell of an error takes memory, and there may be none left.
        heap::release_reserve();
        let Some(thrown) = thrown(ctx, error) else {
            return Self::out_of_memory();
        };
        // QuickJS throws `null` when there is no memory for its error.
        if is_full && thrown.is_null() {
            return Self::out_of_memory();
        }
        let keys = native::missing_keys(&thrown);
        let Ok(told) = errors.describe(&thrown) else {
            ctx.catch();
            return Self::out_of_memory();
        };
        if told.is_out_of_memory {
            return Self::out_of_memory();
        }
        let kind = if keys.is_some() {
            Kind::MissingCredential
        } else {
            kind
        };
        let message = match kind {
            Kind::Output => told_of_output(&told.message),
            Kind::Failed | Kind::MissingCredential | Kind::Memory => told.message,
        };
        Self {
            kind,
            name: told.name,
            message,
            stack: told.stack,
            keys: keys.unwrap_or_default(),
            retryable: told.retryable,
        }
    }

    fn out_of_memory() -> Self {
        Self {
            kind: Kind::Memory,
            name: "InternalError".to_owned(),
            message: "the step is out of memory".to_owned(),
            stack: String::new(),
            keys: Vec::new(),
            retryable: false,
        }
    }

    /// By hand: what a step has done to `toJSON` must not matter.
    pub(crate) fn to_json(&self) -> String {
        let keys: Vec<String> = self.keys.iter().map(|key| quoted(key)).collect();
        format!(
            r#"{{"kind":{},"name":{},"message":{},"stack":{},"keys":[{}],"retryable":{}}}"#,
            quoted(self.kind.name()),
            quoted(&self.name),
            quoted(&self.message),
            quoted(&self.stack),
            keys.join(","),
            self.retryable
        )
    }
}

/// An error, for people.
pub(crate) fn describe(ctx: &Ctx<'_>, error: &Error) -> String {
    engine::try_get(|engine| Failure::new(ctx, &engine.natives.errors, Kind::Failed, error).message)
        .unwrap_or_else(|| {
            let thrown = thrown(ctx, error);
            let exception = thrown
                .and_then(Value::into_object)
                .and_then(Exception::from_object);
            exception.map_or_else(|| error.to_string(), |exception| exception.to_string())
        })
}

/// What was thrown. `None`: there was no memory for it.
fn thrown<'js>(ctx: &Ctx<'js>, error: &Error) -> Option<Value<'js>> {
    match error {
        Error::Exception => {
            let has = ctx.has_exception();
            let thrown = ctx.catch();
            has.then_some(thrown)
        }
        Error::Allocation => None,
        other => {
            let text = rquickjs::String::from_str(ctx.clone(), &other.to_string());
            text.ok().map(rquickjs::String::into_value)
        }
    }
}

/// What `output.rs` throws begins with the place; what a step throws meanwhile (a getter, `toJSON`) does not.
fn told_of_output(message: &str) -> String {
    match message.strip_prefix("TypeError: ") {
        Some(place) if place.starts_with("output") => place.to_owned(),
        _ => format!("the output cannot be written as JSON: {message}"),
    }
}

/// Text as JSON.
fn quoted(text: &str) -> String {
    let mut json = String::with_capacity(text.len() + 2);
    json.push('"');
    for character in text.chars() {
        match character {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            control if control < ' ' => {
                // Writing to a string does not fail.
                let _ = write!(json, "\\u{:04x}", u32::from(control));
            }
            other => json.push(other),
        }
    }
    json.push('"');
    json
}
