//! Errors as people read them: their stacks, and the text of what ended a run.

use std::cell::RefCell;

use rquickjs::{Ctx, Function, Object, Persistent, Value, convert::List};

use super::own;
use crate::{engine, positions::Positions};

/// Describes what was thrown.
pub(crate) struct Errors {
    describe: Persistent<Function<'static>>,
    is_out_of_memory: Persistent<Function<'static>>,
}

/// What was thrown, for people.
pub(crate) struct Description {
    pub(crate) message: String,
    pub(crate) retryable: bool,
}

thread_local! {
    static POSITIONS: RefCell<Positions> = const { RefCell::new(Positions::NONE) };
}

/// Says where in the author's source the code of the step comes from.
pub(crate) fn set_positions(positions: Positions) {
    POSITIONS.set(positions);
}

impl Errors {
    pub(super) fn install(ctx: &Ctx<'_>) -> rquickjs::Result<Self> {
        let make: Function = own::evaluate(ctx, "errors", include_str!("errors.js"))?;
        let rewrite = Function::new(ctx.clone(), rewrite)?;
        let explain = Function::new(ctx.clone(), explain)?;
        let (describe, is_out_of_memory): (Function, Function) =
            make.call::<_, List<_>>((rewrite, explain))?.0;
        Ok(Self {
            describe: Persistent::save(ctx, describe),
            is_out_of_memory: Persistent::save(ctx, is_out_of_memory),
        })
    }

    /// An error if even that does not work: no stack, or no memory is left.
    pub(crate) fn describe<'js>(&self, thrown: &Value<'js>) -> rquickjs::Result<Description> {
        let ctx = thrown.ctx();
        let told: Object = self
            .describe
            .clone()
            .restore(ctx)?
            .call((thrown.clone(),))?;
        Ok(Description {
            message: told.get("message")?,
            retryable: told.get("retryable")?,
        })
    }

    /// Whether what was thrown is the error of QuickJS for want of memory. An error if not even that can be told.
    pub(crate) fn is_out_of_memory<'js>(&self, thrown: &Value<'js>) -> rquickjs::Result<bool> {
        let is_out_of_memory = self.is_out_of_memory.clone().restore(thrown.ctx())?;
        is_out_of_memory.call((thrown.clone(),))
    }
}

/// A stack of QuickJS, below a headline, without the lines of the engine's own scripts, in positions of the author.
fn rewrite(head: String, calls: String) -> String {
    let mut stack = head;
    POSITIONS.with_borrow_mut(|positions| {
        for call in calls.lines().filter(|call| !call.contains(own::PREFIX)) {
            stack.push('\n');
            positions.rewrite(call, &mut stack);
        }
    });
    stack
}

fn explain(ctx: Ctx<'_>, name: String, message: String) -> Option<String> {
    engine::try_get(|engine| engine.natives.platform.explain(&ctx, &name, &message))?
}
