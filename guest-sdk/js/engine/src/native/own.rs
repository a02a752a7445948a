//! The engine's own scripts. They run before any step, and keep what they need of the global to themselves.

use rquickjs::{Ctx, FromJs, context::EvalOptions};

/// What the names of their files begin with. Lines of them are left out of stacks.
pub(crate) const PREFIX: &str = "lockstep:";

/// The value of a script.
pub(crate) fn evaluate<'js, V: FromJs<'js>>(
    ctx: &Ctx<'js>,
    name: &str,
    script: &str,
) -> rquickjs::Result<V> {
    let mut options = EvalOptions::default();
    options.filename = Some(format!("{PREFIX}{name}"));
    ctx.eval_with_options(script, options)
}
