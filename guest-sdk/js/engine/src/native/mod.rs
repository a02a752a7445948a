//! What steps find in the engine beyond ECMAScript: the one place where it is put together.

mod context;
mod credentials;
mod errors;
pub(crate) mod network;
mod own;
mod platform;
mod random;
mod signing;
mod step_module;

use rquickjs::Ctx;

pub(crate) use context::Context;
pub(crate) use credentials::missing_keys;
pub(crate) use errors::{Errors, set_positions};
pub(crate) use platform::{Platform, compile as compile_platform, take_uncaught};

/// What the engine itself needs of it.
pub(crate) struct Natives {
    pub(crate) context: Context,
    pub(crate) errors: Errors,
    pub(crate) platform: Platform,
}

/// `platform` is what [`compile_platform`] gave.
pub(crate) fn install(ctx: &Ctx<'_>, platform: &[u8]) -> rquickjs::Result<Natives> {
    random::install(ctx)?;
    let credentials = credentials::install(ctx)?;
    let signing = signing::install(ctx, &credentials)?;
    step_module::declare(ctx, &credentials, &signing)?;
    Ok(Natives {
        context: Context::install(ctx, &credentials, &signing)?,
        errors: Errors::install(ctx)?,
        platform: Platform::install(ctx, platform)?,
    })
}
