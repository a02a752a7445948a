//! One run of a step, from its request to its answer.

use rquickjs::{Ctx, Object, Value, qjs};

use crate::{buffer::Buffer, engine::Engine, failure::Failure, output, script, turn};

/// Runs the step. The answer is `o` and the output, or `f` and the failure; both are JSON.
pub(crate) fn run(engine: &Engine, request: Buffer) -> Vec<u8> {
    engine.with(|ctx| {
        let (mark, json) = match complete(engine, ctx, &request) {
            Ok(json) => (b'o', json),
            Err(failure) => (
                b'f',
                failure.to_json(ctx).unwrap_or_else(|_| "{}".to_owned()),
            ),
        };
        let mut answer = Vec::with_capacity(json.len() + 1);
        answer.push(mark);
        answer.extend_from_slice(json.as_bytes());
        answer
    })
}

fn complete(engine: &Engine, ctx: &Ctx<'_>, request: &Buffer) -> Result<String, Failure> {
    let result = call(engine, ctx, request).map_err(|error| Failure::failed(ctx, &error))?;
    output::stringify(ctx, result).map_err(|error| Failure::output(ctx, &error))
}

fn call<'js>(engine: &Engine, ctx: &Ctx<'js>, request: &Buffer) -> rquickjs::Result<Value<'js>> {
    let request: Object = unsafe {
        let name = c"request".as_ptr();
        let length = request.len() as qjs::size_t;
        let value = qjs::JS_ParseJSON(ctx.as_raw().as_ptr(), request.as_ptr(), length, name);
        script::checked(ctx, value)?.get()?
    };
    let input: Value = request.get("input")?;
    let step = engine.natives.ctx.clone().restore(ctx)?;
    describe_run(&step, &request.get("run")?)?;
    step.set("input", input.clone())?;

    let function = match &*engine.script.borrow() {
        Some(script) => script.function(ctx)?,
        None => panic!("`declare` comes before `run`"),
    };
    let result: Value = function.call((input, step))?;
    match result.as_promise() {
        Some(promise) => turn::settle(ctx, promise),
        None => turn::end(ctx).map(|()| result),
    }
}

fn describe_run<'js>(step: &Object<'js>, run: &Object<'js>) -> rquickjs::Result<()> {
    for (name, from) in [
        ("runId", "id"),
        ("workflow", "workflow"),
        ("step", "step"),
        ("attempt", "attempt"),
    ] {
        step.set(name, run.get::<_, Value>(from)?)?;
    }
    Ok(())
}
