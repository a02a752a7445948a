//! One run of a step, from its input to its answer.

use std::mem::ManuallyDrop;

use rquickjs::{Ctx, Function, Value, function::This};

use crate::{
    buffer::Buffer,
    engine::Engine,
    failure::{Failure, Kind},
    script, turn,
};

/// The first byte of an answer.
const OUTPUT: u8 = b'o';
const FAILURE: u8 = b'f';

/// Runs the step. The answer is `o` and the output, which is JSON, or `f` and the failure.
///
/// Nothing large is given back: the instance is dropped, and to free 1 MB of JSON takes 2 ms.
pub(crate) fn run(engine: &Engine, input: Buffer) -> Vec<u8> {
    let input = ManuallyDrop::new(input);
    engine.with(|ctx| match complete(engine, ctx, &input) {
        Ok(json) => [&[OUTPUT], json.as_bytes()].concat(),
        Err(failure) => {
            let mut answer = vec![FAILURE];
            failure.write(&mut answer);
            answer
        }
    })
}

fn complete(engine: &Engine, ctx: &Ctx<'_>, input: &Buffer) -> Result<String, Failure> {
    let failure = |kind, error| Failure::new(ctx, &engine.natives, kind, &error);
    let result = call(engine, ctx, input).map_err(|error| failure(Kind::Failed, error))?;
    let result = ManuallyDrop::new(result);
    let output = engine.output.stringify(ctx, &result);
    output.map_err(|error| failure(Kind::Output, error))
}

fn call<'js>(engine: &Engine, ctx: &Ctx<'js>, input: &Buffer) -> rquickjs::Result<Value<'js>> {
    let platform = &engine.natives.platform;
    let input = script::parse(ctx, input, c"input")?;
    let context = engine.natives.context.start(ctx, &input)?;
    let function = match &*engine.script.borrow() {
        Some(script) => script.function(ctx, platform)?,
        None => panic!("`declare` comes before `run`"),
    };
    let result: Value = function.call((input, context))?;
    let result = resolved(ctx, result)?;
    match result.as_promise() {
        Some(promise) => turn::settle(ctx, platform, promise),
        None => turn::end(ctx, platform, None).map(|()| result),
    }
}

/// A promise of what has a method `then` and is no promise, as `await` makes one; all else as it is.
fn resolved<'js>(ctx: &Ctx<'js>, value: Value<'js>) -> rquickjs::Result<Value<'js>> {
    let Some(object) = value.as_object().filter(|_| !value.is_promise()) else {
        return Ok(value);
    };
    if !object.get::<_, Value>("then")?.is_function() {
        return Ok(value);
    }
    let (promise, resolve, _) = ctx.promise()?;
    let resolve: Function = resolve;
    resolve.call::<_, ()>((This(Value::new_undefined(ctx.clone())), value))?;
    Ok(promise.into_value())
}
