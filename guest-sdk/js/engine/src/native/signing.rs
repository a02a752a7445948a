//! `sign` and `verify`: what the host computes with credentials that a step does not hold.

use rquickjs::{Ctx, Exception, FromJs, Function, Object, Value};

use super::{credentials::Credentials, own};
use crate::{host, web::Bytes};

/// What a step finds.
pub(super) struct Signing<'js> {
    pub(super) sign: Value<'js>,
    pub(super) verify: Value<'js>,
}

pub(super) fn install<'js>(
    ctx: &Ctx<'js>,
    credentials: &Credentials<'js>,
) -> rquickjs::Result<Signing<'js>> {
    let make: Function = own::evaluate(ctx, "signing", include_str!("signing.js"))?;
    let native = Function::new(ctx.clone(), sign)?;
    let made: Object = make.call((native, credentials.error.clone()))?;
    Ok(Signing {
        sign: made.get("sign")?,
        verify: made.get("verify")?,
    })
}

/// `data` is text or a `Uint8Array`.
fn sign<'js>(ctx: Ctx<'js>, asked: String, data: Value<'js>) -> rquickjs::Result<String> {
    let answer = match data.as_string() {
        Some(text) => host::sign(&asked, text.to_string()?.as_bytes()),
        None => host::sign(&asked, &Bytes::from_js(&ctx, data)?),
    };
    String::from_utf8(answer)
        .map_err(|_| Exception::throw_type(&ctx, "the host answered with what is no text"))
}
