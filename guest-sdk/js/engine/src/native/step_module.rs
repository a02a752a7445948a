//! The module `@lockstep/step`, which a step may import.

use rquickjs::{Ctx, Exception, Function, Module, Persistent, Value, module};

use super::{credentials::Credentials, signing::Signing};

const NAME: &str = "@lockstep/step";

struct StepModule;

thread_local! {
    /// What the module exports: it is evaluated when a step that imports it is.
    static EXPORTS: std::cell::RefCell<Vec<(&'static str, Persistent<Value<'static>>)>> =
        const { std::cell::RefCell::new(Vec::new()) };
}

pub(super) fn declare<'js>(
    ctx: &Ctx<'js>,
    credentials: &Credentials<'js>,
    signing: &Signing<'js>,
) -> rquickjs::Result<()> {
    let define_step = Function::new(ctx.clone(), define_step)?.with_name("defineStep")?;
    let exports = [
        ("MissingCredentialError", credentials.error.clone()),
        ("credential", credentials.credential.clone().into_value()),
        ("defineStep", define_step.into_value()),
        (
            "requireCredentials",
            credentials.require.clone().into_value(),
        ),
        ("sign", signing.sign.clone()),
        ("verify", signing.verify.clone()),
    ];
    EXPORTS.set(
        exports
            .map(|(name, value)| (name, Persistent::save(ctx, value)))
            .into(),
    );
    Module::declare_def::<StepModule, _>(ctx.clone(), NAME)?;
    Ok(())
}

impl module::ModuleDef for StepModule {
    fn declare(declarations: &module::Declarations<'_>) -> rquickjs::Result<()> {
        EXPORTS.with_borrow(|exports| {
            exports
                .iter()
                .try_for_each(|(name, _)| declarations.declare(*name).map(|_| ()))
        })
    }

    fn evaluate<'js>(ctx: &Ctx<'js>, exports: &module::Exports<'js>) -> rquickjs::Result<()> {
        for (name, value) in EXPORTS.with_borrow(Clone::clone) {
            exports.export(name, value.restore(ctx)?)?;
        }
        Ok(())
    }
}

/// Gives a step its types in TypeScript; here it is the step as it is.
fn define_step<'js>(ctx: Ctx<'js>, step: Value<'js>) -> rquickjs::Result<Value<'js>> {
    if step.is_function() {
        return Ok(step);
    }
    let message = format!("a step is a function, not {}", step.type_name());
    Err(Exception::throw_type(&ctx, &message))
}
