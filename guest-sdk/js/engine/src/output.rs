//! The output of a step: JSON.

use rquickjs::{Ctx, Value};

/// The output as JSON text. `undefined` is `null`.
pub(crate) fn stringify<'js>(ctx: &Ctx<'js>, value: Value<'js>) -> rquickjs::Result<String> {
    match ctx.json_stringify(value)? {
        Some(text) => text.to_string(),
        None => Ok("null".to_owned()),
    }
}
