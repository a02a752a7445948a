//! What steps find in the engine beyond ECMAScript: the one place where it is put together.

mod console;
mod credentials;

use rquickjs::{Ctx, Object, Persistent};

pub(crate) use credentials::missing_keys;

/// What the engine itself needs of it.
pub(crate) struct Natives {
    /// The second argument of a step.
    pub(crate) ctx: Persistent<Object<'static>>,
}

/// The web platform: a script that takes its natives from one hidden object.
const PLATFORM: &str = include_str!(concat!(env!("OUT_DIR"), "/platform.js"));

/// The name of that object. The platform deletes it from the global.
const HIDDEN: &str = "__lockstep";

pub(crate) fn install(ctx: &Ctx<'_>) -> rquickjs::Result<Natives> {
    let step = Object::new(ctx.clone())?;
    console::install(ctx)?;
    credentials::install(ctx, &step)?;
    platform(ctx)?;
    Ok(Natives {
        ctx: Persistent::save(ctx, step),
    })
}

fn platform(ctx: &Ctx<'_>) -> rquickjs::Result<()> {
    let natives = Object::new(ctx.clone())?;
    ctx.globals().set(HIDDEN, natives)?;
    ctx.eval::<(), _>(PLATFORM)?;
    ctx.globals().remove(HIDDEN)
}
