//! What ended a run other than an output, as the host hears it.

use rquickjs::{Ctx, Error, Exception, Value};

use crate::{
    engine, heap,
    native::{self, Errors, Natives},
};

/// Keys that are told to the host at most: as many as it takes in one call of `missing`.
const MAX_KEYS: usize = 10_000;

/// What ended a run.
pub(crate) struct Failure {
    kind: Kind,
    message: String,
    keys: Vec<String>,
    retryable: bool,
}

/// What a failure is, by the number that the host knows it by.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(crate) enum Kind {
    /// The step threw.
    Failed = 0,
    /// It threw that a credential is missing.
    MissingCredential = 1,
    /// Its output is not JSON.
    Output = 2,
    /// It ran out of memory.
    Memory = 3,
    /// It threw that a request was denied.
    Denied = 4,
}

impl Failure {
    /// The failure that an error is.
    pub(crate) fn new(ctx: &Ctx<'_>, natives: &Natives, kind: Kind, error: &Error) -> Self {
        let Some(thrown) = thrown(ctx, error) else {
            return Self::out_of_memory();
        };
        if is_out_of_memory(&natives.errors, &thrown) {
            return Self::out_of_memory();
        }
        let keys = native::missing_keys(&thrown);
        let Ok(told) = natives.errors.describe(&thrown) else {
            ctx.catch();
            return Self::out_of_memory();
        };
        let kind = if keys.is_some() {
            Kind::MissingCredential
        } else if natives.platform.is_denial(ctx, thrown) {
            Kind::Denied
        } else {
            kind
        };
        let message = match kind {
            Kind::Output => told_of_output(&told.message),
            Kind::Failed | Kind::MissingCredential | Kind::Memory | Kind::Denied => told.message,
        };
        Self {
            kind,
            message,
            keys: keys.unwrap_or_default(),
            retryable: told.retryable,
        }
    }

    fn out_of_memory() -> Self {
        Self {
            kind: Kind::Memory,
            message: "the step is out of memory".to_owned(),
            keys: Vec::new(),
            retryable: false,
        }
    }

    /// Adds the failure to an answer: kind, whether it is retryable and two zeros, one byte each; then the number of keys,
    /// the message, and the keys. Not JSON, as who reads that keeps copies, and a step may say a value in its message.
    pub(crate) fn write(&self, answer: &mut Vec<u8>) {
        let keys = &self.keys[..self.keys.len().min(MAX_KEYS)];
        let texts = || std::iter::once(&self.message).chain(keys);
        answer.reserve(8 + texts().map(|text| 4 + text.len()).sum::<usize>());
        answer.extend([self.kind as u8, u8::from(self.retryable), 0, 0]);
        write_number(answer, keys.len());
        for text in texts() {
            write_number(answer, text.len());
            answer.extend_from_slice(text.as_bytes());
        }
    }
}

/// Whether what ends a run is that there is no memory left. To tell takes some, so that what was set aside is given free.
pub(crate) fn is_out_of_memory(errors: &Errors, thrown: &Value<'_>) -> bool {
    // QuickJS throws `null` when there is no memory for its error.
    let is_bare = thrown.is_null() && heap::is_full();
    heap::release_reserve();
    is_bare
        || errors.is_out_of_memory(thrown).unwrap_or_else(|_| {
            thrown.ctx().catch();
            true
        })
}

/// Four bytes, the lowest first. What counts something in memory fits, as an address does.
fn write_number(answer: &mut Vec<u8>, number: usize) {
    answer.extend_from_slice(&(number as u32).to_le_bytes());
}

/// An error, for people.
pub(crate) fn describe(ctx: &Ctx<'_>, error: &Error) -> String {
    engine::try_get(|engine| Failure::new(ctx, &engine.natives, Kind::Failed, error).message)
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
